"""When a failed handling is tried again: a pure decision."""

from helpdesk.errors import (
    HelpdeskError,
    KnowledgeUnavailable,
    PredictorUnavailable,
    StoreUnavailable,
    UndecodableMessage,
    WriterUnavailable,
)
from helpdesk.ports.broker import RETRY_LADDER_S


def next_delay_s(attempt: int, error: Exception) -> float | None:
    """Return how long to wait before the next attempt, or None when trying on makes no sense.

    Args:
        attempt: how often it has failed before this failure.

    A machine that is away is waited for briefly, then a person gets the ticket. The store is waited for as long as
    it takes, for without it nobody could get anything. What cannot be decoded never gets better.
    """
    patience: tuple[int, ...]
    match error:
        case StoreUnavailable():
            return float(RETRY_LADDER_S[min(attempt, len(RETRY_LADDER_S) - 1)])
        case PredictorUnavailable() | KnowledgeUnavailable():
            patience = RETRY_LADDER_S[:3]
        case WriterUnavailable():
            patience = RETRY_LADDER_S[:2]
        case UndecodableMessage():
            patience = ()
        case HelpdeskError() | Exception():
            patience = RETRY_LADDER_S
    return float(patience[attempt]) if attempt < len(patience) else None
