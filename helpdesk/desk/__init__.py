"""The desk: what people do with tickets, and how a ticket comes to wait for them."""

from helpdesk.desk.claims import BROKER_CONSUMER
from helpdesk.desk.desk import Desk
from helpdesk.desk.queueing import enqueue, event, waiting

__all__ = ["BROKER_CONSUMER", "Desk", "enqueue", "event", "waiting"]
