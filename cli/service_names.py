"""The services that can be started, by name."""

from enum import StrEnum


class ServiceName(StrEnum):
    """A service, in the order in which they are listed and started."""

    CHROMA = "chroma"
    PREDICTION_API = "prediction-api"
    TICKET_API = "ticket-api"
    AGENT_CONSOLE = "agent-console"
    RELAY = "relay"
    WORKER = "worker"
