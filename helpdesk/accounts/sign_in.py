"""Signing in: a password, an API key or a one-time link becomes a session, which lasts until it is ended or over."""

import hashlib
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from helpdesk.accounts.passwords import Passwords
from helpdesk.clock import Clock, utc_now
from helpdesk.errors import ApiKeyNotFound, NotAuthenticated, PersonNotFound, StoreUnavailable
from helpdesk.people import Account, DeskRole, Person, folded
from helpdesk.ports.people import Session, SignInLink
from helpdesk.ports.store import ApiKey, Role, Store, Transaction
from helpdesk.settings import AgentConsoleSettings
from helpdesk.web.keys import looks_like_a_key, secret_sha256

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was last used: noting it at every request would write at every request."""

FIRST_OPERATOR = "operator"
_DESK_ROLES = {Role.AGENT: DeskRole.AGENT, Role.OPERATOR: DeskRole.OPERATOR, Role.ML: DeskRole.ML}


def new_token() -> str:
    """Return 256 random bits as text, for a session or a link."""
    return secrets.token_urlsafe(32)


def token_sha256(token: str) -> str:
    """Return the digest under which a session or a link is stored: nothing can be guessed from it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class SignIn:
    """Lets people in, says who is in, and ends sessions."""

    def __init__(
        self, store: Store, passwords: Passwords, settings: AgentConsoleSettings, *, clock: Clock = utc_now
    ) -> None:
        self._store, self._passwords, self._clock = store, passwords, clock
        self._idle = timedelta(seconds=settings.session_idle_s)
        self._longest = timedelta(seconds=settings.session_s)
        self._link = timedelta(seconds=settings.link_s)

    def with_password(self, name: str, password: str) -> str:
        """Return the token of a new session.

        Raises:
            NotAuthenticated: name or password is wrong, or the person is disabled; which of them is not told.
        """
        with self._store.reading() as tx:
            person = _person(tx, name)
        if not self._passwords.matches(_usable_hash(person), password) or person is None:
            raise NotAuthenticated("The name or the password is wrong.")
        fresh = self._passwords.hash(password) if self._passwords.is_outdated(person.password_hash) else ""
        with self._store.transaction() as tx:
            now = tx.person(person.name)
            if not now.active or now.password_hash != person.password_hash:
                raise NotAuthenticated("The account was changed at this moment; sign in again.")
            if fresh:
                tx.save_person(replace(now, password_hash=fresh))
            return self._begin(tx, person=person.name)

    def with_key(self, secret: str) -> str:
        """Return the token of a new session.

        Raises:
            NotAuthenticated: the key is unknown, revoked, or a portal's.
        """
        with self._store.transaction() as tx:
            key = tx.api_key_by_sha256(secret_sha256(secret)) if looks_like_a_key(secret) else None
            if key is None or _account_of_key(key) is None:
                raise NotAuthenticated("The API key is unknown, revoked, or has a role that does not work at the desk.")
            return self._begin(tx, key_id=key.key_id)

    def with_link(self, token: str) -> str:
        """Return the token of a new session; the link is used up.

        It is how somebody begins, or begins again: the password that they had, and their other sessions, end with it.

        Raises:
            NotAuthenticated: the link was used, has expired, was replaced by a newer one, or never was.
        """
        with self._store.transaction() as tx:
            link = tx.take_sign_in_link(token_sha256(token))
            person = _person(tx, link.person) if link is not None else None
            if link is not None and person is not None and person.active and link.expires_at > self._clock():
                tx.save_person(replace(person, password_hash=""))
                tx.end_sessions(person=person.name)
                return self._begin(tx, person=person.name)
        raise NotAuthenticated("This link was used already, has expired, or was replaced by a newer one.")

    def new_link(self, name: str) -> str:
        """Return the token of a link that lets this person in once.

        Raises:
            PersonNotFound: nobody has this name.
        """
        with self._store.transaction() as tx:
            return self._new_link(tx, tx.person(folded(name)).name)

    def first_link(self) -> str | None:
        """Return the token of a link for an operator, while none has a password yet; the first one is made here."""
        with self._store.transaction() as tx:
            people = tx.people()
            operators = [person for person in people if person.active and DeskRole.OPERATOR in person.roles]
            if any(person.password_hash for person in operators):
                return None
            if operators:
                return self._new_link(tx, operators[0].name)
            taken = {person.name for person in people}
            numbered = (f"{FIRST_OPERATOR}{number}" for number in range(2, len(taken) + 3))
            name = next(name for name in (FIRST_OPERATOR, *numbered) if name not in taken)
            roles = (DeskRole.AGENT, DeskRole.LEAD, DeskRole.OPERATOR)
            tx.add_person(Person(name=name, display_name="Operator", roles=roles, created_at=self._clock()))
            return self._new_link(tx, name)

    def account(self, token: str, *, is_active: bool = True) -> Account | None:
        """Return who holds this session's token; None when it is over, or its person or key may no longer enter.

        Args:
            is_active: somebody did something just now; not so where a page that is open updates itself.
        """
        now = self._clock()
        with self._store.reading() as tx:
            session = tx.session(token_sha256(token))
            if session is None or session.expires_at <= now or session.seen_at + self._idle <= now:
                return None
            account = _account(tx, session)
        if account is not None and is_active and now - session.seen_at >= SEEN_EVERY:
            with suppress(StoreUnavailable), self._store.transaction() as tx:  # a page can be read without it
                tx.touch_session(session.session_sha256, at=now)
        return account

    def sign_out(self, token: str) -> None:
        """End one session."""
        with self._store.transaction() as tx:
            tx.end_session(token_sha256(token))

    def sign_out_everywhere(self, account: Account) -> int:
        """End all sessions of a person or a key; return how many."""
        with self._store.transaction() as tx:
            if account.key_id is not None:
                return tx.end_sessions(key_id=account.key_id)
            return tx.end_sessions(person=account.name)

    def end_sessions_of(self, name: str) -> int:
        """End all sessions of a person; return how many.

        Raises:
            PersonNotFound: nobody has this name.
        """
        with self._store.transaction() as tx:
            return tx.end_sessions(person=tx.person(folded(name)).name)

    def is_password_of(self, account: Account, password: str) -> bool:
        """Say whether this is the password of a person who is signed in."""
        with self._store.reading() as tx:
            person = _person(tx, account.name) if account.key_id is None else None
        return self._passwords.matches(_usable_hash(person), password)

    def _begin(self, tx: Transaction, *, person: str | None = None, key_id: str | None = None) -> str:
        token, now = new_token(), self._clock()
        tx.end_sessions_before(now)
        tx.add_session(
            Session(
                session_sha256=token_sha256(token),
                person=person,
                key_id=key_id,
                created_at=now,
                seen_at=now,
                expires_at=now + self._longest,
            )
        )
        return token

    def _new_link(self, tx: Transaction, name: str) -> str:
        token, now = new_token(), self._clock()
        digest = token_sha256(token)
        tx.add_sign_in_link(SignInLink(link_sha256=digest, person=name, created_at=now, expires_at=now + self._link))
        return token


def _person(tx: Transaction, name: str) -> Person | None:
    try:
        return tx.person(folded(name))
    except PersonNotFound:
        return None


def _usable_hash(person: Person | None) -> str:
    return person.password_hash if person is not None and person.active else ""


def _account(tx: Transaction, session: Session) -> Account | None:
    if session.key_id is not None:
        try:
            return _account_of_key(tx.api_key(session.key_id))
        except ApiKeyNotFound:
            return None
    person = _person(tx, session.person or "")
    if person is None or not person.active:
        return None
    return Account(
        name=person.name,
        display_name=person.display_name,
        roles=frozenset(person.roles),
        queues=person.queues,
        capacity=person.capacity,
        theme=person.theme,
        has_password=bool(person.password_hash),
    )


def _account_of_key(key: ApiKey) -> Account | None:
    role = _DESK_ROLES.get(key.role)
    if role is None or key.revoked_at is not None:
        return None
    return Account(name=key.name, display_name=key.name, roles=frozenset({role}), key_id=key.key_id)
