"""Operators look at decisions, try policies on them and change the policy over HTTP, as on the command line."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpdesk.policy.decide import Decision, decide, triage
from helpdesk.settings import ProcessorSettings
from tests.contract.knowledge_contract import WordEncoder
from tests.factories import make_decision
from tests.fakes import make_prediction
from tests.live_ticket_api import LiveTicketApi, problem, running
from tests.policies import FILE, SHIPPED, changed_text

DRAFT = {"changes": {"autonomy": {"cancel_order": "draft"}}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[LiveTicketApi]:
    with running(tmp_path, encoder=WordEncoder()) as service:
        yield service


@pytest.fixture
def operator(api: LiveTicketApi) -> httpx.Client:
    return api.client("operator")


def decided(api: LiveTicketApi, *texts: str, evidence: float = 0.9) -> list[str]:
    """Submit tickets and record the decisions that a worker would make, a second apart."""
    ids = []
    for place, text in enumerate(texts):
        ticket_id = api.submit(description=text)
        prediction = make_prediction(text)
        decision: Decision = triage(prediction, text, SHIPPED) or decide(prediction, text, evidence, SHIPPED)
        with api.store.transaction() as tx:
            record = make_decision(
                tx.ticket(ticket_id),
                outcome=decision.outcome,
                queue=decision.queue,
                reasons=decision.reasons,
                scores=decision.scores,
                prediction=prediction.model_dump(),
                versions={"model": "fake", "policy": SHIPPED.name},
                at=datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=place),
            )
            tx.add_decisions([record])
        ids.append(ticket_id)
    return ids


def test_the_policy_in_force_is_shown_changed_and_taken_back(operator: httpx.Client) -> None:
    shown = operator.get("/policy").json()
    assert (shown["number"], shown["name"], shown["body"]) == (1, SHIPPED.name, FILE.read_text(encoding="utf-8"))
    checked = operator.post("/policy/check", json=DRAFT).json()
    assert checked["changes"] == [{"path": "autonomy.intents.cancel_order", "before": None, "after": "draft"}]
    done = operator.post("/policy/apply", json={**DRAFT, "against": checked["against"], "reason": "too many"}).json()
    assert (done["version"]["number"], done["version"]["by"], done["is_new"]) == (2, "operator", True)
    again = {"policy": checked["policy"], "against": 2, "reason": "the same"}
    assert operator.post("/policy/apply", json=again).json()["is_new"] is False
    stale = operator.post("/policy/apply", json={**DRAFT, "against": 1, "reason": "late"})
    assert "Version 2" in problem(stale, 409, "version-conflict")["detail"]
    back = operator.post("/policy/rollback", json={"against": 2}).json()
    assert (back["version"]["number"], back["version"]["action"], back["version"]["source"]) == (
        3,
        "rollback",
        "version 1",
    )
    listing = operator.get("/policy/versions").json()
    assert listing["in_force"] == 3
    assert [version["number"] for version in listing["versions"]] == [3, 2, 1]
    assert listing["versions"][0]["changes"] == [
        {"path": "autonomy.intents.cancel_order", "before": "draft", "after": None}
    ]
    assert operator.get("/policy/versions/2").json()["body"] == checked["policy"]
    problem(operator.get("/policy/versions/9"), 404, "policy-version-not-found")
    problem(operator.post("/policy/rollback", json={"version": 9}), 404, "policy-version-not-found")


def test_a_policy_that_does_not_fit_is_refused_rule_by_rule(operator: httpx.Client) -> None:
    body = {"policy": changed_text(upset_at=-7, confidence_floor="high"), "against": 1, "reason": "x"}
    for path, sent in (("/policy/apply", body), ("/policy/check", {"policy": body["policy"]})):
        told = problem(operator.post(path, json=sent), 422, "policy-refused")
        assert [error["field"] for error in told["errors"]] == ["confidence_floor", "upset_at"]
        assert "-7" in told["errors"][1]["problem"]
        assert told["errors"][1]["remedy"] == "write -1.0 or more"
    unknown = operator.post("/policy/check", json={"changes": {"autonomy": {"cancle_order": "off"}}})
    assert "write cancel_order" in problem(unknown, 422, "invalid-input")["errors"][0]["remedy"]
    bodies: list[dict[str, Any]] = [
        {},
        {"policy": "a: 1", "changes": {}},
        {"changes": {}},
        {"changes": {"upset_at": -3}},
    ]
    for wrong in bodies:
        problem(operator.post("/policy/check", json=wrong), 422, "invalid-input")
    assert operator.get("/policy/versions").json()["in_force"] == 1


def test_what_another_policy_would_have_done(api: LiveTicketApi, operator: httpx.Client) -> None:
    tickets = decided(api, "cancel", "cancel it", "unsure", "I am so upset")
    found = operator.post("/policy/whatif", json={**DRAFT, "last": 3, "examples": 1}).json()
    assert found["decisions"] == 3
    assert found["before"]["outcomes"] == {"answer": 1, "draft": 0, "route": 2} | {
        outcome: 0 for outcome in found["before"]["outcomes"] if outcome not in ("answer", "draft", "route")
    }
    assert (found["after"]["outcomes"]["draft"], found["after"]["queues"]["REVIEW"], found["changed"]) == (1, 1, 1)
    assert [example["ticket_id"] for example in found["examples"]] == [tickets[1]]
    lower = {"changes": {"confidence_floor": 0.1, "thresholds": {"cancel_order": 0.1}}}
    found = operator.post("/policy/whatif", json=lower).json()
    assert found["after"]["unknown"] == {"evidence": 1}
    assert found["examples"][0]["after"] is None
    none = operator.post("/policy/whatif", json={**DRAFT, "intent": "get_refund"}).json()
    assert (none["decisions"], none["since"]) == (0, None)


def test_decisions_are_listed_filtered_and_paged(api: LiveTicketApi, operator: httpx.Client) -> None:
    tickets = decided(api, "cancel", "unsure", "I am so upset", "cancel again")
    listed = operator.get("/decisions", params={"limit": 3}).json()
    assert [one["ticket_id"] for one in listed["decisions"]] == tickets[:0:-1]
    rest = operator.get("/decisions", params={"limit": 3, "cursor": listed["next_cursor"]}).json()
    assert ([one["ticket_id"] for one in rest["decisions"]], rest["next_cursor"]) == ([tickets[0]], None)

    def found(**filters: Any) -> list[str]:
        return [one["ticket_id"] for one in operator.get("/decisions", params=filters).json()["decisions"]]

    assert found(code="upset") == [tickets[2]]
    assert found(outcome="answer") == [tickets[3], tickets[0]]
    assert found(confidence_to=0.5) == [tickets[1]]
    assert found(queue="INTERVENTION", policy=SHIPPED.name, model="fake") == [tickets[2]]
    assert found(since="2026-11-21T00:00:02Z", until="2026-11-21T00:00:03Z") == [tickets[2]]
    for wrong in ({"cursor": "x"}, {"confidence_from": 2}, {"outcome": "maybe"}, {"label": "x"}):
        problem(operator.get("/decisions", params=wrong), 422, "invalid-input")
    assert api.client("ml").get("/decisions").status_code == 200


def test_a_decision_is_replayed_from_its_record_and_run_again(api: LiveTicketApi, operator: httpx.Client) -> None:
    [ticket_id] = decided(api, "unsure")
    replayed = operator.get(f"/tickets/{ticket_id}/replay").json()
    assert (replayed["same"], replayed["warning"], replayed["ran"]) == (True, "", False)
    assert not any(row["differs"] for row in replayed["rows"])
    change = {"changes": {"confidence_floor": 0.1, "thresholds": {"cancel_order": 0.1}}, "against": 1, "reason": "x"}
    assert operator.post("/policy/apply", json=change).status_code == 200
    other = operator.get(f"/tickets/{ticket_id}/replay", params={"policy": 2}).json()
    assert (other["same"], other["unknown"].startswith("unknown, would need a run")) == (False, True)
    assert operator.post("/knowledge/load", json={"id": "a", "title": "A", "body": "Unsure?"}).status_code == 200
    ran = operator.post(f"/tickets/{ticket_id}/replay").json()
    assert (ran["ran"], ran["policy"].partition("-")[0]) == (True, "2")
    assert {row["what"] for row in ran["rows"]} >= {"model", "knowledge", "evidence", "outcome"}
    problem(operator.get(f"/tickets/{ticket_id}/replay?turn=7"), 404, "decision-not-found")
    problem(operator.get(f"/tickets/{'0' * 32}/replay"), 404, "ticket-not-found")
    undecided = api.submit()
    problem(operator.get(f"/tickets/{undecided}/replay"), 404, "decision-not-found")


def test_the_file_that_the_settings_name_is_the_first_policy(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(changed_text(version=5, upset_at=-0.4))
    settings = ProcessorSettings(policy_file=file)
    with running(tmp_path / "state", encoder=WordEncoder(), processor=settings) as api:
        shown = api.client("operator").get("/policy").json()
    assert (shown["number"], shown["source"], shown["by"]) == (5, str(file), "helpdesk")
