"""The store contract: people, their sessions, the links that let them in once, and what the desk asks of tickets."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import ApiKeyNotFound, PersonExists, PersonNotFound
from helpdesk.people import DeskRole, Theme
from helpdesk.ports.people import SignInLink
from helpdesk.tickets import Status
from tests.contract.store_fixtures import StoreFixtures, add
from tests.factories import NOON, make_api_key, make_link, make_person, make_session, make_ticket

MARIA = make_person(
    "maria",
    display_name="María ✓",
    roles=(DeskRole.AGENT, DeskRole.LEAD),
    queues=("REFUND", "ORDER"),
    theme=Theme.DARK,
    password_hash="$argon2id$…",
)


class PeopleContract(StoreFixtures):
    def test_a_person_comes_back_as_they_were_stored(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_person(MARIA)
            tx.add_person(make_person("ada", roles=()))
            assert tx.person("maria") == MARIA
        with store.reading() as tx:
            assert tx.person("maria") == MARIA
            assert [person.name for person in tx.people()] == ["ada", "maria"]

    def test_a_name_is_given_once_and_the_transaction_goes_on(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_person(MARIA)
            with pytest.raises(PersonExists):
                tx.add_person(make_person("maria", display_name="Another"))
            tx.add_person(make_person("ada"))
        with store.reading() as tx:
            assert tx.person("maria").display_name == MARIA.display_name
            assert tx.person("ada")

    def test_a_record_is_written_over_and_an_unknown_one_is_an_error(self, store: SqlStore) -> None:
        changed = replace(MARIA, active=False, queues=(), capacity=3, theme=Theme.AUTO)
        with store.transaction() as tx:
            tx.add_person(MARIA)
            tx.save_person(changed)
            assert tx.person("maria") == changed
            with pytest.raises(PersonNotFound, match="people list"):
                tx.person("nobody")
            with pytest.raises(PersonNotFound):
                tx.save_person(make_person("nobody"))

    def test_sessions_are_found_touched_and_ended(self, store: SqlStore) -> None:
        key = make_api_key()
        sessions = [make_session(), make_session(), make_session(person=None, key_id=key.key_id)]
        with store.transaction() as tx:
            tx.add_person(MARIA)
            tx.add_api_key(key)
            for session in sessions:
                tx.add_session(session)
            assert tx.session(sessions[2].session_sha256) == sessions[2]
            assert tx.session("unknown") is None
            later = NOON + timedelta(minutes=5)
            tx.touch_session(sessions[0].session_sha256, at=later)
            assert tx.session(sessions[0].session_sha256) == replace(sessions[0], seen_at=later)
            tx.end_session(sessions[1].session_sha256)
            tx.end_session("unknown")
            assert tx.session(sessions[1].session_sha256) is None

    def test_all_sessions_of_somebody_end_but_for_one(self, store: SqlStore) -> None:
        key = make_api_key()
        kept, ended, of_key = make_session(), make_session(), make_session(person=None, key_id=key.key_id)
        with store.transaction() as tx:
            tx.add_person(MARIA)
            tx.add_api_key(key)
            for session in (kept, ended, of_key):
                tx.add_session(session)
            assert tx.end_sessions(person="maria", but=kept.session_sha256) == 1
            assert tx.end_sessions(key_id=key.key_id) == 1
            assert tx.end_sessions(key_id=key.key_id) == 0
            left = [tx.session(session.session_sha256) is not None for session in (kept, ended, of_key)]
        assert left == [True, False, False]

    def test_expired_sessions_end_at_their_moment(self, store: SqlStore) -> None:
        due, later = make_session(expires_at=NOON), make_session(expires_at=NOON + timedelta(seconds=1))
        with store.transaction() as tx:
            tx.add_person(MARIA)
            tx.add_session(due)
            tx.add_session(later)
            assert tx.end_sessions_before(NOON) == 1
            assert tx.session(later.session_sha256) == later

    def test_a_link_is_taken_once_and_a_newer_one_voids_it(self, store: SqlStore) -> None:
        old, new, others = make_link(), make_link(), make_link(person="ada")
        with store.transaction() as tx:
            tx.add_person(MARIA)
            tx.add_person(make_person("ada"))
            for link in (others, old, new):
                tx.add_sign_in_link(link)
        with store.transaction() as tx:
            assert tx.take_sign_in_link(old.link_sha256) is None
            assert tx.take_sign_in_link(new.link_sha256) == new
            assert tx.take_sign_in_link(new.link_sha256) is None
            assert tx.take_sign_in_link(others.link_sha256) == others

    def test_of_many_who_take_a_link_at_once_one_gets_it(self, store: SqlStore) -> None:
        link = make_link()
        with store.transaction() as tx:
            tx.add_person(MARIA)
            tx.add_sign_in_link(link)

        def take(_: int) -> SignInLink | None:
            with store.transaction() as tx:
                return tx.take_sign_in_link(link.link_sha256)

        with ThreadPoolExecutor(8) as threads:
            assert sorted(threads.map(take, range(8)), key=bool) == [None] * 7 + [link]

    def test_of_many_who_set_a_fact_first_all_get_the_same(self, store: SqlStore) -> None:
        def set_first(number: int) -> str:
            with store.transaction() as tx:
                return tx.first_fact("secret", str(number))

        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(set_first, range(8)))) == 1

    def test_a_key_is_found_by_its_id(self, store: SqlStore) -> None:
        key = make_api_key()
        with store.transaction() as tx:
            tx.add_api_key(key)
            assert tx.api_key(key.key_id) == key
            with pytest.raises(ApiKeyNotFound):
                tx.api_key("unknown")

    def test_tickets_in_somebodys_hands_come_with_the_shortest_lease_first(self, store: SqlStore) -> None:
        def claimed(minutes: int, by: str = "maria") -> str:
            until = NOON + timedelta(minutes=minutes)
            ticket = make_ticket(status=Status.CLAIMED, queue="REFUND", claimed_by=by, claimed_until=until)
            add(store, ticket)
            return ticket.ticket_id

        later, first = claimed(10), claimed(5)
        claimed(1, by="ada")
        add(store, make_ticket(status=Status.QUEUED))
        with store.reading() as tx:
            assert [ticket.ticket_id for ticket in tx.held_by("maria")] == [first, later]
            assert tx.held_by("nobody") == []
