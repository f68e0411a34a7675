"""What the intake benchmark measures: each target is a service that is up, and a way to ask what it has stored."""

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from benchmarks.environment import environment_of
from benchmarks.processes import BenchmarkFailed, Child, Children, answers
from helpdesk.ports.store import Role, Store
from helpdesk.settings import BrokerSettings, ProcessorSettings, Settings, TicketApiSettings
from helpdesk.web.keys import new_key
from helpdesk.wiring import open_broker, open_store
from tests.servers import free_port

DRAIN_LIMIT_S = 300.0
UNLIMITED = 1_000_000_000
PATIENT_S = 86_400
"""No worker runs here, so the watchdog must not take the waiting tickets for silent ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A service under measurement.

    Attributes:
        url: where tickets are posted.
        store: where they must be found afterwards; None where nothing is stored.
        is_relayed: whether a relay empties the outbox meanwhile.
    """

    name: str
    url: str
    api_key: str
    service: Child
    store: Store | None = None
    is_relayed: bool = False

    def stored(self) -> int:
        """Return how many tickets are in the store."""
        if self.store is None:
            return 0
        with self.store.reading() as tx:
            return sum(tx.counts_by_status().values())

    def outbox_depth(self) -> int:
        """Return how many messages wait for the relay."""
        if self.store is None:
            return 0
        with self.store.reading() as tx:
            return tx.outbox_depth()[0]

    def wait_until_relayed(self) -> float:
        """Return, once the relay has emptied the outbox, how long that took after the load had ended.

        Raises:
            BenchmarkFailed: it does not come to an end.
        """
        began = time.monotonic()
        while self.is_relayed and self.outbox_depth():
            if time.monotonic() > began + DRAIN_LIMIT_S:
                raise BenchmarkFailed(f"{self.name}: the relay did not empty the outbox in {DRAIN_LIMIT_S:.0f} s")
            time.sleep(0.05)
        return time.monotonic() - began


class Targets:
    """Starts services, each in a directory of its own; ``stack`` closes what was opened to ask about them."""

    def __init__(self, directory: Path, children: Children, stack: ExitStack) -> None:
        self._directory, self._children, self._stack = directory, children, stack

    def do_nothing(self) -> list[Target]:
        """Return the two ways of doing nothing; one process serves both."""
        settings = self._settings("do-nothing")
        service = self._serve("do-nothing", "benchmarks.intake.do_nothing", settings)
        paths = {
            "FastAPI doing nothing": "/documented",
            "FastAPI doing nothing, bodies by hand": "/by-hand",
        }
        return [
            Target(name=name, url=_url(settings) + path, api_key="none", service=service)
            for name, path in paths.items()
        ]

    def ticket_api(
        self, name: str, *, database_url: str | None = None, rabbitmq_url: str | None = None, is_relayed: bool = False
    ) -> Target:
        """Return a ticket API; what is not given is embedded."""
        settings = self._settings(name, database_url=database_url, rabbitmq_url=rabbitmq_url)
        store, api_key = self._prepare(settings)
        service = self._serve(name, "ticket_api", settings)
        if is_relayed:
            self._children.python(f"{name} relay", "-m", "relay", environment=environment_of(settings))
        return Target(
            name=name,
            url=_url(settings) + "/tickets",
            api_key=api_key,
            service=service,
            store=store,
            is_relayed=is_relayed,
        )

    def without_store(self, name: str) -> Target:
        """Return a ticket API that stores nothing."""
        settings = self._settings(name)
        _, api_key = self._prepare(settings)
        service = self._serve(name, "benchmarks.intake.without_store", settings)
        return Target(name=name, url=_url(settings) + "/tickets", api_key=api_key, service=service)

    def _settings(self, name: str, *, database_url: str | None = None, rabbitmq_url: str | None = None) -> Settings:
        return Settings(
            state_dir=self._directory / name.replace(" ", "-"),
            database_url=SecretStr(database_url) if database_url else None,
            rabbitmq_url=SecretStr(rabbitmq_url) if rabbitmq_url else None,
            ticket_api=TicketApiSettings(port=free_port(), requests_per_minute=UNLIMITED),
            broker=BrokerSettings(max_lane_length=UNLIMITED),
            processor=ProcessorSettings(decide_within_s=PATIENT_S, stuck_after_s=PATIENT_S),
        )

    def _prepare(self, settings: Settings) -> tuple[Store, str]:
        """Create the tables, the queues and a key; return the open store and the key's secret."""
        store = self._stack.enter_context(closing(open_store(settings)))
        store.migrate()
        with closing(open_broker(settings)) as broker:
            broker.declare()
        secret, key = new_key(Role.PORTAL, name="portal")
        with store.transaction() as tx:
            tx.add_api_key(key)
        return store, secret

    def _serve(self, name: str, module: str, settings: Settings) -> Child:
        service = self._children.python(name, "-m", module, environment=environment_of(settings))
        service.wait_until(lambda: answers(_url(settings) + "/health"), what="to serve")
        return service


def _url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.ticket_api.port}"
