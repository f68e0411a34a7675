"""The fixtures that every part of the store contract stands on."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.ports.store import Store, Submission
from helpdesk.settings import StoreSettings
from helpdesk.tickets import Ticket
from tests.contract import store_process
from tests.factories import make_submission

MakeStore = Callable[..., SqlStore]
StartProcess = Callable[[str], "subprocess.Popen[str]"]


def add(store: Store, *tickets: Ticket) -> None:
    """Store tickets in whatever state they are, each with message, event and outbox row."""
    add_submissions(store, *(make_submission(ticket=ticket) for ticket in tickets))


def add_submissions(store: Store, *submissions: Submission) -> None:
    with store.transaction() as tx:
        tx.add_submissions(submissions)


def read(store: Store, ticket: Ticket) -> Ticket:
    with store.reading() as tx:
        return tx.ticket(ticket.ticket_id)


class StoreFixtures:
    @pytest.fixture
    def url(self) -> str:
        """The URL of an empty database."""
        raise NotImplementedError

    @pytest.fixture
    def make_store(self, url: str) -> Iterator[MakeStore]:
        """A function that opens another store object on the same database; its keywords are settings."""
        opened: list[SqlStore] = []

        def make(**settings: float) -> SqlStore:
            opened.append(SqlStore(url, StoreSettings.model_validate(settings)))
            return opened[-1]

        yield make
        for store in opened:
            store.close()

    @pytest.fixture
    def store(self, make_store: MakeStore) -> SqlStore:
        store = make_store()
        store.migrate()
        return store

    @pytest.fixture
    def start_process(self, url: str) -> Iterator[StartProcess]:
        """A function that starts another process on the same database; see store_process."""
        processes: list[subprocess.Popen[str]] = []

        def start(job: str) -> subprocess.Popen[str]:
            processes.append(store_process.start(job, url))
            return processes[-1]

        yield start
        for process in processes:
            process.kill()
            process.communicate()
