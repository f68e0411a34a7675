"""SQLite keeps the store contract, and what only a database in a file must do."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.decisions import Outcome
from helpdesk.errors import InvalidSetting, StoreUnavailable
from helpdesk.ports.decision_log import DecisionFilter
from helpdesk.ports.mailboxes import DeadLetterStatus
from helpdesk.ports.store import TicketFilter, TicketOrder
from helpdesk.settings import Settings, StoreSettings
from helpdesk.tickets import SlaState
from tests.contract.store_contract import StoreContract
from tests.contract.store_fixtures import MakeStore, StartProcess
from tests.contract.store_schema import differences
from tests.factories import NOON, make_submission


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "state" / "helpdesk.db"

    @pytest.fixture
    def url(self, path: Path) -> str:
        return f"sqlite:///{path}"

    def test_the_migrated_schema_is_the_one_that_the_code_declares(self, store: SqlStore, url: str) -> None:
        assert differences(url) == []

    def test_the_file_and_its_log_are_for_their_owner_only(self, store: SqlStore, path: Path) -> None:
        with store.transaction() as tx:
            tx.set_fact("a", "b")
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
        assert modes == {"helpdesk.db": "0o600", "helpdesk.db-wal": "0o600", "helpdesk.db-shm": "0o600"}

    def test_every_commit_is_flushed_to_a_write_ahead_log(self, store: SqlStore) -> None:
        pragmas: dict[str, object] = {}
        with store.transaction() as tx:
            for name in ("journal_mode", "synchronous", "foreign_keys"):
                pragmas[name] = tx._connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

    def test_a_full_disk_means_unavailable_and_loses_nothing_that_was_stored(
        self, store: SqlStore, start_process: StartProcess, path: Path
    ) -> None:
        report = json.loads(start_process("fill").communicate(timeout=60)[0])
        assert len(report["stored"]) > 100
        assert re.search("full|I/O", report["failure"])
        assert report["follow_up"]
        assert report["readable"]
        with store.reading() as tx:
            assert set(tx.tickets(report["stored"])) == set(report["stored"])
            assert sum(tx.counts_by_status().values()) == len(report["stored"])
            assert tx.fact("after the failure") is None
            assert tx.fact("with room again") == "yes"
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_a_file_that_is_no_database_means_unavailable(self, path: Path, make_store: MakeStore) -> None:
        path.parent.mkdir()
        path.write_bytes(b"This is a letter, not a database. " * 100)
        with pytest.raises(StoreUnavailable, match="not a database"):
            make_store().check()

    def test_a_place_that_cannot_be_written_means_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreUnavailable, match="cannot be opened"):
            SqlStore(f"sqlite:///{tmp_path}/file/helpdesk.db", StoreSettings())

    def test_without_a_database_url_the_file_lies_in_the_state_directory(self, tmp_path: Path) -> None:
        store = SqlStore.open(Settings(state_dir=tmp_path / "state", database_url=None))
        store.migrate()
        store.check()
        store.close()
        assert (tmp_path / "state" / "helpdesk.db").exists()

    @pytest.mark.parametrize(
        "url",
        [
            "sqlite://",
            "sqlite:///:memory:",
            "mysql://u:secret@h/d",
            "postgresql://u:p@ss:secret@h/d",
            "no url: secret",
            "",
        ],
    )
    def test_an_unusable_url_is_named_without_its_password(self, url: str) -> None:
        with pytest.raises(InvalidSetting) as refused:
            SqlStore(url, StoreSettings())
        assert refused.value.field == "DATABASE_URL"
        assert "secret" not in str(refused.value)


class TestSqliteQueries:
    """What is asked often finds its rows through an index, in order, however many tickets there are."""

    @pytest.fixture
    def plans(self, tmp_path: Path) -> Iterator[list[tuple[str, str]]]:
        """The query plans of all statements so far, as (statement, plan)."""
        collected: list[tuple[str, str]] = []

        def explain(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            if not many and statement.startswith(("SELECT", "DELETE", "UPDATE", "WITH")):
                steps = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                collected.append((statement, "; ".join(step[3] for step in steps)))

        event.listen(Engine, "before_cursor_execute", explain)
        yield collected
        event.remove(Engine, "before_cursor_execute", explain)

    def test_no_frequent_question_reads_a_whole_table_or_sorts(
        self, tmp_path: Path, plans: list[tuple[str, str]]
    ) -> None:
        store = SqlStore(f"sqlite:///{tmp_path}/helpdesk.db", StoreSettings())
        store.migrate()
        submission = make_submission(idempotency_key="k")
        ticket_id = submission.ticket.ticket_id
        with store.transaction() as tx:
            tx.add_submissions([submission])
            plans.clear()
            tx.idempotency_records([("shop", "k"), ("shop", "l"), ("mobile", "m")])
            tx.tickets([ticket_id, "other"])
            first = tx.list_tickets(TicketFilter(), cursor=None, limit=20)
            assert first.next_cursor is None
            cursor = "MjAyNi0wMy0wMlQxMjowMDowMyswMDowMCB4"
            tx.list_tickets(TicketFilter(), cursor=cursor, limit=20)
            tx.list_tickets(TicketFilter(owner="shop"), cursor=cursor, limit=20)
            tx.list_tickets(TicketFilter(owner="shop", created_after=NOON), cursor=None, limit=20)
            tx.list_tickets(TicketFilter(), cursor=cursor, limit=20, order=TicketOrder.DUE)
            tx.list_tickets(TicketFilter(sla=SlaState.SOON), cursor=cursor, limit=20)
            tx.list_tickets(TicketFilter(user="ada"), cursor=None, limit=20)
            tx.alerts_due(NOON, limit=200)
            tx.waiting_in_queue("REFUND", limit=8)
            tx.queue_summaries()
            tx.past_deadline(NOON, limit=200)
            tx.untouched_since(NOON, limit=200)
            tx.expired_claims(NOON, limit=200)
            tx.waiting_since(NOON, limit=200)
            tx.conversations([ticket_id, "other"])
            tx.events(ticket_id)
            tx.answers(ticket_id)
            tx.decisions(ticket_id)
            tx.feedback(ticket_id)
            tx.corrections(ticket_id)
            tx.standing_corrections(limit=200, after=5)
            tx.outbox(limit=256, after=5)
            tx.delete_outbox([1, 2])
            tx.delete_outbox_message("m")
            tx.dead_letters(status=None, limit=20)
            tx.dead_letters(status=DeadLetterStatus.DEAD, limit=20)
            tx.api_key_by_sha256("digest")
            tx.feedback_on([ticket_id])
            tx.corrections_on([ticket_id])
            tx.newest_policy_number()
            tx.policies_of("checksum")
            tx.prune_inbox(NOON, limit=500)
            tx.prune_idempotency_records(NOON, limit=500)
        store.close()
        assert len(plans) == 36
        for statement, plan in plans:
            assert not re.search(r"SCAN (?!old)\w+($|;)", plan), f"{plan}\n{statement}"
            if "ORDER BY" in statement and " IN (" not in statement.partition("WHERE")[2].replace("status IN", ""):
                assert "TEMP B-TREE" not in plan, f"{plan}\n{statement}"

    def test_decisions_are_listed_by_the_index_alone_whatever_they_are_narrowed_by(
        self, tmp_path: Path, plans: list[tuple[str, str]]
    ) -> None:
        """Only the rows of the page are read; the rows of the index lie in the order of the list."""
        store = SqlStore(f"sqlite:///{tmp_path}/helpdesk.db", StoreSettings())
        store.migrate()
        filters: list[dict[str, Any]] = [{}, {"intent": "get_refund", "queue": "REFUND"}, {"code": "upset"}]
        filters += [{"confidence_from": 0.5, "model": "m", "policy": "1-a"}, {"since": NOON, "outcome": Outcome.ANSWER}]
        cursor = "MjAyNi0wMy0wMlQxMjowMDowMCswMDowMCBhIDE"
        with store.reading() as tx:
            plans.clear()
            for wanted in filters:
                tx.list_decisions(DecisionFilter(**wanted), cursor=cursor, limit=20)
        store.close()
        assert len(plans) == len(filters)
        for _, plan in plans:
            assert re.search(r"(SCAN|SEARCH) decisions USING COVERING INDEX ix_decisions_log", plan), plan
            assert plan.count("SCAN decisions") <= 1, plan
