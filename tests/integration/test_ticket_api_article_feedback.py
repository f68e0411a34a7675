"""Feedback on articles over HTTP: marked wrong by an agent, seen and searched by an operator."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from helpdesk.decisions import Outcome, Reason
from helpdesk.tickets import Action
from tests.contract.knowledge_contract import WordEncoder
from tests.factories import make_answer, make_citation, make_decision
from tests.live_ticket_api import LiveTicketApi, problem, running

TENT = {"id": "tent", "title": "How do I pitch the tent?", "body": "Push the poles in, then peg the corners down."}
ROPE = {"id": "rope", "title": "How do I tie the rope?", "body": "Tie a knot, and then tie another knot over it."}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    with running(tmp_path_factory.mktemp("state"), encoder=WordEncoder()) as service:
        response = service.client("operator").post("/knowledge/load", json={"articles": [TENT, ROPE]})
        assert response.status_code == 200, response.text
        yield service


def answered(api: LiveTicketApi) -> str:
    ticket_id = api.submit(description="How do I pitch it?")
    version = api.client("operator").get("/knowledge/versions").json()["in_force"]
    now = datetime.now(UTC)
    with api.store.transaction() as tx:
        ticket = tx.ticket(ticket_id).after(Action.ANSWER, at=now)
        tx.save([ticket])
        tx.add_answers([make_answer(ticket, citations=(make_citation(article_id="tent"),))])
        tx.add_decisions([make_decision(ticket, versions={"knowledge": version})])
    return ticket_id


def test_an_agent_marks_an_article_and_searches_and_reports_know_it(api: LiveTicketApi) -> None:
    agent, operator = api.client("agent"), api.client("operator")
    ticket_id = answered(api)
    before = agent.get(f"/tickets/{ticket_id}")
    response = agent.post(f"/tickets/{ticket_id}/mark-wrong", json={"article_id": "tent", "note": "No poles."})
    assert response.status_code == 200, response.text
    step = response.json()["history"][-1]
    assert (step["reason"], step["actor_name"]) == ("The article tent is wrong. No poles.", "agent")
    seen = agent.get(f"/tickets/{ticket_id}", headers={"If-None-Match": before.headers["etag"]})
    assert seen.status_code == 200
    [record] = operator.get("/knowledge/feedback").json()["articles"]
    assert (record["article_id"], record["asked"], record["signals"]) == ("tent", 1, {"marked_wrong": 1})
    assert record["opinion"] < -0.1
    passages = operator.get("/knowledge/search", params={"question": "pitch the tent"}).json()["passages"]
    assert {passage["article"]["article_id"]: passage["opinion"] for passage in passages} == {
        "tent": record["opinion"],
        "rope": 0.0,
    }
    later = operator.get("/knowledge/feedback", params={"since": "2999-01-01T00:00:00Z"}).json()["articles"]
    assert [(one["asked"], one["signals"]) for one in later] == [(0, {})]


def test_an_article_that_is_behind_no_answer_is_refused(api: LiveTicketApi) -> None:
    told = problem(
        api.client("agent").post(f"/tickets/{answered(api)}/mark-wrong", json={"article_id": "rope"}),
        422,
        "invalid-input",
    )
    assert "tent" in str(told)


def test_gaps_are_listed_with_the_nearest_article(api: LiveTicketApi) -> None:
    for text in ("Do you rent out kayaks for a week", "Do you rent out kayaks for a weekend"):
        ticket = api.route(api.submit(description=text, subject=""))
        reasons = (Reason(code="evidence_too_thin", text="."),)
        with api.store.transaction() as tx:
            tx.add_decisions([make_decision(ticket, outcome=Outcome.ROUTE, reasons=reasons, at=datetime.now(UTC))])
    found = api.client("operator").get("/knowledge/gaps", timeout=60).json()  # loads scikit-learn
    [gap] = found["gaps"]
    assert (gap["size"], gap["why"]) == (2, {"thin": 2})
    assert found["questions"] >= gap["size"]
    assert gap["nearest"]["article"]["article_id"] in {"tent", "rope"}
    assert api.client("operator").get("/knowledge/gaps", params={"at_least": 3}).json()["gaps"] == []
