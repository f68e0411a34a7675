"""How values read on a page: times, shares, names; all of it plain text that the templates escape."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from helpdesk.clock import utc_now
from helpdesk.tickets import Author, ConversationMessage, Ticket

MAX_TITLE = 90
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_MOODS = ((-0.5, "upset"), (-0.05, "unhappy"), (0.05, "neutral"), (1.01, "friendly"))


def relative(moment: datetime) -> str:
    """Return how long ago a moment was, or how long it is until then: ``5 min ago``, ``in 2 h``."""
    seconds = (utc_now() - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def age(moment: datetime) -> str:
    """Return how long something has lasted: ``5 min``."""
    return span((utc_now() - moment).total_seconds())


def span(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    for length_s, unit in _UNITS:
        if seconds >= length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def absolute(moment: datetime) -> str:
    """Return a moment in full."""
    return f"{moment.astimezone(UTC):%a %d %b %Y, %H:%M:%S} UTC"


def percent(share: float) -> str:
    """Return a share between 0 and 1."""
    return f"{share:.0%}"


def words(name: str) -> str:
    """Return a name that code uses as words: ``get_refund`` is ``get refund``."""
    return name.replace("_", " ")


def mood(sentiment: float) -> str:
    """Return what a sentiment between -1 and 1 means."""
    return next(word for bound, word in _MOODS if sentiment < bound)


def title_of(ticket: Ticket, conversation: Sequence[ConversationMessage]) -> str:
    """Return what a ticket is called: its subject, else the customer's first line."""
    first = next((message.text for message in conversation if message.author is Author.CUSTOMER), "")
    lines = [line.strip() for line in (ticket.subject or first).splitlines() if line.strip()]
    title = lines[0] if lines else "Without words"
    return title if len(title) <= MAX_TITLE else f"{title[: MAX_TITLE - 1].rstrip()}…"


def safe_link(url: str) -> str:
    """Return a link that may stand on a page; empty where following it could run a script."""
    try:
        return url if urlsplit(url.strip()).scheme in {"http", "https"} else ""
    except ValueError:
        return ""
