"""Signing in, on a real store: sessions begin, last, and end."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from helpdesk.accounts import Passwords, Roster, SignIn
from helpdesk.accounts.sign_in import token_sha256
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import InvalidInput, NotAuthenticated, PersonExists, PersonNotFound
from helpdesk.people import DeskRole, Theme
from helpdesk.ports.store import Role
from helpdesk.settings import AgentConsoleSettings, Settings
from helpdesk.web.keys import new_key
from tests.factories import NOON

PASSWORD = "green teapot on the roof"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Office:
    """Roster and sign-in over one store, with a clock that is set by hand."""

    def __init__(self, store: SqlStore) -> None:
        self.store, self.now = store, NOON
        passwords = Passwords(hasher=CHEAP)
        self.roster = Roster(store, passwords, clock=lambda: self.now)
        self.sign_in = SignIn(store, passwords, AgentConsoleSettings(), clock=lambda: self.now)
        self.roster.add("Maria", roles=[DeskRole.LEAD, DeskRole.AGENT])
        self.roster.set_password("maria", PASSWORD)

    def key(self, role: Role) -> tuple[str, str]:
        secret, key = new_key(role, name=f"{role} key")
        with self.store.transaction() as tx:
            tx.add_api_key(key)
        return secret, key.key_id


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with closing(SqlStore.open(Settings(state_dir=tmp_path, DATABASE_URL=None))) as store:
        store.migrate()
        yield Office(store)


def test_name_and_password_begin_a_session(office: Office) -> None:
    account = office.sign_in.account(office.sign_in.with_password(" MARIA ", PASSWORD))
    assert account is not None
    assert (account.name, account.display_name) == ("maria", "Maria")
    assert account.roles == {DeskRole.AGENT, DeskRole.LEAD}
    assert account.has_password


@pytest.mark.parametrize(("name", "password"), [("maria", "wrong"), ("nobody", PASSWORD), ("", ""), ("maria", "")])
def test_wrong_names_and_passwords_are_refused_alike(office: Office, name: str, password: str) -> None:
    with pytest.raises(NotAuthenticated, match="The name or the password is wrong"):
        office.sign_in.with_password(name, password)


def test_somebody_without_a_password_cannot_sign_in_with_an_empty_one(office: Office) -> None:
    office.roster.add("ada", roles=[DeskRole.AGENT])
    with pytest.raises(NotAuthenticated):
        office.sign_in.with_password("ada", "")


def test_a_session_ends_when_it_is_idle_and_after_its_longest_time(office: Office) -> None:
    token = office.sign_in.with_password("maria", PASSWORD)
    for _ in range(15):  # 7.5 days in steps of half the idle limit less a moment
        assert office.sign_in.account(token) is not None
        office.now += timedelta(hours=11, minutes=12)
    assert office.sign_in.account(token) is None
    token = office.sign_in.with_password("maria", PASSWORD)
    office.now += timedelta(hours=12)
    assert office.sign_in.account(token) is None


def test_signing_in_clears_away_what_has_expired(office: Office) -> None:
    old = office.sign_in.with_password("maria", PASSWORD)
    office.now += timedelta(days=8)
    office.sign_in.with_password("maria", PASSWORD)
    with office.store.reading() as tx:
        assert tx.session(token_sha256(old)) is None


def test_the_store_holds_no_token(office: Office, tmp_path: Path) -> None:
    token, link = office.sign_in.with_password("maria", PASSWORD), office.sign_in.new_link("maria")
    office.store.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert token_sha256(token).encode() in kept
    for secret in (token, link, PASSWORD):
        assert secret.encode() not in kept


@pytest.mark.parametrize("role", [Role.AGENT, Role.OPERATOR, Role.ML])
def test_a_key_begins_a_session_until_it_is_revoked(office: Office, role: Role) -> None:
    secret, key_id = office.key(role)
    token = office.sign_in.with_key(secret)
    account = office.sign_in.account(token)
    assert account is not None
    assert account.roles == {DeskRole(role.value)}
    with office.store.transaction() as tx:
        tx.revoke_api_key(key_id, at=office.now)
    assert office.sign_in.account(token) is None
    with pytest.raises(NotAuthenticated):
        office.sign_in.with_key(secret)


def test_a_portals_key_and_what_is_no_key_are_refused(office: Office) -> None:
    for secret in (office.key(Role.PORTAL)[0], "hd_agent_x", "", "\udcff"):
        with pytest.raises(NotAuthenticated):
            office.sign_in.with_key(secret)


def test_a_link_lets_in_once_within_its_time(office: Office) -> None:
    link = office.sign_in.new_link("MARIA")
    assert office.sign_in.account(office.sign_in.with_link(link)) is not None
    with pytest.raises(NotAuthenticated, match="used already"):
        office.sign_in.with_link(link)
    late = office.sign_in.new_link("maria")
    office.now += timedelta(hours=1)
    with pytest.raises(NotAuthenticated):
        office.sign_in.with_link(late)
    with pytest.raises(PersonNotFound):
        office.sign_in.new_link("nobody")


def test_a_link_begins_again_without_the_password_and_the_sessions_of_before(office: Office) -> None:
    before = office.sign_in.with_password("maria", PASSWORD)
    account = office.sign_in.account(office.sign_in.with_link(office.sign_in.new_link("maria")))
    assert account is not None
    assert not account.has_password
    assert office.sign_in.account(before) is None
    with pytest.raises(NotAuthenticated):
        office.sign_in.with_password("maria", PASSWORD)


def test_a_page_that_updates_itself_does_not_keep_a_session_alive(office: Office) -> None:
    token = office.sign_in.with_password("maria", PASSWORD)
    for _ in range(12):
        assert office.sign_in.account(token, is_active=False) is not None
        office.now += timedelta(hours=1)
    assert office.sign_in.account(token, is_active=False) is None


def test_who_is_disabled_is_out_at_once_and_cannot_come_back(office: Office) -> None:
    token, link = office.sign_in.with_password("maria", PASSWORD), office.sign_in.new_link("maria")
    office.roster.set_active("maria", active=False)
    assert office.sign_in.account(token) is None
    with pytest.raises(NotAuthenticated):
        office.sign_in.with_password("maria", PASSWORD)
    with pytest.raises(NotAuthenticated):
        office.sign_in.with_link(link)
    office.roster.set_active("maria", active=True)
    assert office.sign_in.account(token) is None
    assert office.sign_in.with_password("maria", PASSWORD)


def test_a_new_password_ends_the_other_sessions(office: Office) -> None:
    own, other = (office.sign_in.with_password("maria", PASSWORD) for _ in range(2))
    office.roster.set_password("maria", "another teapot in the cellar", keep_session=token_sha256(own))
    assert office.sign_in.account(own) is not None
    assert office.sign_in.account(other) is None


def test_signing_out_everywhere_ends_the_sessions_of_that_account_alone(office: Office) -> None:
    tokens = [office.sign_in.with_password("maria", PASSWORD) for _ in range(3)]
    secret, _ = office.key(Role.AGENT)
    of_key = office.sign_in.with_key(secret)
    account = office.sign_in.account(tokens[0])
    assert account is not None
    assert office.sign_in.sign_out_everywhere(account) == 3
    assert [office.sign_in.account(token) for token in tokens] == [None] * 3
    assert office.sign_in.account(of_key) is not None


def test_a_hash_with_old_parameters_is_renewed_at_the_next_sign_in(office: Office) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    sign_in = SignIn(office.store, Passwords(hasher=stronger), AgentConsoleSettings(), clock=lambda: office.now)
    assert sign_in.with_password("maria", PASSWORD)
    with office.store.reading() as tx:
        assert not stronger.check_needs_rehash(tx.person("maria").password_hash)
    assert sign_in.with_password("maria", PASSWORD)


def test_the_first_operator_is_made_once_and_gets_links_until_a_password_is_set(office: Office) -> None:
    first, second = office.sign_in.first_link(), office.sign_in.first_link()
    assert first is not None
    assert second is not None
    with pytest.raises(NotAuthenticated):
        office.sign_in.with_link(first)
    account = office.sign_in.account(office.sign_in.with_link(second))
    assert account is not None
    assert account.name == "operator"
    assert DeskRole.OPERATOR in account.roles
    assert [person.name for person in office.roster.everybody()] == ["maria", "operator"]
    office.roster.set_password("operator", PASSWORD)
    assert office.sign_in.first_link() is None


def test_the_first_operator_takes_nobodys_name(office: Office) -> None:
    office.roster.add("operator", roles=[DeskRole.AGENT])
    link = office.sign_in.first_link()
    assert link is not None
    account = office.sign_in.account(office.sign_in.with_link(link))
    assert account is not None
    assert account.name == "operator2"


def test_a_person_changes_in_what_is_given_alone(office: Office) -> None:
    person = office.roster.edit("maria", queues=["REFUND"], theme=Theme.DARK)
    assert (person.queues, person.theme, person.roles) == (("REFUND",), Theme.DARK, (DeskRole.AGENT, DeskRole.LEAD))
    with pytest.raises(PersonExists):
        office.roster.add("maria", roles=[DeskRole.AGENT])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "Maria Schulze"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "-x"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "x", "display_name": "a\nb"}, "display_name"),
        ({"name": "x", "roles": []}, "roles"),
        ({"name": "x", "queues": ["NOWHERE"]}, "queues"),
        ({"name": "x", "capacity": 0}, "capacity"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_by_field(office: Office, values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        office.roster.add(**({"roles": [DeskRole.AGENT]} | values))  # type: ignore[arg-type]
    assert refused.value.field == field
    assert refused.value.remedy
