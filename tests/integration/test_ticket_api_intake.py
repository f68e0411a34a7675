"""Intake over HTTP: what is accepted is stored once, what is wrong is named, and nothing is kept of what is refused."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpdesk.errors import StoreUnavailable
from helpdesk.messages import TicketSubmitted, decode
from helpdesk.ports.broker import LANES
from helpdesk.tickets import Priority, Status
from tests.live_ticket_api import TICKET, LiveTicketApi, running


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    with running(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def portal(api: LiveTicketApi) -> httpx.Client:
    return api.client("portal")


def stored_tickets(api: LiveTicketApi) -> int:
    with api.store.reading() as tx:
        return sum(tx.counts_by_status().values())


def problem(response: httpx.Response, status: int) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()


def test_an_accepted_ticket_is_stored_with_its_message_its_event_and_its_outbox_row(
    api: LiveTicketApi, portal: httpx.Client
) -> None:
    sent = {
        **TICKET,
        "subject": "Parcel",
        "channel": "web",
        "customer_tier": "premium",
        "language": "en-GB",
        "metadata": {"order": "48213", "weight_kg": 2.5, "items": 3, "gift": True},
    }
    response = portal.post("/tickets", json=sent, headers={"X-Correlation-ID": "corr-1"})
    assert response.status_code == 202
    ticket_id = response.json()["ticket_id"]
    assert response.headers["location"] == f"/tickets/{ticket_id}"
    assert response.json() == {"ticket_id": ticket_id, "status": "received", "status_url": f"/tickets/{ticket_id}"}
    assert "idempotency-replayed" not in response.headers
    with api.store.reading() as tx:
        ticket = tx.tickets([ticket_id])[ticket_id]
        conversation, history = tx.conversations([ticket_id])[ticket_id], tx.events(ticket_id)
        submitted = [decode(row.envelope.body) for row in tx.outbox(limit=1000)]
    assert (ticket.owner, ticket.user, ticket.subject, ticket.channel) == ("portal", sent["user"], "Parcel", "web")
    assert (ticket.customer_tier, ticket.language, ticket.correlation_id) == ("premium", "en-GB", "corr-1")
    assert dict(ticket.metadata) == sent["metadata"]
    assert [message.text for message in conversation] == [sent["description"]]
    assert [(step.status, step.actor_name) for step in history] == [(Status.RECEIVED, sent["user"])]
    assert [m.turn for m in submitted if isinstance(m, TicketSubmitted) and m.ticket_id == ticket_id] == [1]
    waits_s = (ticket.deadline_at - ticket.created_at).total_seconds()
    assert waits_s == api.settings.processor.decide_within_s


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        ({}, Priority.NORMAL),
        ({"customer_tier": "enterprise"}, Priority.HIGH),
        ({"customer_tier": "enterprise", "priority": "normal"}, Priority.NORMAL),
        ({"priority": "high"}, Priority.HIGH),
        ({"priority": None}, Priority.NORMAL),
    ],
)
def test_the_priority_reaches_the_lane_of_the_broker(
    api: LiveTicketApi, fields: dict[str, Any], priority: Priority
) -> None:
    api.relay()
    before = api.broker.depths()
    api.submit(**fields)
    api.relay()
    after = api.broker.depths()
    grown = [destination for destination in LANES if after[destination] > before[destination]]
    assert grown == [f"in.{priority}"]


def test_a_retry_with_the_same_key_and_body_gets_the_same_answer_and_stores_nothing(
    api: LiveTicketApi, portal: httpx.Client
) -> None:
    key = {"Idempotency-Key": "retry-1"}
    first = portal.post("/tickets", json={**TICKET, "subject": "A"}, headers=key)
    count = stored_tickets(api)
    again = portal.post("/tickets", content=b'{"subject": "A",  %s' % _body_without_brace(), headers=key | _JSON)
    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert stored_tickets(api) == count


_JSON = {"Content-Type": "application/json"}


def _body_without_brace() -> bytes:
    return b'"description": "Where is my parcel?", "user": "anna@example.org"}'


def test_the_same_key_with_another_body_is_a_conflict_that_leaves_the_first_ticket_alone(
    api: LiveTicketApi, portal: httpx.Client
) -> None:
    key = {"Idempotency-Key": "conflict-1"}
    first = portal.post("/tickets", json=TICKET, headers=key).json()["ticket_id"]
    count = stored_tickets(api)
    found = problem(portal.post("/tickets", json={**TICKET, "description": "Another."}, headers=key), 409)
    assert found["type"].endswith("idempotency-conflict")
    assert first in found["detail"]
    assert stored_tickets(api) == count
    assert portal.get(f"/tickets/{first}").json()["conversation"][0]["text"] == TICKET["description"]


def test_two_portals_may_use_the_same_key(api: LiveTicketApi, portal: httpx.Client) -> None:
    key = {"Idempotency-Key": "shared-1"}
    mine = portal.post("/tickets", json=TICKET, headers=key).json()["ticket_id"]
    theirs = api.client("other-portal").post("/tickets", json={**TICKET, "subject": "x"}, headers=key)
    assert theirs.status_code == 202
    assert theirs.json()["ticket_id"] != mine


def test_fifty_concurrent_requests_with_one_key_make_one_ticket(api: LiveTicketApi) -> None:
    count = stored_tickets(api)
    with api.client("portal") as client, ThreadPoolExecutor(50) as threads:
        responses = list(
            threads.map(
                lambda _: client.post("/tickets", json=TICKET, headers={"Idempotency-Key": "storm-1"}), range(50)
            )
        )
    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["ticket_id"] for response in responses}) == 1
    assert sum("idempotency-replayed" not in response.headers for response in responses) == 1
    assert stored_tickets(api) == count + 1


def test_concurrent_requests_with_different_keys_and_bodies_are_told_apart(api: LiveTicketApi) -> None:
    def send(number: int) -> tuple[int, int]:
        body = {**TICKET, "subject": str(number)}
        response = client.post("/tickets", json=body, headers={"Idempotency-Key": f"mix-{number % 10}"})
        return number, response.status_code

    with api.client("portal") as client, ThreadPoolExecutor(40) as threads:
        answered = list(threads.map(send, range(40)))
    accepted = [number for number, status in answered if status == 202]
    assert sorted(number % 10 for number in accepted) == list(range(10))
    assert {status for _, status in answered} == {202, 409}


@contextmanager
def broken_store(api: LiveTicketApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every write fail as it does when the disk is full, after all statements have run."""
    opened = api.store.transaction

    @contextmanager
    def failing() -> Iterator[Any]:
        with opened() as tx:
            yield tx
            raise StoreUnavailable("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(api.store, "transaction", failing)
        yield


def test_a_store_that_cannot_write_is_503_with_retry_after_and_stores_nothing(
    api: LiveTicketApi, portal: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = stored_tickets(api)
    with broken_store(api, monkeypatch):
        response = portal.post("/tickets", json=TICKET, headers={"Idempotency-Key": "full-1"})
        assert problem(response, 503)["type"].endswith("store-unavailable")
        assert int(response.headers["retry-after"]) >= 1
    assert stored_tickets(api) == count
    assert portal.post("/tickets", json=TICKET, headers={"Idempotency-Key": "full-1"}).status_code == 202


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"description": None}, "description", "valid string"),
        ({"description": ...}, "description", "required"),
        ({"description": ""}, "description", "empty or blank"),
        ({"description": " \n\t\u3000"}, "description", "empty or blank"),
        ({"description": 42}, "description", "valid string"),
        ({"description": "x" * 16_385}, "description", "16385 bytes"),
        ({"description": "ü" * 8_193}, "description", "16386 bytes"),
        ({"description": "a\x00b"}, "description", "U+0000 at character 2"),
        ({"description": "a\x1b[31m"}, "description", "U+001B"),
        ({"user": ...}, "user", "required"),
        ({"user": "  "}, "user", "empty or blank"),
        ({"user": "u" * 321}, "user", "at most 320"),
        ({"subject": "s" * 501}, "subject", "at most 500"),
        ({"subject": "a\x07"}, "subject", "U+0007"),
        ({"channel": "pigeon"}, "channel", "'email'"),
        ({"customer_tier": "gold"}, "customer_tier", "'enterprise'"),
        ({"priority": "urgent"}, "priority", "'high'"),
        ({"language": "english please"}, "language", "pattern"),
        ({"metadata": []}, "metadata", "object"),
        ({"metadata": {str(n): n for n in range(21)}}, "metadata", "at most 20"),
        ({"metadata": {"k" * 65: 1}}, "metadata", "at most 64"),
        ({"metadata": {"": 1}}, "metadata", "empty or blank"),
        ({"metadata": {"order": {"id": 1}}}, "metadata.order", "is no text"),
        ({"metadata": {"order": "v" * 1_001}}, "metadata.order", "is no text"),
        ({"metadata": {"order": 2**53}}, "metadata.order", "is no text"),
        ({"metadata": {"order": "a\x00"}}, "metadata.order", "U+0000"),
        ({"metadata": {"order": None}}, "metadata.order", "is no text"),
        ({"entry_id": "0" * 32}, "entry_id", "not permitted"),
    ],
)
def test_a_wrong_field_is_named_with_its_problem_and_what_to_do(
    api: LiveTicketApi, portal: httpx.Client, change: dict[str, Any], field: str, says: str
) -> None:
    count = stored_tickets(api)
    body = {name: value for name, value in ({**TICKET, **change}).items() if value is not ...}
    found = problem(portal.post("/tickets", json=body), 422)
    error = found["errors"][0]
    assert error["field"].startswith(field)
    assert says in error["problem"]
    assert error["remedy"]
    assert error["remedy"] != "see the OpenAPI description" or field == "language"
    assert stored_tickets(api) == count


