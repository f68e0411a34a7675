"""People who work at the desk: what they may do, what they take, and what a person's record must hold."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from helpdesk.errors import InvalidInput
from helpdesk.tickets import HUMAN_QUEUES

MAX_DISPLAY_NAME = 100
MAX_CAPACITY = 1_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


class DeskRole(StrEnum):
    """What somebody may do at the desk; a person may have several."""

    AGENT = "agent"
    LEAD = "lead"
    OPERATOR = "operator"
    ML = "ml"


class Theme(StrEnum):
    """In which colours the desk shows itself to a person."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works at the desk.

    Attributes:
        name: what they sign in with; tickets and their history carry it.
        queues: the human queues whose tickets they take (empty: all).
        capacity: how many tickets they may hold at a time.
        active: whether they may sign in.
        password_hash: empty until they choose a password; until then only a one-time link lets them in.
    """

    name: str
    display_name: str
    roles: tuple[DeskRole, ...]
    queues: tuple[str, ...] = ()
    capacity: int = 10
    active: bool = True
    theme: Theme = Theme.AUTO
    password_hash: str = field(default="", repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whoever is signed in: a person, or the bearer of an API key (``key_id``), who has no record of their own."""

    name: str
    display_name: str
    roles: frozenset[DeskRole]
    queues: tuple[str, ...] = ()
    capacity: int = 10
    theme: Theme = Theme.AUTO
    has_password: bool = False
    key_id: str | None = None


def folded(name: str) -> str:
    """Return a name as it is stored: people need not remember its capitals."""
    return name.strip().lower()


def require_valid(person: Person) -> None:
    """Check a record before it is stored.

    Raises:
        InvalidInput: names the field, what is wrong with it, and what to do.
    """
    if not _NAME.fullmatch(person.name):
        raise InvalidInput(
            f"{person.name!r} cannot be a name",
            field="name",
            remedy="use 1 to 64 of the letters a to z, digits, and . _ @ + -, beginning with a letter or a digit",
        )
    shown = person.display_name
    if not shown.strip() or len(shown) > MAX_DISPLAY_NAME or not shown.isprintable():
        raise InvalidInput(
            f"is not 1 to {MAX_DISPLAY_NAME} visible characters",
            field="display_name",
            remedy="write the name as colleagues know it",
        )
    if not person.roles:
        raise InvalidInput("is empty", field="roles", remedy=f"choose at least one of: {', '.join(DeskRole)}")
    if unknown := sorted(set(person.queues) - set(HUMAN_QUEUES)):
        raise InvalidInput(
            f"no queue is called {unknown[0]!r}", field="queues", remedy=f"choose from: {', '.join(HUMAN_QUEUES)}"
        )
    if not 1 <= person.capacity <= MAX_CAPACITY:
        raise InvalidInput(f"is {person.capacity}", field="capacity", remedy=f"choose 1 to {MAX_CAPACITY}")
