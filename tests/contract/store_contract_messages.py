"""The store contract: outbox, inbox, dead letters and API keys."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import ApiKeyNotFound, DeadLetterNotFound
from helpdesk.ports.mailboxes import DeadLetterStatus, InboxEntry
from helpdesk.ports.store import Role
from helpdesk.tickets import Priority
from tests.contract.store_fixtures import StoreFixtures
from tests.factories import NOON, make_api_key, make_dead_letter, make_envelope, make_submission

HOUR = timedelta(hours=1)


class MessagesContract(StoreFixtures):
    def test_the_outbox_keeps_the_order_of_writing(self, store: SqlStore) -> None:
        envelopes = [make_envelope(body=bytes([n, 0, 255])) for n in range(6)]
        with store.transaction() as tx:
            tx.add_outbox([("t", envelope) for envelope in envelopes[:4]], at=NOON)
        with store.transaction() as tx:
            tx.add_outbox([(None, envelope) for envelope in envelopes[4:]], at=NOON - timedelta(hours=1))
        with store.reading() as tx:
            rows = tx.outbox(limit=10)
            assert [row.envelope for row in rows] == envelopes
            assert sorted(row.sequence for row in rows) == [row.sequence for row in rows]
            assert tx.outbox(limit=2) == rows[:2]
            assert tx.outbox(limit=2, after=rows[2].sequence) == rows[3:5]
            assert tx.outbox_depth() == (6, NOON)

    def test_an_envelope_comes_back_as_it_was_stored(self, store: SqlStore) -> None:
        envelope = make_envelope(
            destination="human.REFUND",
            body=bytes(range(256)) * 4096,
            priority=Priority.HIGH,
            attempt=3,
            correlation_id="größe",
            headers={"reason": "ü"},
        )
        with store.transaction() as tx:
            tx.add_outbox([(None, envelope)], at=NOON)
        with store.reading() as tx:
            assert tx.outbox(limit=1)[0].envelope == envelope

    def test_deleting_outbox_rows_tells_which_were_gone_already(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_outbox([(None, make_envelope()) for _ in range(3)], at=NOON)
            sequences = [row.sequence for row in tx.outbox(limit=10)]
            assert tx.delete_outbox(sequences[:1]) == set()
        with store.transaction() as tx:
            assert tx.delete_outbox([*sequences, 10**12]) == {sequences[0], 10**12}
            assert tx.outbox_depth() == (0, None)

    def test_a_sequence_never_returns(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_outbox([(None, make_envelope())], at=NOON)
            (first,) = tx.outbox(limit=1)
            tx.delete_outbox([first.sequence])
        with store.transaction() as tx:
            tx.add_outbox([(None, make_envelope())], at=NOON)
            (second,) = tx.outbox(limit=1)
        assert second.sequence > first.sequence

    def test_a_message_that_has_not_gone_out_can_be_deleted_by_its_id(self, store: SqlStore) -> None:
        kept, deleted = make_envelope(), make_envelope()
        with store.transaction() as tx:
            tx.add_outbox([(None, kept), (None, deleted)], at=NOON)
            assert tx.delete_outbox_message(deleted.message_id) is True
            assert tx.delete_outbox_message(deleted.message_id) is False
            assert [row.envelope for row in tx.outbox(limit=10)] == [kept]

    def test_every_start_of_an_unfinished_message_is_counted(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            first = tx.start_messages(["a", "b", "a"], at=NOON)
        with store.transaction() as tx:
            second = tx.start_messages(["b", "c"], at=NOON)
        assert first == {
            "a": InboxEntry(message_id="a", starts=1, finished=False),
            "b": InboxEntry(message_id="b", starts=1, finished=False),
        }
        assert second == {
            "b": InboxEntry(message_id="b", starts=2, finished=False),
            "c": InboxEntry(message_id="c", starts=1, finished=False),
        }

    def test_a_finished_message_is_counted_no_more(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.start_messages(["a", "b"], at=NOON)
            tx.finish_messages(["a"], at=NOON)
        with store.transaction() as tx:
            tx.finish_messages(["a", "never started"], at=NOON)
            entries = tx.start_messages(["a", "b", "never started"], at=NOON)
        assert entries["a"] == InboxEntry(message_id="a", starts=1, finished=True)
        assert entries["b"] == InboxEntry(message_id="b", starts=2, finished=False)
        assert entries["never started"].finished

    def test_starts_that_come_at_once_are_all_counted(self, store: SqlStore) -> None:
        def start(_: int) -> int:
            with store.transaction() as tx:
                return tx.start_messages(["x", "y", "z"], at=NOON)["y"].starts

        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(start, range(30))) == list(range(1, 31))

    def test_old_finished_entries_are_forgotten_and_no_others(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.start_messages(["finished", "unfinished", "seen again", "fresh"], at=NOON - 3 * HOUR)
            tx.finish_messages(["finished", "seen again"], at=NOON - 2 * HOUR)
            tx.finish_messages(["fresh"], at=NOON)
        with store.transaction() as tx:
            tx.start_messages(["seen again"], at=NOON)
        with store.transaction() as tx:
            assert tx.prune_inbox(NOON - 2 * HOUR, limit=10) == 0
            assert tx.prune_inbox(NOON, limit=10) == 1
            entries = tx.start_messages(["finished", "unfinished", "seen again", "fresh"], at=NOON)
        assert entries["finished"] == InboxEntry(message_id="finished", starts=1, finished=False)
        assert entries["unfinished"].starts == 2
        assert entries["seen again"].finished
        assert entries["fresh"].finished

    def test_pruning_deletes_the_oldest_and_at_most_as_many_as_it_is_told(self, store: SqlStore) -> None:
        ids = [f"m{number}" for number in range(5)]
        submissions = [
            make_submission(idempotency_key=one, created_at=NOON - age * HOUR) for age, one in enumerate(ids)
        ]
        with store.transaction() as tx:
            tx.add_submissions(submissions)
            for age, one in enumerate(ids):
                tx.finish_messages([one], at=NOON - age * HOUR)
        with store.transaction() as tx:
            assert tx.prune_inbox(NOON, limit=3) == 3
            assert tx.prune_idempotency_records(NOON, limit=3) == 3
            keys = tx.idempotency_records([("shop", one) for one in ids])
            entries = tx.start_messages(ids, at=NOON)
            assert tx.prune_inbox(NOON, limit=3) == 0
            assert tx.prune_idempotency_records(NOON, limit=3) == 1
        assert [key for _, key in keys] == ids[:2]
        assert [one for one in ids if entries[one].finished] == ids[:2]

    def test_a_dead_letter_is_stored_once(self, store: SqlStore) -> None:
        letter = make_dead_letter(body=bytes(range(256)), ticket_id="t", turn=2)
        with store.transaction() as tx:
            tx.add_dead_letter(letter)
            tx.mark_dead_letter(letter.message_id, DeadLetterStatus.REPLAYED, note="by eve")
        with store.transaction() as tx:
            tx.add_dead_letter(replace(letter, reason="again"))
            expected = replace(letter, status=DeadLetterStatus.REPLAYED, note="by eve")
            assert tx.dead_letter(letter.message_id) == expected
            assert tx.dead_letters(status=None, limit=10) == [expected]

    def test_dead_letters_are_listed_by_status_newest_first(self, store: SqlStore) -> None:
        letters = [make_dead_letter(created_at=NOON + timedelta(seconds=n)) for n in range(3)]
        with store.transaction() as tx:
            for letter in letters:
                tx.add_dead_letter(letter)
            tx.mark_dead_letter(letters[1].message_id, DeadLetterStatus.DROPPED, note="")
        with store.reading() as tx:
            dead = tx.dead_letters(status=DeadLetterStatus.DEAD, limit=10)
            newest = tx.dead_letters(status=None, limit=1)
        assert dead == [letters[2], letters[0]]
        assert newest == [letters[2]]

    def test_an_unknown_dead_letter_is_not_found(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            with pytest.raises(DeadLetterNotFound):
                tx.dead_letter("nobody")
            with pytest.raises(DeadLetterNotFound):
                tx.mark_dead_letter("nobody", DeadLetterStatus.DROPPED, note="")

    def test_api_keys_are_found_by_their_digest(self, store: SqlStore) -> None:
        keys = [make_api_key(role=role, created_at=NOON + n * timedelta(seconds=1)) for n, role in enumerate(Role)]
        with store.transaction() as tx:
            for key in reversed(keys):
                tx.add_api_key(key)
        with store.reading() as tx:
            assert [tx.api_key_by_sha256(key.secret_sha256) for key in keys] == keys
            assert tx.api_key_by_sha256("nobody") is None
            assert tx.api_keys() == keys

    def test_a_revoked_key_shows_since_when_it_is(self, store: SqlStore) -> None:
        key = make_api_key()
        with store.transaction() as tx:
            tx.add_api_key(key)
            tx.revoke_api_key(key.key_id, at=NOON)
            tx.revoke_api_key(key.key_id, at=NOON + timedelta(days=1))
            assert tx.api_key_by_sha256(key.secret_sha256) == replace(key, revoked_at=NOON)
            with pytest.raises(ApiKeyNotFound):
                tx.revoke_api_key("nobody", at=NOON)
