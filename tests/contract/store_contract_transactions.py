"""The store contract: transactions, several threads and processes, failures."""

import signal
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import IdempotencyConflict, StoreUnavailable, TicketNotFound
from helpdesk.ports.store import Submission
from helpdesk.tickets import Action, Status
from tests.contract.store_fixtures import MakeStore, StartProcess, StoreFixtures, add, add_submissions, read
from tests.contract.store_process import claim_one_of_the_first
from tests.factories import NOON, make_event, make_id, make_submission, make_ticket


class TransactionsContract(StoreFixtures):
    def test_a_transaction_is_committed_on_a_clean_exit(self, store: SqlStore, make_store: MakeStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        assert read(make_store(), ticket) == ticket

    def test_nothing_of_a_transaction_stays_when_an_exception_leaves_it(self, store: SqlStore) -> None:
        kept, lost = make_ticket(), make_ticket()
        add(store, kept)

        def write_and_fail() -> None:
            with store.transaction() as tx:
                tx.add_submissions([make_submission(ticket=lost)])
                tx.save([tx.ticket(kept.ticket_id).after(Action.START, at=NOON)])
                tx.start_messages(["m"], at=NOON)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write_and_fail()
        assert read(store, kept) == kept
        with store.transaction() as tx:
            assert tx.tickets([lost.ticket_id]) == {}
            assert tx.outbox_depth()[0] == 1
            assert tx.start_messages(["m"], at=NOON)["m"].starts == 1

    def test_a_transaction_reads_its_own_writes(self, store: SqlStore) -> None:
        submission = make_submission()
        with store.transaction() as tx:
            tx.add_submissions([submission])
            assert tx.ticket(submission.ticket.ticket_id) == submission.ticket
            assert tx.outbox(limit=10)[0].envelope == submission.envelope

    def test_the_error_of_a_refused_row_shows_nothing_of_what_the_row_holds(self, store: SqlStore) -> None:
        secret = "my sister's address"
        refused = replace(make_submission(), ticket=make_ticket(subject=secret, user=None))
        with pytest.raises(IntegrityError) as caught, store.transaction() as tx:
            tx.add_submissions([refused])
        shown = "".join(traceback.format_exception(caught.value))
        assert "tickets" in shown
        assert secret not in shown

    def test_others_see_nothing_of_a_transaction_before_its_end(self, store: SqlStore) -> None:
        ticket = make_ticket()
        with store.transaction() as tx:
            tx.add_submissions([make_submission(ticket=ticket)])
            with pytest.raises(TicketNotFound):
                read(store, ticket)
        assert read(store, ticket) == ticket

    def test_a_reader_sees_one_state_however_long_it_reads(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        with store.reading() as tx:
            seen = tx.ticket(ticket.ticket_id)
            with store.transaction() as other:
                started = other.ticket(ticket.ticket_id).after(Action.START, at=NOON)
                other.save([started])
                other.add_events([make_event(started, action=Action.START)])
            assert tx.ticket(ticket.ticket_id) == seen
            assert len(tx.events(ticket.ticket_id)) == 1
        assert read(store, ticket).status is Status.PROCESSING

    def test_reading_does_not_write(self, store: SqlStore) -> None:
        with pytest.raises(StoreUnavailable), store.reading() as tx:
            tx.set_fact("knowledge", "1")
        with store.reading() as tx:
            assert tx.fact("knowledge") is None

    def test_the_holder_of_a_ticket_keeps_others_from_it_until_its_end(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        order: list[str] = []

        def follow() -> None:
            with store.transaction() as tx:
                order.append(f"second sees version {tx.ticket(ticket.ticket_id).version}")

        with store.transaction() as tx:
            held = tx.ticket(ticket.ticket_id)
            follower = threading.Thread(target=follow)
            follower.start()
            time.sleep(0.2)
            tx.save([held.after(Action.START, at=NOON)])
            order.append("first is done")
        follower.join()
        assert order == ["first is done", "second sees version 2"]

    def test_a_lock_that_is_held_longer_than_the_wait_means_unavailable(
        self, store: SqlStore, make_store: MakeStore
    ) -> None:
        ticket = make_ticket()
        add(store, ticket)
        impatient = make_store(busy_wait_s=0.3)
        with store.transaction() as tx:
            tx.ticket(ticket.ticket_id)
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable), impatient.transaction() as other:
                other.save([other.ticket(ticket.ticket_id).after(Action.START, at=NOON)])
            assert 0.25 < time.monotonic() - begun < 3
            assert read(impatient, ticket) == ticket, "a lock keeps no reader out"
        with impatient.transaction() as other:
            assert other.ticket(ticket.ticket_id) == ticket

    def test_tickets_are_claimed_once_by_many_threads(self, store: SqlStore) -> None:
        tickets = [make_ticket(status=Status.QUEUED) for _ in range(40)]
        add(store, *tickets)

        def claim_all(agent: str) -> list[str]:
            claimed = []
            while outcome := claim_one_of_the_first(store, agent):
                if outcome is not True:
                    claimed.append(str(outcome))
            return claimed

        with ThreadPoolExecutor(6) as pool:
            claimed = [one for part in pool.map(claim_all, "abcdef") for one in part]
        assert Counter(claimed) == Counter(ticket.ticket_id for ticket in tickets)
        with store.reading() as tx:
            assert tx.counts_by_status() == {Status.CLAIMED: 40}

    def test_tickets_are_claimed_once_by_two_processes(self, store: SqlStore, start_process: StartProcess) -> None:
        tickets = [make_ticket(status=Status.QUEUED) for _ in range(60)]
        add(store, *tickets)
        processes = [start_process("claim") for _ in range(2)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        with ThreadPoolExecutor(2) as pool:
            outputs = list(pool.map(lambda process: str(process.communicate("\n")[0]), processes))
        assert [process.returncode for process in processes] == [0, 0]
        claimed = [line for output in outputs for line in output.splitlines()]
        assert Counter(claimed) == Counter(ticket.ticket_id for ticket in tickets)

    def test_after_kill_9_of_a_writer_every_acknowledged_ticket_is_there(
        self, store: SqlStore, start_process: StartProcess
    ) -> None:
        writer = start_process("write")
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(30)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.read().split()
        with store.reading() as tx:
            assert set(tx.tickets(acknowledged)) == set(acknowledged)
            stored = tx.counts_by_status()[Status.RECEIVED]
            assert stored - len(acknowledged) in {0, 1}, "at most the commit in progress is not acknowledged"
            assert tx.outbox_depth()[0] == stored
        add_submissions(store, make_submission())

    def test_of_two_that_use_a_key_at_once_the_second_is_told(self, store: SqlStore) -> None:
        first, second = make_submission(idempotency_key="k"), make_submission(idempotency_key="k")
        outcome = self._second_of_two(store, first, second, commit_first=True)
        with pytest.raises(IdempotencyConflict):
            outcome()
        with store.reading() as tx:
            assert tx.tickets([first.ticket.ticket_id, second.ticket.ticket_id]).keys() == {first.ticket.ticket_id}
            assert tx.idempotency_records([("shop", "k")]) == {("shop", "k"): first.idempotency}

    def test_a_key_whose_first_use_was_rolled_back_is_free(self, store: SqlStore) -> None:
        first, second = make_submission(idempotency_key="k"), make_submission(idempotency_key="k")
        self._second_of_two(store, first, second, commit_first=False)()
        with store.reading() as tx:
            assert tx.idempotency_records([("shop", "k")]) == {("shop", "k"): second.idempotency}

    def _second_of_two(
        self, store: SqlStore, first: Submission, second: Submission, *, commit_first: bool
    ) -> Callable[[], None]:
        """Store ``second`` while the transaction of ``first`` is open; return the outcome of ``second``."""
        with ThreadPoolExecutor(1) as pool:
            try:
                with store.transaction() as tx:
                    tx.add_submissions([first])
                    other = pool.submit(add_submissions, store, second)
                    time.sleep(0.3)
                    assert not other.done()
                    if not commit_first:
                        raise KeyboardInterrupt
            except KeyboardInterrupt:
                pass
            other.exception(timeout=10)
        return other.result

    def test_a_store_that_was_not_migrated_says_so(self, make_store: MakeStore) -> None:
        with pytest.raises(StoreUnavailable, match=r"revision none.*helpdesk run"):
            make_store().check()

    def test_a_schema_of_a_newer_version_is_left_alone(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx._connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        for action in (store.check, store.migrate):
            with pytest.raises(StoreUnavailable, match="newer version"):
                action()

    def test_migrating_again_changes_nothing(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        store.migrate()
        store.check()
        assert read(store, ticket) == ticket

    def test_processes_that_migrate_at_once_do_not_disturb_each_other(
        self, make_store: MakeStore, start_process: StartProcess
    ) -> None:
        processes = [start_process("migrate") for _ in range(3)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert [process.communicate()[0] for process in processes] == ["migrated\n"] * 3
        make_store().check()

    def test_facts_are_shared_and_overwritten(self, store: SqlStore, make_store: MakeStore) -> None:
        with store.transaction() as tx:
            assert tx.fact("knowledge") is None
            tx.set_fact("knowledge", "1")
            tx.set_fact("knowledge", "2")
        with make_store().reading() as tx:
            assert tx.fact("knowledge") == "2"
            assert tx.fact(make_id()) is None
