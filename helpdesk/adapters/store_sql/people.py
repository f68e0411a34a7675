"""People, their sessions at the desk, and the links that let them in once."""

from datetime import datetime

from sqlalchemy import bindparam, delete, select, update

from helpdesk.adapters.store_sql.bulk import Bulk, bulk_insert
from helpdesk.adapters.store_sql.people_schema import people, sessions, sign_in_links
from helpdesk.adapters.store_sql.scope import Scope, columns_of, insert_into, names_of, record_of
from helpdesk.errors import PersonExists, PersonNotFound
from helpdesk.people import Person
from helpdesk.ports.people import Session, SignInLink

_ADD = Bulk(
    lambda dialect: insert_into(people, dialect).on_conflict_do_nothing(index_elements=["name"]), names_of(Person)
)
_ADD_SESSION = bulk_insert(sessions, Session)
_ADD_LINK = bulk_insert(sign_in_links, SignInLink)

_PEOPLE = select(*columns_of(people, Person)).order_by(people.c.name)
_PERSON = _PEOPLE.where(people.c.name == bindparam("wanted"))
_SAVE = update(people).where(people.c.name == bindparam("wanted"))
_SESSION = select(*columns_of(sessions, Session)).where(sessions.c.session_sha256 == bindparam("digest"))
_TOUCH = update(sessions).where(sessions.c.session_sha256 == bindparam("digest"))
_END = delete(sessions).where(sessions.c.session_sha256 == bindparam("digest"))
_TAKE_LINK = (
    delete(sign_in_links)
    .where(sign_in_links.c.link_sha256 == bindparam("digest"))
    .returning(*columns_of(sign_in_links, SignInLink))
)


class PeopleTables(Scope):
    """Stores and finds people, sessions and links."""

    def add_person(self, person: Person) -> None:
        """Store a new person."""
        if not _ADD.execute(self._connection, [person]):
            raise PersonExists(f"Somebody is called {person.name} already.")

    def person(self, name: str) -> Person:
        """Return one person, locked where the database can."""
        statement = _PERSON.with_for_update(key_share=True) if self._locking else _PERSON
        row = self._connection.execute(statement, {"wanted": name}).one_or_none()
        if row is None:
            raise _missing(name)
        return record_of(Person, row)

    def people(self) -> list[Person]:
        """Return everybody, in the order of their names."""
        return [record_of(Person, row) for row in self._connection.execute(_PEOPLE)]

    def save_person(self, person: Person) -> None:
        """Write a person's record over the one of the same name."""
        values = {name: getattr(person, name) for name in names_of(Person) if name != "name"}
        if not self._connection.execute(_SAVE.values(values), {"wanted": person.name}).rowcount:
            raise _missing(person.name)

    def add_session(self, session: Session) -> None:
        """Store a new session."""
        _ADD_SESSION.execute(self._connection, [session])

    def session(self, session_sha256: str) -> Session | None:
        """Return the session with this digest, expired or not."""
        row = self._connection.execute(_SESSION, {"digest": session_sha256}).one_or_none()
        return None if row is None else record_of(Session, row)

    def touch_session(self, session_sha256: str, *, at: datetime) -> None:
        """Note that a session was used."""
        self._connection.execute(_TOUCH.values(seen_at=at), {"digest": session_sha256})

    def end_session(self, session_sha256: str) -> None:
        """End one session."""
        self._connection.execute(_END, {"digest": session_sha256})

    def end_sessions(self, *, person: str | None = None, key_id: str | None = None, but: str = "") -> int:
        """End all sessions of a person, or of a key."""
        owner = sessions.c.person == person if person is not None else sessions.c.key_id == key_id
        return self._connection.execute(delete(sessions).where(owner, sessions.c.session_sha256 != but)).rowcount

    def end_sessions_before(self, moment: datetime) -> int:
        """End those whose time has come."""
        return self._connection.execute(delete(sessions).where(sessions.c.expires_at <= moment)).rowcount

    def add_sign_in_link(self, link: SignInLink) -> None:
        """Store a link; every earlier one of the same person is void."""
        self._connection.execute(delete(sign_in_links).where(sign_in_links.c.person == link.person))
        _ADD_LINK.execute(self._connection, [link])

    def take_sign_in_link(self, link_sha256: str) -> SignInLink | None:
        """Return a link and remove it."""
        row = self._connection.execute(_TAKE_LINK, {"digest": link_sha256}).one_or_none()
        return None if row is None else record_of(SignInLink, row)


def _missing(name: str) -> PersonNotFound:
    return PersonNotFound(f"Nobody is called {name!r}; `helpdesk people list` shows everybody.")
