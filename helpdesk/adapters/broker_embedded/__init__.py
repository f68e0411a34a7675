"""The embedded queue: a table in the store's own SQLite file, with leases that any number of processes share safely."""

from helpdesk.adapters.broker_embedded.broker import EmbeddedBroker

__all__ = ["EmbeddedBroker"]
