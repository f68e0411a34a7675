"""Corrections over HTTP: an agent says what a ticket is really about, and everybody on the desk sees it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpdesk.corrections import OUT_OF_SCOPE
from helpdesk.decisions import Outcome
from helpdesk.settings import ModelSettings
from models.gate import Verdict
from models.registry_file import RegistryFile, noted
from tests.factories import make_decision
from tests.live_ticket_api import LiveTicketApi, problem, running
from tests.model_versions import add_version
from ticket_api.intents import LiveIntents

NOBODY = "0" * 32


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    with running(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def agent(api: LiveTicketApi) -> httpx.Client:
    return api.client("agent")


def routed(api: LiveTicketApi, label: str = "track_order") -> str:
    """Submit a ticket, predict this label for it and hand it to a person."""
    ticket = api.route(api.submit())
    prediction = {"predicted_label": label, "out_of_scope": False}
    with api.store.transaction() as tx:
        tx.add_decisions(
            [make_decision(ticket, outcome=Outcome.ROUTE, prediction=prediction, versions={"model": "v7"})]
        )
    return ticket.ticket_id


def test_a_correction_is_shown_with_what_the_model_had_said_and_changes_nothing_else(
    api: LiveTicketApi, agent: httpx.Client
) -> None:
    ticket_id = routed(api)
    before = agent.get(f"/tickets/{ticket_id}")
    response = agent.post(f"/tickets/{ticket_id}/correct", json={"intent": "get_refund", "note": "Wants money."})
    assert response.status_code == 200, response.text
    shown = response.json()
    (correction,) = shown.pop("corrections")
    assert datetime.fromisoformat(correction.pop("created_at")) <= datetime.now(UTC)
    assert correction == {
        "turn": 1,
        "intent": "get_refund",
        "predicted": "track_order",
        "model_version": "v7",
        "verdict": "wrong",
        "author": "agent",
        "note": "Wants money.",
    }
    step = shown.pop("history")[-1]
    assert (step["action"], step["status"], step["actor_name"]) == (None, "queued", "agent")
    assert step["reason"] == "The intent is get_refund; the model had said track_order. Wants money."
    assert step["details"] == {"intent": "get_refund", "predicted": "track_order"}
    assert shown == {name: value for name, value in before.json().items() if name not in ("corrections", "history")}
    assert agent.get(f"/tickets/{ticket_id}", headers={"If-None-Match": before.headers["etag"]}).status_code == 200


def test_a_later_correction_stands_and_the_earlier_stays_in_the_record(api: LiveTicketApi, agent: httpx.Client) -> None:
    ticket_id = routed(api)
    agent.post(f"/tickets/{ticket_id}/correct", json={"intent": "get_refund"})
    for_maria = api.client("operator", **{"X-Agent": "maria lopez"})
    shown = for_maria.post(f"/tickets/{ticket_id}/correct", json={"intent": OUT_OF_SCOPE, "turn": 1}).json()
    assert [(made["author"], made["intent"]) for made in shown["corrections"]] == [
        ("agent", "get_refund"),
        ("maria lopez", OUT_OF_SCOPE),
    ]
    with api.store.reading() as tx:
        standing = [row.correction for row in tx.standing_corrections(limit=100)]
    assert [made.author for made in standing if made.ticket_id == ticket_id] == ["maria lopez"]


def test_a_portal_neither_corrects_nor_sees_corrections(api: LiveTicketApi, agent: httpx.Client) -> None:
    ticket_id = routed(api)
    agent.post(f"/tickets/{ticket_id}/correct", json={"intent": "get_refund", "note": "SECRET-NOTE"})
    portal = api.client("portal")
    problem(portal.post(f"/tickets/{ticket_id}/correct", json={"intent": "get_refund"}), 403, "not-authorised")
    for secret in ("SECRET-NOTE", "get_refund", "corrections"):
        assert secret not in portal.get(f"/tickets/{ticket_id}").text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "intent"),
        ({"intent": ""}, "intent"),
        ({"intent": "getrefund"}, "intent"),
        ({"intent": "i" * 201}, "intent"),
        ({"intent": 7}, "intent"),
        ({"intent": "get_refund", "turn": 0}, "turn"),
        ({"intent": "get_refund", "turn": 2}, "turn"),
        ({"intent": "get_refund", "turn": "1"}, "turn"),
        ({"intent": "get_refund", "note": "n" * 1_001}, "note"),
        ({"intent": "get_refund", "author": "me"}, "author"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(
    api: LiveTicketApi, agent: httpx.Client, body: dict[str, object], field: str
) -> None:
    ticket_id = routed(api)
    found = problem(agent.post(f"/tickets/{ticket_id}/correct", json=body), 422, "invalid-input")
    assert field in [error["field"] for error in found["errors"]]
    assert all(error["remedy"] for error in found["errors"])
    assert agent.get(f"/tickets/{ticket_id}").json()["corrections"] == []


def test_an_unknown_ticket_is_404(agent: httpx.Client) -> None:
    problem(agent.post(f"/tickets/{NOBODY}/correct", json={"intent": "get_refund"}), 404, "ticket-not-found")


def test_corrections_are_counted_by_whether_the_model_had_been_right(api: LiveTicketApi, agent: httpx.Client) -> None:
    operator = api.client("operator")

    def right() -> float:
        lines = operator.get("/metrics").text.splitlines()
        return sum(
            float(line.split()[1]) for line in lines if line.startswith('helpdesk_corrections_total{verdict="ri')
        )

    before = right()
    agent.post(f"/tickets/{routed(api, 'get_refund')}/correct", json={"intent": "get_refund"})
    assert right() - before == 1


def test_without_a_model_no_correction_is_taken_and_the_answer_says_why(tmp_path: Path) -> None:
    with running(tmp_path, model=ModelSettings(artifacts_dir=tmp_path / "none")) as api:
        ticket_id = api.submit()
        response = api.client("agent").post(f"/tickets/{ticket_id}/correct", json={"intent": "get_refund"})
        assert "There is no model in" in problem(response, 503, "model-unavailable")["detail"]


def test_the_intents_are_those_of_the_version_that_is_live_now(tmp_path: Path) -> None:
    def renamed(manifest: dict[str, Any]) -> None:
        manifest.update(json.loads(json.dumps(manifest).replace('"get_refund"', '"money_back"')))

    add_version(tmp_path, "before")
    registry = RegistryFile(tmp_path)
    registry.settle()
    intents = LiveIntents(ModelSettings(artifacts_dir=tmp_path))
    assert {"get_refund", OUT_OF_SCOPE} <= intents.known()
    assert "money_back" not in intents.known()
    add_version(tmp_path, "after", renamed)
    artifact = registry.artifact("after")
    registry.change(lambda before: before.register("after", artifact.checksum, noted("test")))
    assert "money_back" not in intents.known()
    verdict = Verdict(candidate="after", checksum=artifact.checksum, live="before", data="", criteria=())
    registry.change(lambda before: before.promote("after", verdict, noted("test")))
    assert "money_back" in intents.known()
