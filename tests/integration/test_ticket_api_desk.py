"""The desk over HTTP: agents work the queues, and a ticket that one took over AMQP or HTTP is nobody else's."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from helpdesk.settings import TicketApiSettings
from helpdesk.tickets import HUMAN_QUEUES
from tests.live_ticket_api import LiveTicketApi, problem, running
from tests.rabbitmq import Brokers, plain_channel


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    with running(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def agent(api: LiveTicketApi) -> httpx.Client:
    return api.client("agent")


@pytest.fixture
def colleague(api: LiveTicketApi) -> httpx.Client:
    return api.client("other-agent")


def test_an_agent_takes_the_next_ticket_answers_it_and_the_customer_reads_the_answer(
    api: LiveTicketApi, agent: httpx.Client
) -> None:
    ticket_id = api.submit(description="I want my money back.")
    api.route(ticket_id, queue="CANCEL", reason="No article fits.")
    taken = agent.post("/queues/CANCEL/claim")
    assert taken.status_code == 200
    shown = taken.json()
    assert (shown["ticket_id"], shown["status"], shown["claimed_by"]) == (ticket_id, "claimed", "agent")
    assert shown["conversation"][0]["text"] == "I want my money back."
    assert shown["queue_reason"] == "No article fits."
    replied = agent.post(f"/tickets/{ticket_id}/reply", json={"text": "It is done.", "resolve": True})
    assert (replied.status_code, replied.json()["status"]) == (200, "resolved")
    seen = api.client("portal").get(f"/tickets/{ticket_id}").json()
    assert (seen["status"], [answer["text"] for answer in seen["answers"]]) == ("resolved", ["It is done."])
    assert [message["author"] for message in seen["conversation"]] == ["customer", "agent"]


def test_an_empty_queue_is_204_and_an_unknown_one_404(agent: httpx.Client) -> None:
    empty = agent.post("/queues/SUBSCRIPTION/claim")
    assert (empty.status_code, empty.content) == (204, b"")
    assert "SUBSCRIPTION" in problem(agent.post("/queues/subscription/claim"), 404, "queue-not-found")["detail"]


def test_every_queue_is_listed_with_what_waits_in_it(api: LiveTicketApi, agent: httpx.Client) -> None:
    for priority in ("normal", "normal", "high"):
        api.route(api.submit(priority=priority), queue="ACCOUNT")
    agent.post("/queues/ACCOUNT/claim")
    queues = {queue["queue"]: queue for queue in agent.get("/queues").json()["queues"]}
    assert tuple(queues) == HUMAN_QUEUES
    account = queues["ACCOUNT"]
    assert (account["waiting"], account["high_priority"], account["claimed"]) == (2, 0, 1)
    assert account["oldest_queued_at"] is not None
    assert queues["SUBSCRIPTION"] == {
        "queue": "SUBSCRIPTION",
        "waiting": 0,
        "high_priority": 0,
        "due_soon": 0,
        "breached": 0,
        "upset": 0,
        "claimed": 0,
        "oldest_queued_at": None,
    }


def test_what_one_agent_holds_is_409_for_another(
    api: LiveTicketApi, agent: httpx.Client, colleague: httpx.Client
) -> None:
    ticket_id = api.submit()
    api.route(ticket_id)
    assert agent.post(f"/tickets/{ticket_id}/claim").status_code == 200
    problem(colleague.post(f"/tickets/{ticket_id}/claim"), 409, "already-claimed")
    for path, body in (("release", {}), ("reply", {"text": "Hi."}), ("transfer", {"queue": "ORDER"}), ("resolve", {})):
        problem(colleague.post(f"/tickets/{ticket_id}/{path}", json=body), 409, "not-claimed")
    assert agent.post(f"/tickets/{ticket_id}/claim").status_code == 200


def test_a_repeated_reply_is_409_and_sends_nothing_twice(api: LiveTicketApi, agent: httpx.Client) -> None:
    ticket_id = api.submit()
    agent.post(f"/tickets/{ticket_id}/claim")
    reply = {"text": "Here you are."}
    assert agent.post(f"/tickets/{ticket_id}/reply", json=reply).status_code == 200
    problem(agent.post(f"/tickets/{ticket_id}/reply", json=reply), 409, "not-claimed")
    assert len(agent.get(f"/tickets/{ticket_id}").json()["answers"]) == 1


def test_a_ticket_is_released_transferred_resolved_and_reopened_with_a_note_or_without(
    api: LiveTicketApi, agent: httpx.Client
) -> None:
    ticket_id = api.submit()
    api.route(ticket_id, queue="REFUND")

    def act(verb: str, **body: str) -> Any:
        response = (
            agent.post(f"/tickets/{ticket_id}/{verb}", json=body)
            if body
            else agent.post(f"/tickets/{ticket_id}/{verb}")
        )
        assert response.status_code == 200, response.text
        return response.json()

    act("claim")
    assert act("release", note="Needs Spanish.")["queue_reason"] == "Needs Spanish."
    act("claim")
    moved = act("transfer", queue="PAYMENT", note="A card problem.")
    assert (moved["status"], moved["queue"], moved["claimed_by"]) == ("queued", "PAYMENT", None)
    act("claim")
    assert act("resolve")["status"] == "resolved"
    assert act("reopen")["status"] == "queued"
    steps = [(step["action"], step["actor_name"]) for step in agent.get(f"/tickets/{ticket_id}").json()["history"]]
    assert [step for step in steps if step[1] == "agent"] == [
        (action, "agent") for action in ("claim", "release", "claim", "transfer", "claim", "resolve", "reopen")
    ]


def test_an_illegal_step_is_409_and_names_the_legal_ones(api: LiveTicketApi, agent: httpx.Client) -> None:
    ticket_id = api.submit()
    detail = problem(agent.post(f"/tickets/{ticket_id}/reopen"), 409, "illegal-transition")["detail"]
    assert "received allows no reopen" in detail
    assert "claim" in detail


def test_a_claim_is_a_lease_that_anybody_may_take_over_once_it_ran_out(tmp_path: Path) -> None:
    with running(tmp_path, ticket_api=TicketApiSettings(claim_lease_s=0.3)) as api:
        agent, colleague = api.client("agent"), api.client("other-agent")
        ticket_id = api.submit()
        api.route(ticket_id)
        agent.post(f"/tickets/{ticket_id}/claim")
        time.sleep(0.35)
        stale = problem(agent.post(f"/tickets/{ticket_id}/reply", json={"text": "Late."}), 409, "not-claimed")
        assert "ran out" in stale["detail"]
        assert colleague.post(f"/tickets/{ticket_id}/claim").json()["claimed_by"] == "other-agent"


def test_an_operator_may_act_for_an_agent_and_an_agent_may_not(api: LiveTicketApi, agent: httpx.Client) -> None:
    ticket_id = api.submit()
    for_maria = api.client("operator", **{"X-Agent": "maria lopez"})
    assert for_maria.post(f"/tickets/{ticket_id}/claim").json()["claimed_by"] == "maria lopez"
    problem(api.client("operator").post(f"/tickets/{ticket_id}/release"), 409, "not-claimed")
    assert for_maria.post(f"/tickets/{ticket_id}/release").status_code == 200
    problem(agent.post(f"/tickets/{ticket_id}/claim", headers={"X-Agent": "maria lopez"}), 403, "not-authorised")
    own = agent.post(f"/tickets/{ticket_id}/claim", headers={"X-Agent": "agent"})
    assert own.json()["claimed_by"] == "agent"


@pytest.mark.parametrize("name", ["", "n" * 101, "tab\tname"])
def test_the_name_of_an_agent_is_checked(api: LiveTicketApi, name: str) -> None:
    response = api.client("operator").post("/queues/REVIEW/claim", headers={"X-Agent": name})
    assert response.status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("reply", {}, "text"),
        ("reply", {"text": " "}, "text"),
        ("reply", {"text": "a\x00"}, "text"),
        ("reply", {"text": "a", "resolve": "yes"}, "resolve"),
        ("transfer", {}, "queue"),
        ("transfer", {"queue": 7}, "queue"),
        ("claim", {"entry_id": "short"}, "entry_id"),
        ("release", {"note": "n" * 1_001}, "note"),
        ("resolve", {"why": "x"}, "why"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_happens(
    api: LiveTicketApi, agent: httpx.Client, path: str, body: dict[str, object], field: str
) -> None:
    ticket_id = api.submit()
    agent.post(f"/tickets/{ticket_id}/claim")
    before = agent.get(f"/tickets/{ticket_id}").json()
    response = agent.post(f"/tickets/{ticket_id}/{path}", json=body)
    assert response.status_code == 422, response.text
    assert field in [error["field"] for error in response.json()["errors"]]
    assert agent.get(f"/tickets/{ticket_id}").json() == before


def test_transferring_to_an_unknown_queue_is_404(api: LiveTicketApi, agent: httpx.Client) -> None:
    ticket_id = api.submit()
    agent.post(f"/tickets/{ticket_id}/claim")
    problem(agent.post(f"/tickets/{ticket_id}/transfer", json={"queue": "BASEMENT"}), 404, "queue-not-found")


@pytest.mark.rabbitmq
class TestAlsoOverAmqp:
    """The human queues are broker queues, and any AMQP client may consume them."""

    @pytest.fixture
    def brokers(self, rabbitmq_url: str) -> Iterator[Brokers]:
        with Brokers(rabbitmq_url) as brokers:
            yield brokers

    @pytest.fixture
    def amqp_api(self, brokers: Brokers, tmp_path: Path) -> Iterator[LiveTicketApi]:
        with running(tmp_path, broker=brokers.open()) as api:
            yield api

    @pytest.fixture
    def channel(self, rabbitmq_url: str) -> Iterator[BlockingChannel]:
        with plain_channel(rabbitmq_url) as channel:
            yield channel

    @pytest.fixture
    def refund(self, brokers: Brokers) -> str:
        """The name of the AMQP queue; in production it is ``tickets.v1.human.REFUND``."""
        return brokers.topology.queue("human.REFUND")

    def routed(self, api: LiveTicketApi) -> str:
        ticket_id = api.submit()
        api.route(ticket_id, queue="REFUND")
        return ticket_id

    def test_a_message_that_an_amqp_client_took_makes_the_http_claim_409(
        self, amqp_api: LiveTicketApi, channel: BlockingChannel, refund: str
    ) -> None:
        ticket_id = self.routed(amqp_api)
        method, properties, body = channel.basic_get(refund)
        assert method is not None
        message = json.loads(body)
        assert (message["ticket_id"], message["text"]) == (ticket_id, "Where is my parcel?")
        assert properties.message_id == message["entry_id"]
        http_agent = amqp_api.client("agent")
        problem(http_agent.post(f"/tickets/{ticket_id}/claim"), 409, "already-claimed")
        assert http_agent.post("/queues/REFUND/claim").status_code == 204

        amqp_agent = amqp_api.client("other-agent")
        claimed = amqp_agent.post(f"/tickets/{ticket_id}/claim", json={"entry_id": message["entry_id"]})
        assert (claimed.status_code, claimed.json()["claimed_by"]) == (200, "other-agent")
        channel.basic_ack(method.delivery_tag)
        assert amqp_agent.post(f"/tickets/{ticket_id}/reply", json={"text": "Done."}).status_code == 200

    @pytest.mark.parametrize("claim", ["/tickets/{ticket_id}/claim", "/queues/REFUND/claim"])
    def test_a_ticket_that_was_claimed_over_http_is_gone_from_the_amqp_queue(
        self, amqp_api: LiveTicketApi, channel: BlockingChannel, refund: str, claim: str
    ) -> None:
        ticket_id = self.routed(amqp_api)
        assert channel.queue_declare(refund, passive=True).method.message_count == 1
        claimed = amqp_api.client("agent").post(claim.format(ticket_id=ticket_id))
        assert (claimed.status_code, claimed.json()["ticket_id"]) == (200, ticket_id)
        assert channel.basic_get(refund) == (None, None, None)

    def test_a_message_that_an_amqp_client_gives_back_can_be_claimed_by_the_next(
        self, amqp_api: LiveTicketApi, channel: BlockingChannel, refund: str
    ) -> None:
        ticket_id = self.routed(amqp_api)
        method, _, _ = channel.basic_get(refund)
        assert method is not None
        channel.basic_nack(method.delivery_tag, requeue=True)
        wait_until(lambda: channel.queue_declare(refund, passive=True).method.message_count == 1)
        assert amqp_api.client("agent").post(f"/tickets/{ticket_id}/claim").status_code == 200
        assert channel.basic_get(refund) == (None, None, None)

    def test_an_entry_that_is_no_longer_in_force_claims_nothing(
        self, amqp_api: LiveTicketApi, channel: BlockingChannel, refund: str
    ) -> None:
        ticket_id = self.routed(amqp_api)
        _, _, body = channel.basic_get(refund, auto_ack=True)
        entry = {"entry_id": json.loads(body)["entry_id"]}
        agent = amqp_api.client("agent")
        assert agent.post(f"/tickets/{ticket_id}/claim", json=entry).status_code == 200
        assert agent.post(f"/tickets/{ticket_id}/release").status_code == 200
        problem(agent.post(f"/tickets/{ticket_id}/claim", json=entry), 409, "already-claimed")

    def test_a_client_that_dies_with_the_message_in_its_hands_gives_the_ticket_back(
        self, amqp_api: LiveTicketApi, rabbitmq_url: str, channel: BlockingChannel, refund: str
    ) -> None:
        ticket_id = self.routed(amqp_api)
        connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
        assert connection.channel().basic_get(refund)[0] is not None
        connection.close()
        wait_until(lambda: channel.queue_declare(refund, passive=True).method.message_count == 1)
        assert amqp_api.client("agent").post(f"/tickets/{ticket_id}/claim").status_code == 200


def wait_until(condition: Callable[[], bool], *, limit_s: float = 10.0) -> None:
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit, "it did not come true"
        time.sleep(0.05)
