"""A live ticket API for tests: uvicorn in a thread, on a free port, over a real store and broker."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from helpdesk.adapters.broker_embedded import EmbeddedBroker
from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.desk import enqueue
from helpdesk.ports.broker import Broker
from helpdesk.ports.encoder import Encoder
from helpdesk.ports.predictor import Predictor
from helpdesk.ports.store import Role, Store
from helpdesk.settings import Settings
from helpdesk.tickets import Action, Answer, Author, Ticket
from helpdesk.web.keys import new_key
from helpdesk.web.server import bind
from relay.outbox import Relay
from tests.fakes import FakePredictor
from ticket_api.app import create_app

START_LIMIT_S = 15.0
TICKET = {"user": "anna@example.org", "description": "Where is my parcel?"}


@dataclass
class LiveTicketApi:
    """What a test needs of a running service: its address, its keys, and the parts behind it."""

    url: str
    settings: Settings
    store: Store
    broker: Broker
    keys: Mapping[str, str]
    _clients: list[httpx.Client] = field(default_factory=list)

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        """Return a client that sends the key of this name (None: no key)."""
        if key is not None:
            headers["Authorization"] = f"Bearer {self.keys[key]}"
        client = httpx.Client(base_url=self.url, headers=headers, timeout=20)
        self._clients.append(client)
        return client

    def submit(self, key: str = "portal", **fields: Any) -> str:
        """Submit a ticket and return its id."""
        response = self.client(key).post("/tickets", json={**TICKET, **fields})
        assert response.status_code == 202, response.text
        return str(response.json()["ticket_id"])

    def route(self, ticket_id: str, queue: str = "REFUND", reason: str = "A test wants a person.") -> Ticket:
        """Do as a worker does that hands the ticket to a person, relay included."""
        with self.store.transaction() as tx:
            ticket = enqueue(
                tx,
                tx.ticket(ticket_id),
                Action.ROUTE,
                queue=queue,
                reason=reason,
                at=datetime.now(UTC),
                actor=Author.MACHINE,
                name="worker",
            )
        self.relay()
        return ticket

    def answer(self, ticket_id: str, text: str, *, sent: bool = True, **fields: Any) -> Answer:
        """Store an answer of the machine, as a worker does."""
        now = datetime.now(UTC)
        with self.store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            if sent:
                ticket = ticket.after(Action.ASK if fields.get("is_question") else Action.ANSWER, at=now)
                tx.save([ticket])
            answer = Answer(
                answer_id=f"answer-{ticket_id}",
                ticket_id=ticket_id,
                turn=ticket.turn,
                author=Author.MACHINE,
                author_name="worker",
                text=text,
                sent=sent,
                created_at=now,
                **fields,
            )
            tx.add_answers([answer])
        return answer

    def entry_id(self, ticket_id: str) -> str:
        """Return the entry id of a ticket that waits for a person."""
        with self.store.reading() as tx:
            entry_id = tx.tickets([ticket_id])[ticket_id].entry_id
        assert entry_id is not None
        return entry_id

    def relay(self) -> None:
        """Move the outbox to the broker."""
        relay = Relay(self.store, self.broker, confirm_timeout_s=5)
        try:
            while relay.run_once()[0]:
                pass
        finally:
            relay.close()

    def close(self) -> None:
        for client in self._clients:
            client.close()


@contextmanager
def running(
    directory: Path,
    *,
    store: Store | None = None,
    broker: Broker | None = None,
    encoder: Encoder | None = None,
    predictor: Predictor | None = None,
    declare: bool = True,
    **groups: Any,
) -> Iterator[LiveTicketApi]:
    """Run the service until the block ends; ``groups`` are settings. What is not given is embedded."""
    settings = Settings(state_dir=directory, **groups)
    with ExitStack() as stack:
        store = store or stack.enter_context(closing(SqlStore.open(settings)))
        store.migrate()
        broker = broker or stack.enter_context(closing(EmbeddedBroker(directory / "helpdesk.db", settings.broker)))
        if declare:
            broker.declare()
        keys = {}
        with store.transaction() as tx:
            for role in Role:
                for name in (role.value, f"other-{role}"):
                    keys[name], stored = new_key(role, name=name)
                    tx.add_api_key(stored)
        listener = stack.enter_context(closing(bind(settings.ticket_api, 0, setting="PORT")))
        encoder = encoder or MiniLmEncoder()
        index = stack.enter_context(closing(ChromaKnowledge(encoder, path=directory / "knowledge", look_every_s=0.01)))
        predictor = predictor or FakePredictor()
        app = create_app(settings, store=store, broker=broker, index=index, encoder=encoder, predictor=predictor)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="live-ticket-api")
        thread.start()
        limit = time.monotonic() + START_LIMIT_S
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            assert time.monotonic() < limit, "the service did not start in time"
            time.sleep(0.01)
        api = LiveTicketApi(f"http://127.0.0.1:{listener.getsockname()[1]}", settings, store, broker, keys)
        try:
            yield api
        finally:
            api.close()
            server.should_exit = True
            thread.join()


def problem(response: httpx.Response, status: int, kind: str) -> Any:
    """Return a response's problem document, after making sure that it is one, of this status and kind."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"urn:helpdesk:problem:{kind}"
    return response.json()
