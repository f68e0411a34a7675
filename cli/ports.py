"""Ports and addresses of the services on this machine."""

import socket
from collections.abc import Collection

from helpdesk.errors import InvalidSetting
from helpdesk.settings import PredictionApiSettings, Settings, TicketApiSettings

LOOPBACK = "127.0.0.1"


def with_ports(settings: Settings) -> Settings:
    """Return the settings with a free port wherever they say 0: the services need to know each other's."""
    groups = {name: group for name, group in _groups(settings).items() if group.port == 0}
    changes = {name: group.model_copy(update={"port": free_port(group.host)}) for name, group in groups.items()}
    return settings.model_copy(update=changes)


def require_free_ports(settings: Settings, service_names: Collection[str]) -> None:
    """Check the ports of these services before anything starts.

    Raises:
        InvalidSetting: one is taken, or its address is not this machine's; names port, setting and remedy.
    """
    for name, group in _groups(settings).items():
        service = name.replace("_", "-")
        variable = f"HELPDESK_{name.upper()}__PORT"
        if service not in service_names:
            continue
        try:
            with _socket(group.host) as probe:
                probe.bind((group.host, group.port))
        except OSError as error:
            raise InvalidSetting(
                f"port {group.port} on {group.host} cannot be used for the {service}: {error.strerror}",
                field=variable,
                remedy=f"stop the program that listens there, or choose another port, as {variable}={group.port + 1}",
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


def _groups(settings: Settings) -> dict[str, TicketApiSettings | PredictionApiSettings]:
    return {"ticket_api": settings.ticket_api, "prediction_api": settings.prediction_api}


def _socket(host: str) -> socket.socket:
    probe = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return probe
