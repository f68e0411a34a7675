"""One ticket on its way through the worker."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from helpdesk.messages import TicketSubmitted
from helpdesk.policy.decide import Decision
from helpdesk.policy.rules import Policy
from helpdesk.ports.broker import Delivery
from helpdesk.ports.knowledge import Passage
from helpdesk.ports.store import CachedAnswer
from helpdesk.ports.writer import WrittenAnswer
from helpdesk.predictions import Prediction
from helpdesk.tickets import ConversationMessage, Ticket


@dataclass(slots=True, kw_only=True)
class Work:
    """What is known of the ticket so far; each stage fills in its part.

    Attributes:
        ticket: as it stood when the work began; recording reads it again under lock.
        text: the customer's own words since the last answer, with the subject before the first.
        excerpt: as much of them as models read, the newest first of all.
        crashes: how often its handling was begun before and ended without a word.
        policy: the one that it is decided under.
        to_cache: what is kept of the answer for tickets that ask the same, once it is sent.
        begun: when the work began, on the clock of ``time.perf_counter``.
    """

    delivery: Delivery
    message: TicketSubmitted
    ticket: Ticket
    conversation: Sequence[ConversationMessage]
    text: str
    excerpt: str
    crashes: int
    prediction: Prediction | None = None
    policy: Policy | None = None
    passages: Sequence[Passage] = ()
    decision: Decision | None = None
    answer: WrittenAnswer | None = None
    to_cache: CachedAnswer | None = None
    versions: dict[str, str] = field(default_factory=dict)
    duration_ms: dict[str, float] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)
