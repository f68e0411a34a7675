"""The pages of the desk that the bar at the top leads to, by role."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_console.access import DESK_ROLES
from helpdesk.people import Account, DeskRole


@dataclass(frozen=True, slots=True)
class Place:
    """One page of the bar: who sees it, and the keys that lead to it."""

    label: str
    path: str
    keys: str
    roles: frozenset[DeskRole]


PLACES: Sequence[Place] = (
    Place("Queues", "/queues", "g q", frozenset(DESK_ROLES)),
    Place("Tickets", "/tickets", "g t", frozenset(DESK_ROLES)),
    Place("People", "/people", "g p", frozenset({DeskRole.OPERATOR})),
)
OWN_PAGE = "/me"


def places_of(account: Account) -> list[Place]:
    """Return where this account may go."""
    return [place for place in PLACES if place.roles & account.roles]


def home_of(account: Account) -> str:
    """Return where this account begins."""
    return next((place.path for place in places_of(account)), OWN_PAGE)


def safe_next(path: str) -> str:
    """Return a path of this site to go on to; empty where it leads elsewhere, or may be read so by some browser."""
    usable = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if usable else ""
