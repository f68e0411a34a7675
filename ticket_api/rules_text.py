"""The words of a ticket as workers read them; the models' code is imported at the first replay, and not before."""

from collections.abc import Sequence

from helpdesk.tickets import ConversationMessage, Ticket


def wording(ticket: Ticket, conversation: Sequence[ConversationMessage]) -> str:
    """Return the words that the policy's rules look at."""
    from models import wording as words

    return words.wording(ticket, conversation)


def excerpt(ticket: Ticket, conversation: Sequence[ConversationMessage]) -> str:
    """Return what the models read of them."""
    from models import wording as words

    return words.excerpt(ticket, conversation)
