"""The services that can be started, by name."""

from enum import StrEnum


class ServiceName(StrEnum):
    """A service, in the order in which they are listed and started."""

    CHROMA = "chroma"
    PREDICTION_API = "prediction-api"
    TICKET_API = "ticket-api"
    RELAY = "relay"
    WORKER = "worker"
