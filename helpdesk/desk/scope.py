"""What every part of the desk works with."""

from datetime import timedelta

from helpdesk.clock import Clock, utc_now
from helpdesk.ports.broker import Broker
from helpdesk.ports.store import Store


class Scope:
    """A store, a broker and a clock.

    Args:
        claim_lease_s: how long a claim holds.
    """

    def __init__(self, store: Store, broker: Broker, *, claim_lease_s: float, clock: Clock = utc_now) -> None:
        self._store = store
        self._broker = broker
        self._lease = timedelta(seconds=claim_lease_s)
        self._clock = clock
