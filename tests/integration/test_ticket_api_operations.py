"""Operating the service: dead letters are shown, replayed and dropped; health, readiness and metrics tell the truth."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from helpdesk.adapters.broker_rabbitmq import RabbitMqBroker
from helpdesk.desk import enqueue
from helpdesk.messages import TicketSubmitted, decode
from helpdesk.ports.broker import human
from helpdesk.settings import BrokerSettings
from helpdesk.tickets import Action, Author
from tests.factories import make_dead_letter, make_id
from tests.live_ticket_api import LiveTicketApi, problem, running
from tests.servers import free_port


@pytest.fixture
def api(tmp_path: Path) -> Iterator[LiveTicketApi]:
    with running(tmp_path) as service:
        yield service


@pytest.fixture
def operator(api: LiveTicketApi) -> httpx.Client:
    return api.client("operator")


def failed(api: LiveTicketApi, *, relayed: bool = True) -> tuple[str, str]:
    """Give a ticket up as the worker does; return the ids of the ticket and the dead letter."""
    ticket_id, message_id = api.submit(), make_id()
    with api.store.transaction() as tx:
        ticket = tx.ticket(ticket_id)
        tx.add_dead_letter(make_dead_letter(message_id=message_id, ticket=ticket, reason="It kept failing."))
        enqueue(
            tx,
            ticket,
            Action.FAIL,
            queue="GENERAL",
            reason="The machine could not handle it.",
            at=datetime.now(UTC),
            actor=Author.MACHINE,
            name="worker",
        )
    if relayed:
        api.relay()
    return ticket_id, message_id


def submissions(api: LiveTicketApi, ticket_id: str) -> list[int]:
    with api.store.reading() as tx:
        messages = [decode(row.envelope.body) for row in tx.outbox(limit=100)]
    return [m.turn for m in messages if isinstance(m, TicketSubmitted) and m.ticket_id == ticket_id]


def test_a_dead_letter_is_listed_and_shown_with_its_reason_and_body(api: LiveTicketApi, operator: httpx.Client) -> None:
    ticket_id, message_id = failed(api)
    undecodable = make_dead_letter(body=b"\xff\x00not json")
    with api.store.transaction() as tx:
        tx.add_dead_letter(undecodable)
    listed = operator.get("/dead-letters").json()["dead_letters"]
    assert {letter["message_id"] for letter in listed} == {message_id, undecodable.message_id}
    shown = operator.get(f"/dead-letters/{message_id}").json()
    assert (shown["ticket_id"], shown["reason"], shown["status"]) == (ticket_id, "It kept failing.", "dead")
    assert shown["body"] == '{"kind": "unknown"}'
    assert operator.get(f"/dead-letters/{undecodable.message_id}").json()["body"] == "\\xff\x00not json"


def test_a_replay_opens_a_new_turn_and_takes_the_ticket_out_of_the_human_queue(
    api: LiveTicketApi, operator: httpx.Client
) -> None:
    ticket_id, message_id = failed(api)
    assert api.broker.depths()[human("GENERAL")] == 1
    replayed = operator.post(f"/dead-letters/{message_id}/replay")
    assert (replayed.status_code, replayed.json()["status"], replayed.json()["note"]) == (
        200,
        "replayed",
        "by operator",
    )
    assert api.broker.depths()[human("GENERAL")] == 0
    ticket = operator.get(f"/tickets/{ticket_id}").json()
    assert (ticket["status"], ticket["turn"], ticket["queue"]) == ("received", 2, None)
    assert ticket["deadline_at"] > ticket["updated_at"]
    assert ticket["history"][-1]["action"] == "replay"
    assert ticket["history"][-1]["actor_name"] == "operator"
    assert submissions(api, ticket_id) == [2]


def test_a_replay_before_the_relay_sent_the_queue_entry_unsends_it(api: LiveTicketApi, operator: httpx.Client) -> None:
    _, message_id = failed(api, relayed=False)
    assert operator.post(f"/dead-letters/{message_id}/replay").status_code == 200
    api.relay()
    assert api.broker.depths()[human("GENERAL")] == 0


def test_a_replay_is_refused_while_a_person_has_the_ticket(api: LiveTicketApi, operator: httpx.Client) -> None:
    ticket_id, message_id = failed(api)
    api.client("agent").post(f"/tickets/{ticket_id}/claim")
    detail = problem(operator.post(f"/dead-letters/{message_id}/replay"), 409, "already-claimed")["detail"]
    assert "is with agent" in detail
    assert operator.get(f"/dead-letters/{message_id}").json()["status"] == "dead"
    assert operator.get(f"/tickets/{ticket_id}").json()["claimed_by"] == "agent"


def test_a_replay_is_refused_while_a_consumer_of_the_broker_has_the_ticket(
    api: LiveTicketApi, operator: httpx.Client
) -> None:
    ticket_id, message_id = failed(api)
    with closing(api.broker.consumer([human("GENERAL")], prefetch=1)) as consumer:
        (delivery,) = consumer.receive(1, wait_s=5)
        problem(operator.post(f"/dead-letters/{message_id}/replay"), 409, "already-claimed")
        entry = {"entry_id": delivery.envelope.message_id}
        assert api.client("agent").post(f"/tickets/{ticket_id}/claim", json=entry).status_code == 200
        delivery.ack()
    assert operator.get(f"/tickets/{ticket_id}").json()["turn"] == 1


def test_a_replay_is_refused_once_the_ticket_has_moved_on(api: LiveTicketApi, operator: httpx.Client) -> None:
    ticket_id, message_id = failed(api)
    agent = api.client("agent")
    agent.post(f"/tickets/{ticket_id}/claim")
    agent.post(f"/tickets/{ticket_id}/reply", json={"text": "Done."})
    problem(operator.post(f"/dead-letters/{message_id}/replay"), 409, "illegal-transition")


def test_a_letter_is_replayed_or_dropped_once(api: LiveTicketApi, operator: httpx.Client) -> None:
    _, replayed = failed(api)
    _, dropped = failed(api)
    assert operator.post(f"/dead-letters/{replayed}/replay").status_code == 200
    answer = operator.post(f"/dead-letters/{dropped}/drop", json={"note": "Spam."})
    assert (answer.json()["status"], answer.json()["note"]) == ("dropped", "by operator: Spam.")
    for letter in (replayed, dropped):
        for verb in ("replay", "drop"):
            problem(operator.post(f"/dead-letters/{letter}/{verb}"), 409, "illegal-transition")
    assert [x["message_id"] for x in operator.get("/dead-letters?status=dropped").json()["dead_letters"]] == [dropped]


def test_of_many_replays_at_once_one_is_done(api: LiveTicketApi, operator: httpx.Client) -> None:
    ticket_id, message_id = failed(api)
    start, statuses = threading.Barrier(6), []

    def replay() -> None:
        start.wait()
        statuses.append(operator.post(f"/dead-letters/{message_id}/replay").status_code)

    threads = [threading.Thread(target=replay) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409, 409, 409]
    assert submissions(api, ticket_id) == [2]


def test_a_message_without_a_ticket_is_published_again_under_a_new_id(
    api: LiveTicketApi, operator: httpx.Client
) -> None:
    letter = make_dead_letter(source="in.high", body=b'{"kind": "ticket.submitted.v2"}')
    with api.store.transaction() as tx:
        tx.add_dead_letter(letter)
    assert operator.post(f"/dead-letters/{letter.message_id}/replay").status_code == 200
    with api.store.reading() as tx:
        (row,) = tx.outbox(limit=10)
    assert (row.envelope.destination, row.envelope.body) == ("in.high", letter.body)
    assert row.envelope.message_id != letter.message_id


@pytest.mark.parametrize("message_id", ["unknown", "x" * 300, "%00", "%20"])
def test_an_unknown_dead_letter_is_404(operator: httpx.Client, message_id: str) -> None:
    for method, path in (("GET", ""), ("POST", "/replay"), ("POST", "/drop")):
        problem(operator.request(method, f"/dead-letters/{message_id}{path}"), 404, "dead-letter-not-found")


def test_health_needs_no_key(api: LiveTicketApi) -> None:
    response = api.client().get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readiness_tells_how_much_waits_in_the_outbox(api: LiveTicketApi) -> None:
    client = api.client()
    assert client.get("/ready").json() == {
        "status": "ready",
        "store": "ok",
        "broker": "ok",
        "outbox_depth": 0,
        "outbox_oldest_age_s": 0.0,
    }
    api.submit()
    waiting = client.get("/ready").json()
    assert waiting["outbox_depth"] == 1
    assert 0 < waiting["outbox_oldest_age_s"] < 60


def test_without_the_broker_intake_goes_on_and_readiness_says_degraded(tmp_path: Path) -> None:
    url = f"amqp://guest:guest@127.0.0.1:{free_port()}/%2F"
    quick = BrokerSettings(confirm_timeout_s=1, blocked_timeout_s=1)
    with closing(RabbitMqBroker(url, quick)) as away, running(tmp_path, broker=away, declare=False) as api:
        ticket_id = api.submit()
        ready = api.client().get("/ready")
        assert (ready.status_code, ready.json()["status"], ready.json()["broker"]) == (200, "degraded", "unavailable")
        assert ready.json()["outbox_depth"] == 1
        assert api.client("agent").post(f"/tickets/{ticket_id}/claim").status_code == 200


def test_an_unusable_store_is_not_ready(api: LiveTicketApi, tmp_path: Path) -> None:
    api.store.close()
    for file in tmp_path.glob("helpdesk.db*"):
        file.write_bytes(b"this is no database" * 1000)
    response = api.client().get("/ready")
    assert problem(response, 503, "store-unavailable")
    assert response.headers["retry-after"]
    assert api.client().get("/health").status_code == 200


def test_metrics_count_requests_by_route_and_not_by_path(api: LiveTicketApi, operator: httpx.Client) -> None:
    ticket_id = api.submit()
    api.client("portal").get(f"/tickets/{ticket_id}")
    text = operator.get("/metrics").text
    assert 'helpdesk_http_requests_total{method="POST",route="/tickets",status="202"}' in text
    assert 'route="/tickets/{ticket_id}"' in text
    assert ticket_id not in text
