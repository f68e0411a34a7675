"""Deadlines and results over HTTP: in every ticket and list, for those who may see them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from helpdesk.settings import SlaSettings
from helpdesk.sla import load_sla_policy
from relay.deadlines import DeadlineWatch
from tests.live_ticket_api import LiveTicketApi, problem, running

DAY = timedelta(days=1)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[LiveTicketApi]:
    with running(tmp_path) as service:
        yield service


@pytest.fixture
def agent(api: LiveTicketApi) -> httpx.Client:
    return api.client("agent")


def watch(api: LiveTicketApi, *, after: timedelta) -> None:
    policy = load_sla_policy(SlaSettings().policy_file)
    DeadlineWatch(api.store, policy, clock=lambda: datetime.now(UTC) + after).run_once()


def listed(client: httpx.Client, **parameters: str) -> list[str]:
    response = client.get("/tickets", params=parameters)
    assert response.status_code == 200, response.text
    return [ticket["ticket_id"] for ticket in response.json()["tickets"]]


def test_a_ticket_that_is_accepted_has_its_deadlines(api: LiveTicketApi, agent: httpx.Client) -> None:
    shown = agent.get(f"/tickets/{api.submit()}").json()
    assert shown["created_at"] < shown["first_reply_due_at"] < shown["resolution_due_at"]
    assert (shown["due_at"], shown["sla"]) == (shown["first_reply_due_at"], "ok")


def test_lists_and_queues_say_what_has_missed_its_deadline(api: LiveTicketApi, agent: httpx.Client) -> None:
    missed, fine = api.submit(), api.submit()
    api.route(missed)
    api.answer(fine, "Here it is.")
    watch(api, after=30 * DAY)
    assert listed(agent, sla="breached") == [missed]
    assert listed(agent, sla="ok") == [fine]
    assert listed(agent, sort="due") == [missed]
    [queue] = [queue for queue in agent.get("/queues").json()["queues"] if queue["queue"] == "REFUND"]
    assert (queue["waiting"], queue["breached"]) == (1, 1)
    steps = agent.get(f"/tickets/{missed}").json()["history"]
    said = [(step["details"]["event"], step["details"]["target"]) for step in steps if "event" in step["details"]]
    assert said == [("ticket.sla_breached", "first_reply"), ("ticket.sla_breached", "resolution")]


def test_pages_by_deadline_follow_each_other(api: LiveTicketApi, agent: httpx.Client) -> None:
    submitted = {api.submit(user=f"customer {number}") for number in range(5)}
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = agent.get(
            "/tickets", params={"sort": "due", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        ).json()
        found += [ticket["ticket_id"] for ticket in page["tickets"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (len(found), set(found)) == (5, submitted)


@pytest.mark.parametrize("asked", [{"sla": "breached"}, {"sort": "due"}])
def test_a_portal_is_shown_no_deadlines(api: LiveTicketApi, asked: dict[str, str]) -> None:
    portal = api.client("portal")
    assert not {"due_at", "sla"} & portal.get(f"/tickets/{api.submit()}").json().keys()
    problem(portal.get("/tickets", params=asked), 403, "not-authorised")


def test_an_unknown_state_or_order_is_refused(agent: httpx.Client) -> None:
    problem(agent.get("/tickets", params={"sla": "late"}), 422, "invalid-input")
    problem(agent.get("/tickets", params={"sort": "subject"}), 422, "invalid-input")


def test_results_stand_by_intent_and_in_total(api: LiveTicketApi) -> None:
    api.answer(api.submit(), "Here it is.")
    found = api.client("operator").get("/results").json()
    assert found["automatic"] == {"none": found["automatic_total"]}
    assert {name: number for name, number in found["automatic_total"].items() if number} == {"answers": 1, "open": 1}
    assert found["first_replies_automatic"] == {"in_time": 1, "missed": 0, "running": 0}


def test_a_period_that_ends_before_it_begins_is_refused(api: LiveTicketApi) -> None:
    asked = {"since": "2026-03-02T12:00:00Z", "until": "2026-03-01T12:00:00Z"}
    problem(api.client("operator").get("/results", params=asked), 422, "invalid-input")
