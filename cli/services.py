"""The services of Helpdesk as child processes: how each is started, and what says that it can serve."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from cli.environment import child_environment
from cli.ports import LOOPBACK, free_port, local_url, worker_metrics_port
from cli.service_names import ServiceName
from helpdesk.settings import Settings

KNOWLEDGE = "knowledge"
"""Brings the knowledge base up to date before the first worker searches it, and ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One child process.

    Attributes:
        url: where it serves; empty for those that do not.
        metrics_url: where it serves its metrics; empty where it serves none.
        ready_path: answers with success once it can serve.
        ready_event: the log event by which one without a URL says that it works.
        after: services that must be ready before this one starts, and that stop after it.
        one_shot: it does its work once and ends; it is ready when it has ended well.
        is_foreign: its lines are no log records of ours, and show at the level DEBUG only.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    url: str = ""
    metrics_url: str = ""
    ready_path: str = "/ready"
    ready_event: str = ""
    after: tuple[str, ...] = ()
    one_shot: bool = False
    is_foreign: bool = False


def needed(settings: Settings, *, workers: int) -> list[ServiceName]:
    """Return the services that these settings need on this machine."""
    not_needed = set()
    if settings.prediction_api.url:
        not_needed.add(ServiceName.PREDICTION_API)
    # One process reads the index itself; several share it through one server, unless another is named.
    if workers == 1 or settings.chroma_url is not None:
        not_needed.add(ServiceName.CHROMA)
    return [name for name in ServiceName if name not in not_needed]


def plan(
    settings: Settings, names: Sequence[ServiceName], *, workers: int, replace_knowledge: bool = False
) -> list[Service]:
    """Return the child processes to start, each with what must be ready before it.

    Args:
        settings: with every port known, see ``with_ports``.
        workers: how many worker processes.
        replace_knowledge: load the configured articles also where somebody has loaded others by hand.
    """
    services: list[Service] = []
    if ServiceName.CHROMA in names:
        services.append(_chroma(settings))
        settings = settings.model_copy(update={"chroma_url": SecretStr(services[0].url)})
    # As JSON, the level, event and fields of a log line stand apart, so that the supervisor can read and colour them.
    logs = {"format": "json", "level": "DEBUG" if settings.log.level == "DEBUG" else "INFO"}
    environment = child_environment(settings.model_copy(update={"log": settings.log.model_copy(update=logs)}))
    if ServiceName.PREDICTION_API in names:
        services.append(
            Service(
                name=ServiceName.PREDICTION_API,
                command=_python("prediction_api"),
                environment=environment,
                url=local_url(settings.prediction_api.host, settings.prediction_api.port),
            )
        )
    if ServiceName.TICKET_API in names:
        services.append(
            Service(
                name=ServiceName.TICKET_API,
                command=_python("ticket_api"),
                environment=environment,
                url=local_url(settings.ticket_api.host, settings.ticket_api.port),
            )
        )
    if ServiceName.AGENT_CONSOLE in names:
        services.append(
            Service(
                name=ServiceName.AGENT_CONSOLE,
                command=_python("agent_console"),
                environment=environment,
                url=local_url(settings.agent_console.host, settings.agent_console.port),
            )
        )
    if ServiceName.RELAY in names:
        relay = Service(
            name=ServiceName.RELAY,
            command=_python("relay"),
            environment=environment,
            metrics_url=_metrics_url(settings, settings.metrics.relay_port),
            ready_event="relay and watchdog run",
        )
        services.append(relay)
    if ServiceName.WORKER in names:
        index = tuple(service.name for service in services if service.name == ServiceName.CHROMA)
        predictor = tuple(service.name for service in services if service.name == ServiceName.PREDICTION_API)
        refresh = _python("cli.refresh_knowledge")
        services.append(
            Service(
                name=KNOWLEDGE,
                command=(*refresh, "--always") if replace_knowledge else refresh,
                environment=environment,
                after=index,
                one_shot=True,
            )
        )
        services.extend(_workers(settings, environment, (*index, *predictor, KNOWLEDGE), workers))
    return services


def _workers(
    settings: Settings, environment: Mapping[str, str], needs: tuple[str, ...], workers: int
) -> Iterator[Service]:
    for number in range(1, workers + 1):
        port = worker_metrics_port(settings, number)
        yield Service(
            name=ServiceName.WORKER if workers == 1 else f"{ServiceName.WORKER}-{number}",
            command=_python("processor"),
            environment={**environment, "HELPDESK_METRICS__WORKER_PORT": str(port)},
            metrics_url=_metrics_url(settings, port),
            ready_event="worker consumes",
            after=needs,
        )


def _metrics_url(settings: Settings, port: int) -> str:
    return f"{local_url(settings.metrics.host, port)}/metrics" if port else ""


def _chroma(settings: Settings) -> Service:
    """One server owns the local index, so that several processes can search it."""
    port = free_port(LOOPBACK)
    path = settings.state_dir / "knowledge"
    program = str(Path(sys.executable).with_name("chroma"))
    return Service(
        name=ServiceName.CHROMA,
        command=(program, "run", "--path", str(path), "--host", LOOPBACK, "--port", str(port)),
        environment=child_environment(settings) | {"ORT_DISABLE_TELEMETRY": "1", "ANONYMIZED_TELEMETRY": "False"},
        url=local_url(LOOPBACK, port),
        ready_path="/api/v2/heartbeat",
        is_foreign=True,
    )


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)
