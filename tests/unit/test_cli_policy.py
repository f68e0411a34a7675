"""`helpdesk policy` and `helpdesk replay` on a local store with a few decisions."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.policy.decide import decide, triage
from helpdesk.settings import Settings
from tests.command_line import CommandLine
from tests.factories import make_correction, make_decision, make_feedback, make_submission
from tests.fakes import make_prediction
from tests.policies import FILE, SHIPPED, changed_text

TEXTS = ("cancel my order", "cancel it", "unsure", "I am so upset", "nothing-found")


@pytest.fixture
def helpdesk(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "state")


@pytest.fixture
def tickets(helpdesk: CommandLine) -> list[str]:
    """Tickets with the decisions that a worker would have made."""
    ids = []
    with closing(SqlStore.open(Settings(state_dir=helpdesk.state_dir, database_url=None))) as store:
        store.migrate()
        for place, text in enumerate(TEXTS):
            submission = make_submission(text=text)
            prediction, evidence = make_prediction(text), 0.0 if "nothing" in text else 0.9
            decision = triage(prediction, text, SHIPPED) or decide(prediction, text, evidence, SHIPPED)
            record = make_decision(
                submission.ticket,
                outcome=decision.outcome,
                queue=decision.queue,
                reasons=decision.reasons,
                scores=decision.scores,
                prediction=prediction.model_dump(),
                versions={"model": "fake", "policy": SHIPPED.name},
                at=datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=place),
            )
            with store.transaction() as tx:
                tx.add_submissions([submission])
                tx.add_decisions([record])
                if place == 0:
                    tx.add_correction(make_correction(submission.ticket, intent="get_refund"))
                    tx.add_feedback(make_feedback(submission.ticket, score=1))
            ids.append(submission.ticket.ticket_id)
    return ids


def test_the_policy_is_shown_edited_applied_and_taken_back(helpdesk: CommandLine, tmp_path: Path) -> None:
    shown = helpdesk.text("policy", "show")
    assert shown == FILE.read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(shown.replace("upset_at: -0.65", "upset_at: -0.5"))
    assert "upset_at" in helpdesk.text("policy", "diff", str(file))
    assert "It can be applied" in helpdesk.text("policy", "check", str(file))
    applied = helpdesk.text("policy", "apply", str(file), "--reason", "calmer")
    assert "Version 2 is in force" in applied
    assert "upset_at: -0.65 → -0.5" in applied
    assert "version: 2" in helpdesk.text("policy", "show")
    assert helpdesk.json("policy", "show", "--version", "1")["name"] == SHIPPED.name
    back = helpdesk.json("policy", "rollback", "--reason", "too calm")
    assert (back["version"]["number"], back["version"]["source"]) == (3, "version 1")
    history = helpdesk.json("policy", "history")["versions"]
    assert [(one["number"], one["reason"]) for one in history[:2]] == [(3, "too calm"), (2, "calmer")]
    assert history[1]["changes"] == [{"path": "upset_at", "before": -0.65, "after": -0.5}]
    told = helpdesk.text("policy", "history")
    assert "Version 3 is in force." in told
    assert "upset_at: -0.5 → -0.65" in told


def test_a_file_that_was_made_from_another_version_is_refused_with_what_to_do(
    helpdesk: CommandLine, tmp_path: Path
) -> None:
    helpdesk.text("policy", "apply", "--upset-at", "-0.4", "--reason", "one")
    file = tmp_path / "late.yaml"
    file.write_text(changed_text(upset_at=-0.3))
    told = helpdesk.error("policy", "apply", str(file), "--reason", "late")
    assert "made from version 1, and version 2 is in force" in told
    assert "--against 2" in told
    assert "not version 1" in helpdesk.error("policy", "apply", str(file), "--reason", "late", "--against", "1")
    assert helpdesk.json("policy", "apply", str(file), "--reason", "sure", "--against", "2")["version"]["number"] == 3
    assert "not version 1" in helpdesk.error("policy", "rollback", "--against", "1")


def test_every_rule_that_does_not_fit_is_listed(helpdesk: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(changed_text(upset_at=-7, confidence_floor="high"))
    for command in (("check",), ("diff",), ("apply", "--reason", "x"), ("whatif", "--file")):
        result = helpdesk.run("policy", *command, str(file))
        assert result.exit_code == 1
        assert "-1.0 or more" in result.stdout
        assert result.stderr.splitlines()[-1].endswith("2 rules to correct first")
    told = json.loads(helpdesk.run("policy", "check", str(file), "--json").stdout)
    assert [problem["rule"] for problem in told["problems"]] == ["confidence_floor", "upset_at"]


def test_rules_for_intents_that_do_not_exist_are_pointed_out(helpdesk: CommandLine, tmp_path: Path) -> None:
    assert "write get_refund" in helpdesk.error("policy", "whatif", "--autonomy", "get_refnd=off")
    file = tmp_path / "typo.yaml"
    file.write_text(changed_text(confidence_thresholds={"get_refnd": 0.9}))
    assert "No such intents: get_refnd" in helpdesk.text("policy", "check", str(file))


@pytest.mark.parametrize(
    "arguments",
    [
        ("whatif", "--threshold", "get_refund"),
        ("whatif", "--threshold", "get_refund=high"),
        ("whatif", "--autonomy", "get_refund=maybe"),
        ("whatif", "--autonomy", "get_refund=off", "--autonomy", "get_refund=draft"),
        ("whatif", "--upset-at", "-0.5", "--file", "x"),
        ("apply", "--upset-at", "-0.5"),
        ("apply", "--reason", "x"),
        ("apply", "x.yaml", "--upset-at", "-0.5", "--reason", "x"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(helpdesk: CommandLine, arguments: tuple[str, ...]) -> None:
    assert helpdesk.run("policy", *arguments).exit_code == 2


def test_what_a_change_would_have_done_is_shown_and_printed(helpdesk: CommandLine, tickets: list[str]) -> None:
    change = ("policy", "whatif", "--autonomy", "cancel_order=draft", "--last", "100")
    found = helpdesk.json(*change)
    assert found["changes"] == [{"path": "autonomy.intents.cancel_order", "before": None, "after": "draft"}]
    what_if = found["what_if"]
    assert (what_if["decisions"], what_if["changed"], what_if["became_unknown"]) == (5, 2, 0)
    assert what_if["before"]["outcomes"]["answer"]["tickets"] == 2
    assert what_if["after"]["queues"]["REVIEW"] == 2
    assert (what_if["before"]["corrected"], what_if["before"]["unhelpful"]) == (1, 1)
    assert [example["ticket_id"] for example in what_if["examples"]] == [tickets[1], tickets[0]]
    told = helpdesk.text(*change)
    for part in ("5 decisions", "answered", "REVIEW", "+2", tickets[0], "wants a person to approve", "known wrong"):
        assert part in told
    assert helpdesk.json("policy", "history")["versions"][0]["number"] == 1


def test_what_only_a_run_could_tell_is_said(helpdesk: CommandLine, tickets: list[str]) -> None:
    told = helpdesk.text("policy", "whatif", "--floor", "0.1", "--threshold", "cancel_order=0.1", "--evidence", "0")
    assert "would need a run" in told
    assert "answered at most" in told


def test_a_diff_shows_what_the_file_would_have_done(helpdesk: CommandLine, tickets: list[str], tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(changed_text(upset_at=-0.95))
    found = helpdesk.json("policy", "diff", str(file), "--last", "50")
    assert [change["path"] for change in found["changes"]] == ["upset_at"]
    assert found["what_if"]["decisions"] == 5
    assert "what_if" not in helpdesk.json("policy", "diff", "1")


def test_nothing_to_try_it_on_is_said(helpdesk: CommandLine) -> None:
    assert "no decisions" in helpdesk.text("policy", "whatif", "--upset-at", "-0.2")


def test_a_ticket_is_decided_again_from_its_record(helpdesk: CommandLine, tickets: list[str]) -> None:
    assert "The same outcome." in helpdesk.text("replay", tickets[2])
    found = helpdesk.json("replay", tickets[2])
    assert (found["same"], found["warning"], found["policy"]) == (True, "", SHIPPED.name)
    helpdesk.text("policy", "apply", "--autonomy", "cancel_order=draft", "--reason", "x")
    assert "wants a person to approve" in helpdesk.text("replay", tickets[0], "--policy", "2")
    assert "no decision" in helpdesk.error("replay", tickets[0], "--turn", "4")
    assert "no ticket" in helpdesk.error("replay", "0" * 32)


def test_a_record_that_does_not_hold_ends_with_3(helpdesk: CommandLine, tickets: list[str]) -> None:
    settings = Settings(state_dir=helpdesk.state_dir, database_url=None)
    with closing(SqlStore.open(settings)) as store, store.transaction() as tx:
        tx._connection.exec_driver_sql("UPDATE decisions SET outcome = 'route', queue = 'REFUND'")
    result = helpdesk.run("replay", tickets[0])
    assert result.exit_code == 3
    assert "does not follow from its own inputs" in result.stdout


def test_a_run_without_a_prediction_service_is_one_line(helpdesk: CommandLine, tickets: list[str]) -> None:
    told = helpdesk.error("replay", tickets[0], "--run", HELPDESK_PREDICTION_API__URL="http://127.0.0.1:9")
    assert "prediction" in told
