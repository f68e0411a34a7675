"""A whole Helpdesk of real processes, with a client that posts tickets until each is accepted."""

import os
import random
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx

from helpdesk.clock import utc_now
from helpdesk.errors import BrokerUnavailable, StoreUnavailable
from helpdesk.ports.store import Role
from helpdesk.settings import Settings, load_settings
from helpdesk.tickets import AWAITS_MACHINE, Priority
from helpdesk.web.keys import new_key
from helpdesk.wiring import open_broker, open_store
from tests.chaos.checker import Counts, count
from tests.chaos.children import Children
from tests.factories import make_submission
from tests.servers import free_port

TEXTS = (
    "please cancel my order",
    "unsure what this is about",
    "something far-off",
    "I am so upset about this",
    "nothing-found for this",
)

BULK = 500


class System(Children):
    """Ticket API, relays, prediction service and workers as child processes.

    Args:
        workers, relays: how many of them.
        held_down: processes that are not started before ``let_up``.
        mutation: breaks a promise on purpose; see worker_process and relay_process.
        watchdog: whether lost messages may be healed by the watchdog; off, the suite sees them as silent tickets.
        skew_s: name -> how far that process's clock is ahead.
        extra: further environment of all.
    """

    def __init__(
        self,
        directory: Path,
        *,
        database_url: str | None = None,
        rabbitmq_url: str | None = None,
        workers: int = 2,
        relays: int = 1,
        mutation: str = "",
        watchdog: bool = False,
        held_down: Sequence[str] = (),
        skew_s: Mapping[str, float] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.stack = "servers" if rabbitmq_url is not None else "embedded"
        self.api_port, self.prediction_port = free_port(), free_port()
        patience = "45" if watchdog else "3600"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HELPDESK_")},
            "HELPDESK_STATE_DIR": str(directory),
            "HELPDESK_TICKET_API__PORT": str(self.api_port),
            "HELPDESK_PREDICTION_API__PORT": str(self.prediction_port),
            "HELPDESK_PREDICTION_API__TIMEOUT_S": "1",
            "HELPDESK_BROKER__TOPOLOGY_VERSION": str(random.randrange(10**6, 10**9)),
            "HELPDESK_BROKER__LEASE_S": "2",
            "HELPDESK_BROKER__CONFIRM_TIMEOUT_S": "3",
            "HELPDESK_BROKER__HEARTBEAT_S": "2",
            "HELPDESK_BROKER__BLOCKED_TIMEOUT_S": "3",
            "HELPDESK_PROCESSOR__STUCK_AFTER_S": patience,
            "HELPDESK_PROCESSOR__DECIDE_WITHIN_S": patience,
            "HELPDESK_PROCESSOR__SWEEP_EVERY_S": "0.5",
            "HELPDESK_PROCESSOR__BATCH_SIZE": "8",
            "HELPDESK_PROCESSOR__PREFETCH": "16",
            "CHAOS_MUTATION": mutation,
            **(extra or {}),
        }
        for name, url in (("DATABASE_URL", database_url), ("RABBITMQ_URL", rabbitmq_url)):
            environment.pop(name, None)
            if url is not None:
                environment[name] = url
        self.settings = settings_of(environment)
        self.store, self.broker = open_store(self.settings), open_broker(self.settings)
        self.store.migrate()
        self.mood_file = directory / "mood"
        self.mood_file.write_text("ok")
        secret, key = new_key(Role.PORTAL, name="portal")
        with self.store.transaction() as tx:
            tx.add_api_key(key)
        self._portal_key = secret
        modules = {
            "ticket-api": ["ticket_api"],
            "relay": ["tests.chaos.relay_process"],
            **{f"relay-{number}": ["tests.chaos.relay_process"] for number in range(1, relays)},
            "prediction": ["tests.chaos.prediction_stub", str(self.prediction_port), str(self.mood_file)],
            **{f"worker-{number}": ["tests.chaos.worker_process"] for number in range(workers)},
        }
        for name, ahead_s in (skew_s or {}).items():
            modules[name] = ["tests.chaos.skewed", str(ahead_s), *modules[name]]
        commands = {name: [sys.executable, "-m", *module] for name, module in modules.items()}
        super().__init__(directory, commands, environment, held_down=held_down)

    def start(self) -> None:
        """Start every process, and return once the ticket API answers."""
        super().start()
        self.wait_until(self._is_healthy, limit_s=30, what="the ticket API")

    def close(self) -> None:
        """Stop every process."""
        super().close()
        self.broker.close()
        self.store.close()

    # The client

    def client(self) -> httpx.Client:
        """Return a portal's client; the caller closes it."""
        headers = {"Authorization": f"Bearer {self._portal_key}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.api_port}", headers=headers, timeout=5)

    def post_all(self, total: int, *, per_s: float, threads: int = 4, texts: Sequence[str] = TEXTS) -> dict[str, str]:
        """Post tickets at a steady rate, each until it is accepted; return idempotency key -> ticket id."""
        accepted: dict[str, str] = {}
        begin = time.monotonic()
        numbers = iter(range(total))
        lock = threading.Lock()

        def post() -> None:
            with self.client() as client:
                while True:
                    with lock:
                        number = next(numbers, None)
                    if number is None:
                        return
                    time.sleep(max(0.0, begin + number / per_s - time.monotonic()))
                    key = uuid.uuid4().hex
                    accepted[key] = self._post_until_accepted(client, key, f"{texts[number % len(texts)]} ({number})")

        posters = [threading.Thread(target=post) for _ in range(threads)]
        for poster in posters:
            poster.start()
        for poster in posters:
            poster.join()
        return accepted

    def _post_until_accepted(self, client: httpx.Client, key: str, text: str) -> str:
        body = {"user": "ada@example.org", "description": text}
        headers = {"Idempotency-Key": key}
        for _ in range(600):
            try:
                response = client.post("/tickets", json=body, headers=headers)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if response.status_code == 202:
                return str(response.json()["ticket_id"])
            assert response.status_code in {429, 503}, response.text
            time.sleep(0.1)
        raise AssertionError("a ticket was not accepted within a minute")

    def preload(self, total: int, *, priority: Priority = Priority.NORMAL) -> dict[str, str]:
        """Store tickets as the ticket API would, quicker than a client can post; return key -> ticket id."""
        accepted: dict[str, str] = {}
        for first in range(0, total, BULK):
            now = utc_now()
            batch = [
                make_submission(
                    text=f"{TEXTS[number % len(TEXTS)]} ({number})",
                    priority=priority,
                    created_at=now,
                    updated_at=now,
                    deadline_at=now + timedelta(seconds=self.settings.processor.decide_within_s),
                )
                for number in range(first, min(first + BULK, total))
            ]
            with self.store.transaction() as tx:
                tx.add_submissions(batch)
            accepted |= {uuid.uuid4().hex: submission.ticket.ticket_id for submission in batch}
        return accepted

    # Coming to rest

    def wait_until_decided(self, *, limit_s: float, quiet_s: float = 30.0) -> None:
        """Wait until no ticket awaits the machine and no message is on its way.

        Gives up when the limit has passed, or when nothing has moved for ``quiet_s``.
        """
        deadline = time.monotonic() + limit_s
        before, moved_at = (-1, -1, -1), time.monotonic()
        while time.monotonic() < min(deadline, moved_at + quiet_s):
            try:
                now = (self.open_tickets(), self.unsettled(), self.outbox_depth())
            except (StoreUnavailable, BrokerUnavailable):  # the fault was theirs; they may take a moment to be back
                time.sleep(0.5)
                continue
            if not any(now):
                return
            if now != before:
                before, moved_at = now, time.monotonic()
            time.sleep(0.2)

    def unsettled(self) -> int:
        """Return how many messages wait in a lane or on the retry ladder."""
        depths = self.broker.depths()
        return sum(depth for name, depth in depths.items() if name.startswith(("in.", "retry")))

    def counts(self, accepted: Mapping[str, str], *, attempted: int) -> Counts:
        depths = self.broker.depths()
        return count(self.store, accepted, attempted=attempted, unsettled=self.unsettled(), depths=depths)

    def wait_until(self, condition: Callable[[], bool], *, limit_s: float, what: str, every_s: float = 0.1) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come true within {limit_s} s; logs: {self.directory}"
            time.sleep(every_s)

    def integrity(self) -> str:
        """Return what SQLite says of its file: ``ok``."""
        with closing(sqlite3.connect(self.directory / "helpdesk.db")) as connection:
            return str(connection.execute("PRAGMA integrity_check").fetchone()[0])

    def open_tickets(self) -> int:
        with self.store.reading() as tx:
            return sum(number for status, number in tx.counts_by_status().items() if status in AWAITS_MACHINE)

    def outbox_depth(self) -> int:
        with self.store.reading() as tx:
            return tx.outbox_depth()[0]

    def _is_healthy(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.api_port}/health", timeout=1).status_code == 200
        except httpx.TransportError:
            return False


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Return the settings that a process with this environment has."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        return load_settings()
    finally:
        os.environ.clear()
        os.environ.update(before)
