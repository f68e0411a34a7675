"""The part of the store port that knows people: their sessions, the links that let them in once, what they hold."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from helpdesk.people import Person
from helpdesk.tickets import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody's stay at the desk, without its secret: of a person, or of the bearer of an API key.

    Attributes:
        session_sha256: hex digest of the random id that the browser holds.
        seen_at: when it was last used, to the minute.
        expires_at: when it ends however much it is used.
    """

    session_sha256: str
    person: str | None
    key_id: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLink:
    """A link that lets a person in once, without its secret; ``link_sha256`` is the hex digest of the whole token."""

    link_sha256: str
    person: str
    created_at: datetime
    expires_at: datetime


class People(Protocol):
    """Reads and writes people, sessions and links, and reads what people hold, within one transaction."""

    def add_person(self, person: Person) -> None:
        """Store a new person.

        Raises:
            PersonExists: somebody has this name already.
        """

    def person(self, name: str) -> Person:
        """Return one person, locked as in ``ticket``.

        Raises:
            PersonNotFound: there is none.
        """

    def people(self) -> list[Person]:
        """Return everybody, in the order of their names."""

    def save_person(self, person: Person) -> None:
        """Write a person's record over the one of the same name.

        Raises:
            PersonNotFound: there is none.
        """

    def add_session(self, session: Session) -> None: ...
    def session(self, session_sha256: str) -> Session | None: ...
    def touch_session(self, session_sha256: str, *, at: datetime) -> None: ...
    def end_session(self, session_sha256: str) -> None:
        """End one session; it need not be there."""

    def end_sessions(self, *, person: str | None = None, key_id: str | None = None, but: str = "") -> int:
        """End all sessions of a person, or of a key, but for the one with the digest ``but``; return how many."""

    def end_sessions_before(self, moment: datetime) -> int:
        """End those whose ``expires_at`` has come; return how many."""

    def add_sign_in_link(self, link: SignInLink) -> None:
        """Store a link; every earlier one of the same person is void."""

    def take_sign_in_link(self, link_sha256: str) -> SignInLink | None:
        """Return a link and remove it, so that of several who ask only one gets it."""

    def held_by(self, agent: str) -> list[Ticket]:
        """Return the tickets that somebody has claimed, the one whose lease ends first at the head. Not locked."""
