"""Looking at tickets over HTTP: each role sees what it may, lists are filtered and paged, customers write and rate."""

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from helpdesk.decisions import Outcome
from helpdesk.tickets import Status
from tests.factories import make_citation, make_decision
from tests.live_ticket_api import TICKET, LiveTicketApi, running
from ticket_api.responses import STATUS_TEXTS

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    with running(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def portal(api: LiveTicketApi) -> httpx.Client:
    return api.client("portal")


@pytest.fixture
def agent(api: LiveTicketApi) -> httpx.Client:
    return api.client("agent")


def answered(api: LiveTicketApi) -> str:
    ticket_id = api.submit()
    citation = make_citation(title="Delivery times", quote="Two days.", url="https://help.shop.example/a")
    api.answer(ticket_id, "It takes two days.", citations=(citation,), usage={"output_tokens": 7})
    return ticket_id


def test_a_portal_sees_status_conversation_and_sent_answers_with_their_sources(
    api: LiveTicketApi, portal: httpx.Client
) -> None:
    ticket_id = answered(api)
    shown = portal.get(f"/tickets/{ticket_id}").json()
    assert (shown["status"], shown["status_text"]) == ("answered", STATUS_TEXTS[Status.ANSWERED])
    assert [(m["author"], m["text"]) for m in shown["conversation"]] == [("customer", TICKET["description"])]
    (answer,) = shown["answers"]
    assert answer["text"] == "It takes two days."
    assert answer["citations"] == [
        {
            "article_id": "shipping-times",
            "title": "Delivery times",
            "quote": "Two days.",
            "url": "https://help.shop.example/a",
        }
    ]


def test_a_portal_sees_the_question_that_was_asked_back_and_the_reply_goes_on_in_the_same_ticket(
    api: LiveTicketApi, portal: httpx.Client, agent: httpx.Client
) -> None:
    ticket_id = api.submit()
    api.answer(ticket_id, "Which order?", is_question=True)
    for client in (portal, agent):
        shown = client.get(f"/tickets/{ticket_id}").json()
        assert shown["status"] == "asked"
        assert [(answer["text"], answer["is_question"]) for answer in shown["answers"]] == [("Which order?", True)]
        assert [message["is_question"] for message in shown["conversation"]] == [False]
    assert portal.get(f"/tickets/{ticket_id}").json()["status_text"] == STATUS_TEXTS[Status.ASKED]
    assert ticket_id in agent.get("/tickets", params={"status": "asked"}).text
    replied = portal.post(f"/tickets/{ticket_id}/messages", json={"text": "TB-20418835"})
    assert (replied.status_code, replied.json()["status"]) == (202, "reopened")
    assert replied.json()["ticket_id"] == ticket_id


def test_a_portal_sees_no_draft_score_reason_or_name_and_nobody_sees_the_entry_id(
    api: LiveTicketApi, portal: httpx.Client, agent: httpx.Client
) -> None:
    ticket_id = api.submit()
    api.answer(ticket_id, "SECRET-DRAFT", sent=False)
    ticket = api.route(ticket_id, reason="SECRET-REASON")
    with api.store.transaction() as tx:
        tx.add_decisions([make_decision(ticket, outcome=Outcome.DRAFT, scores={"secret_score": 0.5})])
    agent.post(f"/tickets/{ticket_id}/claim")
    agent.post(f"/tickets/{ticket_id}/release", json={"note": "SECRET-NOTE"})
    for_portal, for_agent = (client.get(f"/tickets/{ticket_id}").text for client in (portal, agent))
    for secret in ("SECRET-DRAFT", "SECRET-REASON", "SECRET-NOTE", "secret_score"):
        assert secret not in for_portal
        assert secret in for_agent
    entry_id = api.entry_id(ticket_id)
    for text in (for_portal, for_agent, portal.get("/tickets").text, agent.get("/tickets?limit=200").text):
        assert entry_id not in text
        assert "entry_id" not in text
    names = {"actor_name", "author_name", "claimed_by", "queue", "intent", "confidence", "sentiment", "decisions"}
    assert not names & _keys(json.loads(for_portal))


def _keys(value: object) -> set[str]:
    match value:
        case dict():
            return set(value).union(*(_keys(inner) for inner in value.values()))
        case list():
            return set().union(*(_keys(inner) for inner in value))
    return set()


def test_an_agent_sees_who_did_what_when_and_why_and_what_the_decision_rested_on(
    api: LiveTicketApi, agent: httpx.Client
) -> None:
    ticket_id = api.submit()
    ticket = api.route(ticket_id, queue="REFUND", reason="The confidence 0.41 is below 0.80.")
    with api.store.transaction() as tx:
        tx.add_decisions([make_decision(ticket, outcome=Outcome.ROUTE)])
    shown = agent.get(f"/tickets/{ticket_id}").json()
    assert [(s["action"], s["status"], s["actor"], s["actor_name"], s["reason"]) for s in shown["history"]] == [
        (None, "received", "customer", "anna@example.org", ""),
        ("route", "queued", "machine", "worker", "The confidence 0.41 is below 0.80."),
    ]
    (decision,) = shown["decisions"]
    assert decision["scores"] == {"confidence": 0.97, "threshold": 0.9}
    assert decision["versions"] == {"model": "2026-03-01", "policy": "1"}
    assert decision["reasons"][0]["code"] == "confident"
    assert (shown["queue"], shown["queue_reason"]) == ("REFUND", "The confidence 0.41 is below 0.80.")


def test_a_portal_cannot_tell_another_portals_ticket_from_one_that_does_not_exist(api: LiveTicketApi) -> None:
    ticket_id = api.submit()
    stranger = api.client("other-portal")
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/messages", {"text": "Hello."}),
        ("POST", "/feedback", {"score": 1}),
    ):
        theirs = stranger.request(method, f"/tickets/{ticket_id}{path}", json=body)
        unknown = stranger.request(method, f"/tickets/{'0' * 32}{path}", json=body)
        assert (theirs.status_code, unknown.status_code) == (404, 404)
        assert theirs.json()["detail"].replace(ticket_id, "") == unknown.json()["detail"].replace("0" * 32, "")
    assert ticket_id not in stranger.get("/tickets").text


