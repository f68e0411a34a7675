"""The words that a decision is about: all that the customer wrote since the last answer. Training reads the same."""

from collections.abc import Sequence

from helpdesk.tickets import ConversationMessage, Ticket, answered_last_by, seen_at, unanswered
from models.preprocess import readable

MAX_EXCERPT_BYTES = 16_384
"""What models read of a ticket's messages; one message alone may be as long."""


def wording(ticket: Ticket, conversation: Sequence[ConversationMessage]) -> str:
    """Return the customer's own words since the last answer, whole; before the first answer the subject leads."""
    return _joined(ticket, conversation, _own_words(conversation))


def excerpt(
    ticket: Ticket, conversation: Sequence[ConversationMessage], *, limit_bytes: int = MAX_EXCERPT_BYTES
) -> str:
    """Return the wording for models: the newest message whole, and of those before it, from the newest, what fits."""
    *earlier, newest = _own_words(conversation) or [""]
    kept = [newest]
    room = limit_bytes - len(newest.encode("utf-8", "replace"))
    for words in reversed(earlier):
        if room <= 0:
            break
        encoded = words.encode("utf-8", "replace")
        kept.append(encoded[:room].decode("utf-8", "ignore"))
        room -= len(encoded)
    return _joined(ticket, conversation, kept[::-1])


def excerpt_at(ticket: Ticket, conversation: Sequence[ConversationMessage], turn: int) -> str:
    """Return the excerpt that this turn's decision was about."""
    return excerpt(ticket, seen_at(conversation, turn))


def _own_words(conversation: Sequence[ConversationMessage]) -> list[str]:
    return [readable(message.text) for message in unanswered(conversation)]


def _joined(ticket: Ticket, conversation: Sequence[ConversationMessage], words: Sequence[str]) -> str:
    # By a space: a message "Thanks" on a line of its own would read as the closing of a mail, and what follows be cut.
    text = " ".join(words)
    return f"{ticket.subject}\n{text}".strip() if answered_last_by(conversation) is None else text
