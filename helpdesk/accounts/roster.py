"""The roster: adds, changes and disables the people of the desk."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from helpdesk.accounts.passwords import Passwords, require_good
from helpdesk.clock import Clock, utc_now
from helpdesk.people import DeskRole, Person, Theme, folded, require_valid
from helpdesk.ports.store import Store


class Roster:
    """Everybody who works at the desk."""

    def __init__(self, store: Store, passwords: Passwords, *, clock: Clock = utc_now) -> None:
        self._store, self._passwords, self._clock = store, passwords, clock

    def everybody(self) -> list[Person]:
        """Return everybody, in the order of their names."""
        with self._store.reading() as tx:
            return tx.people()

    def add(
        self,
        name: str,
        *,
        display_name: str = "",
        roles: Sequence[DeskRole],
        queues: Sequence[str] = (),
        capacity: int = 10,
    ) -> Person:
        """Add somebody, who has no password yet.

        Raises:
            InvalidInput: a value does not fit.
            PersonExists: somebody has this name already.
        """
        person = Person(
            name=folded(name),
            display_name=display_name.strip() or name.strip(),
            roles=_in_order(roles),
            queues=tuple(queues),
            capacity=capacity,
            created_at=self._clock(),
        )
        require_valid(person)
        with self._store.transaction() as tx:
            tx.add_person(person)
        return person

    def edit(
        self,
        name: str,
        *,
        display_name: str | None = None,
        roles: Sequence[DeskRole] | None = None,
        queues: Sequence[str] | None = None,
        capacity: int | None = None,
        theme: Theme | None = None,
    ) -> Person:
        """Change what is given; it is in force at the person's next page.

        Raises:
            PersonNotFound: nobody has this name.
            InvalidInput: a value does not fit.
        """
        given: dict[str, Any] = {
            "display_name": display_name,
            "roles": None if roles is None else _in_order(roles),
            "queues": None if queues is None else tuple(queues),
            "capacity": capacity,
            "theme": theme,
        }
        changes = {field: value for field, value in given.items() if value is not None}
        with self._store.transaction() as tx:
            person = replace(tx.person(folded(name)), **changes)
            require_valid(person)
            tx.save_person(person)
        return person

    def set_password(self, name: str, password: str, *, keep_session: str = "") -> None:
        """Give somebody a password, and end their sessions but for the one with this digest.

        Raises:
            PersonNotFound: nobody has this name.
            InvalidInput: the password would be guessed soon.
        """
        with self._store.reading() as tx:
            person = tx.person(folded(name))
        require_good(password, names=(person.name, person.display_name))
        password_hash = self._passwords.hash(password)
        with self._store.transaction() as tx:
            tx.save_person(replace(tx.person(person.name), password_hash=password_hash))
            tx.end_sessions(person=person.name, but=keep_session)

    def set_active(self, name: str, *, active: bool) -> Person:
        """Let somebody in again, or shut them out and end their sessions; their record and history stay.

        Raises:
            PersonNotFound: nobody has this name.
        """
        with self._store.transaction() as tx:
            person = replace(tx.person(folded(name)), active=active)
            tx.save_person(person)
            if not active:
                tx.end_sessions(person=person.name)
        return person


def _in_order(roles: Sequence[DeskRole]) -> tuple[DeskRole, ...]:
    return tuple(role for role in DeskRole if role in roles)
