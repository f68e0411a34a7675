"""PostgreSQL keeps the store contract, and what only a server must do."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import make_url

from helpdesk.adapters.store_sql import SqlStore, engine_postgresql
from helpdesk.errors import InvalidInput, StoreUnavailable
from helpdesk.settings import Settings, StoreSettings
from tests.contract.store_contract import StoreContract
from tests.contract.store_fixtures import MakeStore, add, read
from tests.contract.store_schema import differences
from tests.factories import NOON, make_id, make_ticket
from tests.servers import PostgreSqlServer

pytestmark = pytest.mark.postgresql


def own_schema(server_url: str) -> Iterator[str]:
    """Yield the URL of an empty schema; it is dropped afterwards."""
    schema = f"test_{make_id()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    url = make_url(server_url).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


class TestPostgresqlStore(StoreContract):
    @pytest.fixture
    def url(self, postgresql_url: str) -> Iterator[str]:
        yield from own_schema(postgresql_url)

    def test_the_migrated_schema_is_the_one_that_the_code_declares(self, store: SqlStore, url: str) -> None:
        assert differences(url) == []

    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
    def test_every_spelling_of_the_url_opens_the_database(self, store: SqlStore, url: str, scheme: str) -> None:
        spelling = scheme + url[url.index("://") :]
        other = SqlStore.open(Settings.model_validate({"DATABASE_URL": spelling}))
        other.check()
        other.close()

    def test_a_failure_that_was_swallowed_does_not_pass_for_a_commit(
        self, store: SqlStore, make_store: MakeStore
    ) -> None:
        ticket = make_ticket()
        add(store, ticket)
        impatient = make_store(busy_wait_s=0.2)

        def swallow() -> None:
            with impatient.transaction() as tx:
                tx.set_fact("a", "b")
                with pytest.raises(StoreUnavailable):
                    tx.ticket(ticket.ticket_id)

        with store.transaction() as tx:
            tx.ticket(ticket.ticket_id)
            with pytest.raises(StoreUnavailable, match="nothing of it was stored"):
                swallow()
        with store.reading() as tx:
            assert tx.fact("a") is None

    def test_pruning_waits_for_nobody_who_handles_an_old_message_again(
        self, store: SqlStore, make_store: MakeStore
    ) -> None:
        with store.transaction() as tx:
            tx.finish_messages(["held", "free"], at=NOON)
        with store.transaction() as tx, make_store(busy_wait_s=0.2).transaction() as pruning:
            tx.start_messages(["held"], at=NOON)
            assert pruning.prune_inbox(NOON + timedelta(hours=1), limit=10) == 1

    def test_a_nul_character_is_bad_input_and_no_failure(self, store: SqlStore) -> None:
        with pytest.raises(InvalidInput, match="NUL"), store.reading() as tx:
            tx.ticket("\0")

    def test_more_threads_than_connections_wait_and_then_give_up(self, make_store: MakeStore) -> None:
        small = make_store(pool_size=1, busy_wait_s=0.3)
        small.migrate()
        with small.transaction(), pytest.raises(StoreUnavailable, match="in use"), small.transaction():
            pass
        small.check()

    def test_a_connection_that_the_server_ends_means_unavailable_and_is_replaced(
        self, store: SqlStore, url: str
    ) -> None:
        ticket = make_ticket()
        add(store, ticket)

        def write_while_the_connection_ends() -> None:
            with store.transaction() as tx:
                tx.ticket(ticket.ticket_id)
                end_connections(url)
                tx.set_fact("a", "b")

        with pytest.raises(StoreUnavailable):
            write_while_the_connection_ends()
        end_connections(url)
        assert read(store, ticket) == ticket

    def test_a_row_lock_is_not_kept_by_a_process_that_freezes(
        self, store: SqlStore, make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticket = make_ticket()
        add(store, ticket)
        monkeypatch.setattr(engine_postgresql, "IDLE_LIMIT_S", 0.3)
        frozen = make_store()

        def freeze_within_a_transaction() -> None:
            with frozen.transaction() as tx:
                tx.ticket(ticket.ticket_id)
                with store.transaction() as other:
                    other.ticket(ticket.ticket_id)
                tx.set_fact("a", "b")

        with pytest.raises(StoreUnavailable):
            freeze_within_a_transaction()
        with store.reading() as tx:
            assert tx.fact("a") is None


class TestFailingServer:
    @pytest.fixture
    def store(self, postgresql_server: PostgreSqlServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
        monkeypatch.setattr(engine_postgresql, "STATEMENT_LIMIT_S", 0.3)
        monkeypatch.setattr(engine_postgresql, "SILENCE_LIMIT_S", 0.3)
        for url in own_schema(postgresql_server.url):
            store = SqlStore(url, StoreSettings(busy_wait_s=0.3))
            store.migrate()
            yield store
            store.close()
            postgresql_server.ensure_running()

    def test_a_killed_server_means_unavailable_and_the_store_recovers(
        self, store: SqlStore, postgresql_server: PostgreSqlServer
    ) -> None:
        ticket = make_ticket()
        add(store, ticket)

        def write_while_the_server_dies() -> None:
            with store.transaction() as tx:
                tx.set_fact("a", "b")
                postgresql_server.kill()

        with pytest.raises(StoreUnavailable):
            write_while_the_server_dies()
        with pytest.raises(StoreUnavailable):
            store.check()
        postgresql_server.start()
        store.check()
        assert read(store, ticket) == ticket
        with store.reading() as tx:
            assert tx.fact("a") is None

    def test_a_frozen_server_blocks_nobody_for_ever_and_the_store_recovers(
        self, store: SqlStore, postgresql_server: PostgreSqlServer
    ) -> None:
        ticket = make_ticket()
        add(store, ticket)
        postgresql_server.freeze()
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            read(store, ticket)
        assert time.monotonic() - begun < 10
        postgresql_server.thaw()
        assert read(store, ticket) == ticket
        with store.transaction() as tx:
            tx.start_messages(["m"], at=NOON)


def end_connections(url: str) -> None:
    """End every session on the database but our own, as an operator or a fail-over does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'helpdesk' AND datname = current_database()"
        )


def test_threads_share_the_pool(postgresql_url: str) -> None:
    """Thirty threads on four connections all get their turn."""
    for url in own_schema(postgresql_url):
        store = SqlStore(url, StoreSettings(pool_size=4))
        store.migrate()
        threads = [threading.Thread(target=add, args=(store, make_ticket())) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.reading() as tx:
            assert sum(tx.counts_by_status().values()) == 30
        store.close()
