"""A whole Helpdesk of real processes that a test may kill, with a client that posts tickets until each is accepted."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from helpdesk.errors import StoreUnavailable
from helpdesk.failpoints import VARIABLE
from helpdesk.ports.store import Role
from helpdesk.settings import Settings, load_settings
from helpdesk.tickets import AWAITS_MACHINE
from helpdesk.web.keys import new_key
from helpdesk.wiring import open_broker, open_store
from tests.chaos.checker import Counts, count
from tests.servers import free_port

TEXTS = (
    "please cancel my order",
    "unsure what this is about",
    "something far-off",
    "I am so upset about this",
    "nothing-found for this",
)

RESTART_PAUSE_S = 1.0
"""A process is started again no sooner than this after its last start, so that a crash loop leaves the others room."""


class System:
    """Ticket API, relay, prediction service and workers as child processes; what dies is started again.

    Args:
        workers: how many worker processes.
        held_down: processes that are not started before ``let_up``.
        mutation: breaks a promise on purpose; see worker_process and relay_process.
        watchdog: whether lost messages may be healed by the watchdog; off, the suite sees them as silent tickets.
    """

    def __init__(
        self,
        directory: Path,
        *,
        database_url: str | None = None,
        rabbitmq_url: str | None = None,
        workers: int = 2,
        mutation: str = "",
        watchdog: bool = False,
        held_down: Sequence[str] = (),
        extra: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.api_port, self.prediction_port = free_port(), free_port()
        patience = "45" if watchdog else "3600"
        self.environment = {
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
            self.environment.pop(name, None)
            if url is not None:
                self.environment[name] = url
        self.settings = self._settings()
        self.store, self.broker = open_store(self.settings), open_broker(self.settings)
        self.store.migrate()
        self.mood_file = directory / "mood"
        self.mood_file.write_text("ok")
        secret, key = new_key(Role.PORTAL, name="portal")
        with self.store.transaction() as tx:
            tx.add_api_key(key)
        self.portal_key = secret
        python = sys.executable
        self._commands = {
            "ticket-api": [python, "-m", "ticket_api"],
            "relay": [python, "-m", "tests.chaos.relay_process"],
            "prediction": [
                python,
                "-m",
                "tests.chaos.prediction_stub",
                str(self.prediction_port),
                str(self.mood_file),
            ],
            **{f"worker-{number}": [python, "-m", "tests.chaos.worker_process"] for number in range(workers)},
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._spawned_at: dict[str, float] = {}
        self._held_down: set[str] = set(held_down)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._minder = threading.Thread(target=self._mind, daemon=True)
        self.restarts = 0

    # Processes

    def start(self) -> None:
        """Start every process, and return once the ticket API answers."""
        for name in self._commands:
            if name not in self._held_down:
                self._spawn(name)
        self._minder.start()
        self.wait_until(self._is_healthy, limit_s=30, what="the ticket API")

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a process; one that dies of it is started again."""
        with self._lock:
            process = self._processes[name]
            if process.poll() is None:
                os.kill(process.pid, number)

    def hold_down(self, name: str) -> None:
        """Kill a process and keep it down until ``let_up``."""
        with self._lock:
            self._held_down.add(name)
        self.kill(name)

    def let_up(self, name: str) -> None:
        with self._lock:
            self._held_down.discard(name)
            if name not in self._processes:
                self._spawn(name)

    def restart_with_failpoint(self, name: str, failpoint: str) -> None:
        """Replace a process by one that ends itself at the fail-point; what replaces that one has none."""
        with self._lock:
            process = self._processes[name]
            if process.poll() is None:
                process.kill()
            process.wait()
            self._spawn(name, {VARIABLE: failpoint})

    @property
    def names(self) -> list[str]:
        return list(self._commands)

    def close(self) -> None:
        """Stop every process, and forget the broker's queues of this run."""
        self._stop.set()
        if self._minder.is_alive():
            self._minder.join()
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()
        self.broker.close()
        self.store.close()

    # The client

    def post_all(self, total: int, *, per_s: float, threads: int = 4, texts: Sequence[str] = TEXTS) -> dict[str, str]:
        """Post tickets at a steady rate, each until it is accepted; return idempotency key -> ticket id."""
        accepted: dict[str, str] = {}
        begin = time.monotonic()
        numbers = iter(range(total))
        lock = threading.Lock()

        def post() -> None:
            with httpx.Client(base_url=f"http://127.0.0.1:{self.api_port}", timeout=5) as client:
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
        headers = {"Authorization": f"Bearer {self.portal_key}", "Idempotency-Key": key}
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

    # Coming to rest

    def wait_until_decided(self, *, limit_s: float, quiet_s: float = 30.0) -> None:
        """Wait until no ticket awaits the machine and no message is on its way.

        Gives up when the limit has passed, or when nothing has moved for ``quiet_s``.
        """
        deadline = time.monotonic() + limit_s
        before, moved_at = (-1, -1, -1), time.monotonic()
        while time.monotonic() < min(deadline, moved_at + quiet_s):
            try:
                now = (self._open_tickets(), self.unsettled(), self._outbox())
            except StoreUnavailable:  # the fault was the store's; it may take a moment to be back
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
        return count(self.store, accepted, attempted=attempted, unsettled=self.unsettled())

    def wait_until(self, condition: Callable[[], bool], *, limit_s: float, what: str) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come true within {limit_s} s; logs: {self.directory}"
            time.sleep(0.1)

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def _open_tickets(self) -> int:
        with self.store.reading() as tx:
            return sum(number for status, number in tx.counts_by_status().items() if status in AWAITS_MACHINE)

    def _outbox(self) -> int:
        with self.store.reading() as tx:
            return tx.outbox_depth()[0]

    def _is_healthy(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.api_port}/health", timeout=1).status_code == 200
        except httpx.TransportError:
            return False

    def _spawn(self, name: str, extra: Mapping[str, str] | None = None) -> None:
        self._spawned_at[name] = time.monotonic()
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                self._commands[name],
                env={**self.environment, **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _mind(self) -> None:
        while not self._stop.wait(0.1):
            with self._lock:
                for name, process in self._processes.items():
                    lived_s = time.monotonic() - self._spawned_at[name]
                    if process.poll() is not None and name not in self._held_down and lived_s > RESTART_PAUSE_S:
                        self._spawn(name)
                        self.restarts += 1

    def _settings(self) -> Settings:
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self.environment)
        try:
            return load_settings()
        finally:
            os.environ.clear()
            os.environ.update(before)
