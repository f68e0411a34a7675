"""Ports and addresses of the services on this machine."""

import socket
from collections.abc import Collection, Iterator

from cli.service_names import ServiceName
from helpdesk.errors import InvalidSetting
from helpdesk.settings import AgentConsoleSettings, PredictionApiSettings, Settings, TicketApiSettings

LOOPBACK = "127.0.0.1"


def with_ports(settings: Settings) -> Settings:
    """Return the settings with a free port wherever they say 0: the services need to know each other's."""
    groups = {name: group for name, group in _groups(settings).items() if group.port == 0}
    changes = {name: group.model_copy(update={"port": free_port(group.host)}) for name, group in groups.items()}
    return settings.model_copy(update=changes)


def require_free_ports(settings: Settings, service_names: Collection[str], *, workers: int = 1) -> None:
    """Check the ports of these services before anything starts.

    Raises:
        InvalidSetting: one is taken, or its address is not this machine's; names port, setting and remedy.
    """
    for service, host, port, variable in _listeners(settings, workers):
        if service not in service_names:
            continue
        try:
            with _socket(host) as probe:
                probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InvalidSetting(
                f"port {port} on {host} cannot be used for the {service}: {reason}",
                field=variable,
                remedy=f"stop the program that listens there, or choose another port, as {variable}={port + 1}",
            ) from error


def free_port(host: str) -> int:
    """Return a port that nobody listens on."""
    with _socket(host) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def local_url(host: str, port: int) -> str:
    """Return the address under which a service of this machine is reached from it."""
    reachable = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def sign_in_url(settings: AgentConsoleSettings, token: str) -> str:
    """Return the one-time link to the desk that this token makes."""
    desk = settings.url.rstrip("/") or local_url(settings.host, settings.port)
    return f"{desk}/sign-in/link/{token}"


def _groups(settings: Settings) -> dict[str, TicketApiSettings | PredictionApiSettings | AgentConsoleSettings]:
    return {
        "ticket_api": settings.ticket_api,
        "prediction_api": settings.prediction_api,
        "agent_console": settings.agent_console,
    }


def worker_metrics_port(settings: Settings, number: int) -> int:
    """Return the port at which the n-th worker of this machine serves its metrics; 0 where none does."""
    first = settings.metrics.worker_port
    return first + number - 1 if first else 0


def _listeners(settings: Settings, workers: int) -> Iterator[tuple[str, str, int, str]]:
    """Yield service, host, port and setting of everything that would listen."""
    for name, group in _groups(settings).items():
        yield name.replace("_", "-"), group.host, group.port, f"HELPDESK_{name.upper()}__PORT"
    metrics = settings.metrics
    if metrics.relay_port:
        yield ServiceName.RELAY, metrics.host, metrics.relay_port, "HELPDESK_METRICS__RELAY_PORT"
    if metrics.worker_port:
        for number in range(1, workers + 1):
            port = worker_metrics_port(settings, number)
            yield ServiceName.WORKER, metrics.host, port, "HELPDESK_METRICS__WORKER_PORT"


def _socket(host: str) -> socket.socket:
    probe = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return probe
