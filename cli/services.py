"""The services of Helpdesk as child processes: how each is started, and what says that it can serve."""

import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.environment import child_environment
from helpdesk.errors import InvalidSetting
from helpdesk.settings import PredictionApiSettings, Settings, TicketApiSettings

LOOPBACK = "127.0.0.1"
TICKET_API, PREDICTION_API, RELAY, WORKER, CHROMA = "ticket-api", "prediction-api", "relay", "worker", "chroma"
NAMES = (CHROMA, PREDICTION_API, TICKET_API, RELAY, WORKER)
"""Every service, in the order in which they are listed and started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One child process.

    Attributes:
        url: where it serves; empty for those that do not.
        ready_path: answers with success once it can serve.
        ready_event: the log event by which one without a URL says that it works.
        after: services that must be ready before this one starts, and that stop after it.
        one_shot: it does its work once and ends; it is ready when it has ended well.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    url: str = ""
    ready_path: str = "/ready"
    ready_event: str = ""
    after: tuple[str, ...] = ()
    one_shot: bool = False


def chosen(settings: Settings, names: Sequence[str], *, workers: int) -> list[str]:
    """Return the names of the services to start: those given, else all that these settings need on this machine.

    Raises:
        InvalidSetting: an unknown service is named.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        remedy = f"the services are: {', '.join(NAMES)}; none means all"
        raise InvalidSetting("no such service", field=unknown[0], remedy=remedy)
    # Several processes search the index through one server, unless another is named.
    needless = {
        CHROMA: workers == 1 or settings.chroma_url is not None,
        PREDICTION_API: bool(settings.prediction_api.url),
    }
    return [name for name in NAMES if name in names] or [name for name in NAMES if not needless.get(name, False)]


def plan(settings: Settings, names: Sequence[str] = (), *, workers: int = 1) -> list[Service]:
    """Return the services to start, with what must be ready before each.

    Args:
        settings: with every port known, see ``with_ports``.
        names: which ones; none means all that are needed.
        workers: how many worker processes.

    Raises:
        InvalidSetting: an unknown service is named.
    """
    wanted = chosen(settings, names, workers=workers)
    services: list[Service] = []
    if CHROMA in wanted:
        chroma = _chroma(settings)
        settings = settings.model_copy(update={"chroma_url": chroma.url})
        services.append(chroma)
    # Lines of JSON carry level, event and fields apart, so that the supervisor can read and colour them.
    level = "DEBUG" if settings.log.level == "DEBUG" else "INFO"
    logs = settings.log.model_copy(update={"format": "json", "level": level})
    environment = child_environment(settings.model_copy(update={"log": logs}))
    for name in NAMES[1:]:
        if name in wanted:
            services.extend(_python_services(name, settings, environment, wanted, workers))
    return services


def with_ports(settings: Settings) -> Settings:
    """Return the settings with a free port wherever they say 0: children need to know each other's."""
    groups = {name.replace("-", "_"): group for name, group in _ported(settings).items() if group.port == 0}
    changes = {name: group.model_copy(update={"port": free_port(group.host)}) for name, group in groups.items()}
    return settings.model_copy(update=changes)


def require_free_ports(settings: Settings, names: Sequence[str]) -> None:
    """Raise InvalidSetting where a port that one of these services needs is taken; names port, setting and remedy."""
    for name, group in _ported(settings).items():
        if name not in names:
            continue
        variable = f"HELPDESK_{name.replace('-', '_').upper()}__PORT"
        try:
            with _socket(group.host) as probe:
                probe.bind((group.host, group.port))
        except OSError as error:
            raise InvalidSetting(
                f"port {group.port} on {group.host} cannot be used for the {name}: {error.strerror}",
                field=variable,
                remedy=f"stop the program that listens there, or choose another port: {variable}={group.port + 1}",
            ) from error


def free_port(host: str = LOOPBACK) -> int:
    """Return a port that nobody listens on."""
    with _socket(host) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def local_url(host: str, port: int) -> str:
    """Return the address under which a service of this machine is reached from it."""
    reachable = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _ported(settings: Settings) -> dict[str, TicketApiSettings | PredictionApiSettings]:
    return {TICKET_API: settings.ticket_api, PREDICTION_API: settings.prediction_api}


def _python_services(
    name: str, settings: Settings, environment: Mapping[str, str], wanted: Sequence[str], workers: int
) -> list[Service]:
    def run(module: str) -> tuple[str, ...]:
        return (sys.executable, "-m", module)

    match name:
        case "ticket-api":
            url = local_url(settings.ticket_api.host, settings.ticket_api.port)
            return [Service(name=name, command=run("ticket_api"), environment=environment, url=url)]
        case "prediction-api":
            url = local_url(settings.prediction_api.host, settings.prediction_api.port)
            return [Service(name=name, command=run("prediction_api"), environment=environment, url=url)]
        case "relay":
            event = "relay and watchdog run"
            return [Service(name=name, command=run("relay"), environment=environment, ready_event=event)]
        case _:
            after = tuple(other for other in (CHROMA, PREDICTION_API) if other in wanted)
            worker_names = [name] if workers == 1 else [f"{name}-{number}" for number in range(1, workers + 1)]
            return [
                Service(
                    name=worker,
                    command=run("processor"),
                    environment=environment,
                    ready_event="worker consumes",
                    after=after,
                )
                for worker in worker_names
            ]


def _chroma(settings: Settings) -> Service:
    """One server owns the local index, so that several processes can search it."""
    path = settings.state_dir / "knowledge"
    port = free_port()
    program = str(Path(sys.executable).with_name("chroma"))
    return Service(
        name=CHROMA,
        command=(program, "run", "--path", str(path), "--host", LOOPBACK, "--port", str(port)),
        environment=child_environment(settings) | {"ORT_DISABLE_TELEMETRY": "1", "ANONYMIZED_TELEMETRY": "False"},
        url=f"http://{LOOPBACK}:{port}",
        ready_path="/api/v2/heartbeat",
    )


def _socket(host: str) -> socket.socket:
    probe = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return probe