@pytest.mark.parametrize(
    "description",
    [
        "?",
        "🎉🎉🎉",
        "a\nb\r\n\tc",
        "x" * 16_384,
        "ü" * 8_192,
        "مرحبا",
        "<b>HTML</b>",
        "\u200e\u200f",
        "'; DROP TABLE tickets; --",
    ],
)
def test_any_visible_text_is_accepted_and_comes_back_unchanged(
    api: LiveTicketApi, portal: httpx.Client, description: str
) -> None:
    ticket_id = api.submit(description=description)
    assert portal.get(f"/tickets/{ticket_id}").json()["conversation"][0]["text"] == description


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"not json", 400),
        (b'{"user": "a", "description": "\xff"}', 400),
        (b'{"user": "a", "description": "\\ud800"}', 400),
        (b'{"user": "a", "description": "b"} trailing', 400),
        (b"[" * 10_000, 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b'{"user": "a", "description": "b", "metadata": {"n": NaN}}', 422),
        (b'{"user": "a", "description": "b", "metadata": {"n": 1e999}}', 422),
        (b'{"user": "a", "description": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_a_body_that_is_no_ticket_is_refused(
    api: LiveTicketApi, portal: httpx.Client, body: bytes, status: int
) -> None:
    count = stored_tickets(api)
    found = problem(portal.post("/tickets", content=body, headers=_JSON), status)
    assert found["detail"]
    assert stored_tickets(api) == count