@pytest.mark.parametrize("ticket_id", ["1", "x" * 32, "0" * 33, "A" * 32, "%00", "%F0%9F%8E%89", "..%2f..%2fetc"])
def test_what_is_no_ticket_id_is_not_found(agent: httpx.Client, ticket_id: str) -> None:
    response = agent.get(f"/tickets/{ticket_id}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_a_state_that_the_caller_has_is_not_sent_again(api: LiveTicketApi, portal: httpx.Client) -> None:
    ticket_id = answered(api)
    first = portal.get(f"/tickets/{ticket_id}")
    etag = first.headers["etag"]
    again = portal.get(f"/tickets/{ticket_id}", headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    portal.post(f"/tickets/{ticket_id}/feedback", json={"thumb": "up"})
    changed = portal.get(f"/tickets/{ticket_id}", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag
    assert changed.json()["feedback"][0]["score"] == 5


def test_lists_are_filtered_by_status_queue_user_intent_and_priority(api: LiveTicketApi, agent: httpx.Client) -> None:
    user = "filter@example.org"
    waiting, high, closed = api.submit(user=user), api.submit(user=user, priority="high"), api.submit(user=user)
    api.route(waiting, queue="INVOICE")
    api.answer(closed, "Done.")

    def listed(**params: str) -> set[str]:
        response = agent.get("/tickets", params={"user": user, **params})
        assert response.status_code == 200, response.text
        return {ticket["ticket_id"] for ticket in response.json()["tickets"]}

    assert listed() == {waiting, high, closed}
    assert listed(status="queued") == {waiting}
    assert listed(queue="INVOICE") == {waiting}
    assert listed(priority="high") == {high}
    assert listed(status="answered", priority="high") == set()
    assert listed(intent="get_refund") == set()
    assert listed(user="nobody@example.org") == set()
    past, future = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    assert listed(created_after=past.isoformat(), created_before=future.isoformat()) == {waiting, high, closed}
    assert listed(created_after=future.isoformat()) == set()
    assert listed(created_before=past.isoformat()) == set()
    assert listed(created_after="0001-01-01T00:00:00+14:00") == {waiting, high, closed}
    assert listed(created_before="9999-12-31T23:59:59-14:00") == {waiting, high, closed}


def test_pages_follow_one_another_without_gap_or_repetition(api: LiveTicketApi, portal: httpx.Client) -> None:
    user = "pages@example.org"
    submitted = [api.submit(user=user) for _ in range(7)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    sizes = []
    while True:
        page = portal.get("/tickets", params={"user": user, "limit": "3", **cursor}).json()
        seen += [ticket["ticket_id"] for ticket in page["tickets"]]
        sizes.append(len(page["tickets"]))
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        api.submit(user=user)  # what arrives while somebody pages does not shift the pages
    assert seen == submitted[::-1]
    assert sizes == [3, 3, 1]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"status": "lost"}, "status"),
        ({"queue": "BASEMENT"}, "queue"),
        ({"priority": "urgent"}, "priority"),
        ({"cursor": "no-cursor-of-ours"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"created_after": "2026-03-02T12:00:00"}, "created_after"),
        ({"user": "a\x00b"}, "user"),
        ({"user": "u" * 321}, "user"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_filter_is_named(agent: httpx.Client, params: dict[str, str], field: str) -> None:
    response = agent.get("/tickets", params=params)
    assert response.status_code == 422, response.text
    assert field in [error["field"] for error in response.json()["errors"]]


@pytest.mark.parametrize("params", [{"queue": "REFUND"}, {"intent": "get_refund"}])
def test_a_portal_cannot_list_by_what_it_is_not_shown(portal: httpx.Client, params: dict[str, str]) -> None:
    assert portal.get("/tickets", params=params).status_code == 403


def test_a_customer_who_writes_again_is_heard_in_a_new_turn(api: LiveTicketApi, portal: httpx.Client) -> None:
    ticket_id = answered(api)
    response = portal.post(f"/tickets/{ticket_id}/messages", json={"text": "It is still not here."})
    assert response.status_code == 202
    assert response.headers["location"] == f"/tickets/{ticket_id}"
    assert response.json() == {"ticket_id": ticket_id, "status": "reopened", "status_url": f"/tickets/{ticket_id}"}
    shown = portal.get(f"/tickets/{ticket_id}").json()
    assert (shown["status"], shown["turn"]) == ("reopened", 2)
    assert [message["text"] for message in shown["conversation"]][-1] == "It is still not here."


def test_a_message_sent_again_under_its_key_gets_the_same_answer_and_is_stored_once(
    api: LiveTicketApi, portal: httpx.Client
) -> None:
    ticket_id = answered(api)
    path, key = f"/tickets/{ticket_id}/messages", {"Idempotency-Key": f"message-{ticket_id}"}
    first = portal.post(path, json={"text": "It is still not here."}, headers=key)
    api.route(ticket_id)
    again = portal.post(path, content=b'{ "text":"It is still not here." }', headers=key | JSON)
    assert (first.status_code, again.status_code) == (202, 202)
    assert "idempotency-replayed" not in first.headers
    assert (again.headers["idempotency-replayed"], again.headers["location"]) == ("true", first.headers["location"])
    assert again.json() == first.json()
    shown = portal.get(f"/tickets/{ticket_id}").json()
    assert (shown["status"], shown["turn"]) == ("queued", 2)
    assert [message["text"] for message in shown["conversation"]].count("It is still not here.") == 1


def test_a_message_sent_many_times_at_once_under_one_key_is_stored_once(
    api: LiveTicketApi, portal: httpx.Client
) -> None:
    ticket_id = answered(api)
    path, key = f"/tickets/{ticket_id}/messages", {"Idempotency-Key": f"storm-{ticket_id}"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: portal.post(path, json={"text": "Hello?"}, headers=key), range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert portal.get(f"/tickets/{ticket_id}").json()["turn"] == 2


def test_a_key_that_named_another_request_stores_no_message(api: LiveTicketApi, portal: httpx.Client) -> None:
    ticket_id, other = answered(api), answered(api)
    key = {"Idempotency-Key": f"conflict-{ticket_id}"}
    assert portal.post(f"/tickets/{ticket_id}/messages", json={"text": "One."}, headers=key).status_code == 202
    for path, body in (
        (f"/tickets/{ticket_id}/messages", {"text": "Two."}),
        (f"/tickets/{other}/messages", {"text": "One."}),
        ("/tickets", TICKET),
    ):
        refused = portal.post(path, json=body, headers=key)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:helpdesk:problem:idempotency-conflict")
    assert [portal.get(f"/tickets/{one}").json()["turn"] for one in (ticket_id, other)] == [2, 1]
    empty = portal.post(f"/tickets/{ticket_id}/messages", json={"text": "x"}, headers={"Idempotency-Key": ""})
    assert (empty.status_code, empty.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_another_portals_key_of_the_same_name_is_another_key(api: LiveTicketApi) -> None:
    key = {"Idempotency-Key": "shared-name"}
    for name in ("portal", "other-portal"):
        ticket_id = api.submit(name)
        written = api.client(name).post(f"/tickets/{ticket_id}/messages", json={"text": "Hello."}, headers=key)
        assert (written.status_code, "idempotency-replayed" in written.headers) == (202, False)


@pytest.mark.parametrize("text", ["", " \n", "a\x00b", "x" * 16_385, None, 3])
def test_a_message_must_be_a_text_as_a_description_must(api: LiveTicketApi, portal: httpx.Client, text: object) -> None:
    ticket_id = answered(api)
    response = portal.post(f"/tickets/{ticket_id}/messages", json={"text": text})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "text"
    assert portal.get(f"/tickets/{ticket_id}").json()["status"] == "answered"


@pytest.mark.parametrize(
    ("body", "score"), [({"thumb": "up"}, 5), ({"thumb": "down"}, 1), ({"score": 1}, 1), ({"score": 4.0}, 4)]
)
def test_feedback_is_a_thumb_or_a_score(
    api: LiveTicketApi, portal: httpx.Client, body: dict[str, object], score: int
) -> None:
    ticket_id = answered(api)
    response = portal.post(f"/tickets/{ticket_id}/feedback", json={**body, "comment": "Because."})
    assert response.status_code == 201
    assert (response.json()["score"], response.json()["comment"], response.json()["turn"]) == (score, "Because.", 1)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"comment": "x"},
        {"thumb": "up", "score": 5},
        {"score": 0},
        {"score": 6},
        {"score": "5"},
        {"score": True},
        {"score": 4.5},
        {"score": None},
        {"thumb": "sideways"},
        {"thumb": "up", "comment": "c" * 4_001},
        {"thumb": "up", "comment": "\x00"},
        {"thumb": "up", "rating": 3},
    ],
)
def test_other_feedback_is_refused_and_not_stored(
    api: LiveTicketApi, portal: httpx.Client, body: dict[str, object]
) -> None:
    ticket_id = answered(api)
    response = portal.post(f"/tickets/{ticket_id}/feedback", json=body)
    assert response.status_code == 422, response.text
    assert all(error["problem"] and error["remedy"] for error in response.json()["errors"])
    assert portal.get(f"/tickets/{ticket_id}").json()["feedback"] == []


def test_what_has_no_answer_cannot_be_rated(api: LiveTicketApi, portal: httpx.Client) -> None:
    response = portal.post(f"/tickets/{api.submit()}/feedback", json={"thumb": "up"})
    assert response.status_code == 409
    assert response.json()["type"].endswith("illegal-transition")


def test_every_status_has_a_sentence_for_the_customer() -> None:
    assert set(STATUS_TEXTS) == set(Status)
    assert not [a for a, b in itertools.product(STATUS_TEXTS.values(), ["confidence", "queue ", "machine"]) if b in a]
