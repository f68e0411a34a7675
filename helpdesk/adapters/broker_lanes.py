"""What every broker adapter shares: destinations, turns among lanes, retry steps, limits, headers of dead letters."""

from collections.abc import Sequence

from helpdesk.errors import PayloadTooLarge
from helpdesk.messages import MAX_MESSAGE_BYTES
from helpdesk.ports.broker import DEAD, LANES, RETRY_LADDER_S, Envelope, human
from helpdesk.tickets import HUMAN_QUEUES

DESTINATIONS = (*LANES, *(human(queue) for queue in HUMAN_QUEUES), DEAD)
"""Everywhere a message can wait."""

PATIENCE = 15
"""A waiting lane is served after this many messages from lanes before it."""


class LaneTurns:
    """Whose turn it is: the first lane that has a message, unless another was passed over too often."""

    def __init__(self, lanes: int) -> None:
        self._passed_over = [0] * lanes

    def next(self, waiting: Sequence[bool]) -> int | None:
        """Return the index of the lane to serve, or None when no lane has a message."""
        candidates = [index for index, has_message in enumerate(waiting) if has_message]
        if not candidates:
            return None
        impatient = [index for index in candidates if self._passed_over[index] >= PATIENCE]
        chosen = max(impatient, key=self._passed_over.__getitem__) if impatient else candidates[0]
        for index in candidates:
            self._passed_over[index] = 0 if index == chosen else self._passed_over[index] + 1
        return chosen


def retry_step_s(delay_s: float) -> int:
    """Return the first step of the ladder that is at least ``delay_s`` long, or the longest."""
    return next((step for step in RETRY_LADDER_S if step >= delay_s), RETRY_LADDER_S[-1])


def refuse_oversize(envelopes: Sequence[Envelope]) -> None:
    """Raise PayloadTooLarge if any body is over the limit."""
    largest = max((len(envelope.body) for envelope in envelopes), default=0)
    if largest > MAX_MESSAGE_BYTES:
        raise PayloadTooLarge(largest, MAX_MESSAGE_BYTES)


def dead_headers(envelope: Envelope, reason: str) -> dict[str, str]:
    """Return the headers that the message carries in ``dead``."""
    return {**envelope.headers, "reason": reason, "source": envelope.destination}