def test_malformed_json_is_located(portal: httpx.Client) -> None:
    found = problem(portal.post("/tickets", content=b'{\n "user": "a",\n "description": oops}', headers=_JSON), 400)
    assert "character 33" in found["detail"]


def test_a_body_that_is_not_sent_as_json_is_refused(portal: httpx.Client) -> None:
    found = problem(portal.post("/tickets", content=b'{"user":"a","description":"b"}'), 422)
    assert "application/json" in found["errors"][0]["remedy"]


def test_a_body_whose_last_chunk_never_comes_is_not_stored_and_holds_nobody_up(
    api: LiveTicketApi, portal: httpx.Client
) -> None:
    count, url = stored_tickets(api), httpx.URL(api.url)
    head = f"POST /tickets HTTP/1.1\r\nHost: a\r\nAuthorization: {portal.headers['authorization']}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(head.encode() + b'27\r\n{"user": "ada", "description": "hello"}\r\n')
        assert portal.get("/tickets").status_code in {200, 403}
    assert portal.post("/tickets", json=TICKET).status_code == 202
    assert stored_tickets(api) == count + 1


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "\u00fc"])
def test_an_idempotency_key_is_1_to_255_visible_ascii_characters(portal: httpx.Client, key: str) -> None:
    response = portal.post("/tickets", json=TICKET, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    assert problem(response, 422)["errors"][0]["field"].lower() == "idempotency-key"
    assert portal.post("/tickets", json=TICKET, headers={"Idempotency-Key": "k" * 255}).status_code == 202


def test_a_key_over_its_rate_gets_429_with_retry_after(tmp_path: Path) -> None:
    with running(tmp_path, ticket_api={"requests_per_minute": 3}) as api:
        client = api.client("portal")
        assert [client.post("/tickets", json=TICKET).status_code for _ in range(3)] == [202] * 3
        response = client.post("/tickets", json=TICKET)
        problem(response, 429)
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert api.client("other-portal").post("/tickets", json=TICKET).status_code == 202
        assert stored_tickets(api) == 4
