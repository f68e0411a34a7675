"""`helpdesk kb feedback` and `kb gaps` on a store with a few tickets, with the real encoder."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.article_feedback import Signal
from helpdesk.decisions import Outcome, Reason
from helpdesk.settings import Settings
from tests.command_line import CommandLine
from tests.contract.store_contract_knowledge import LAMP, TENT, make_version
from tests.contract.store_fixtures import add_submissions
from tests.factories import make_answer, make_citation, make_decision, make_signal, make_submission, make_ticket

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def helpdesk(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore.open(Settings(state_dir=tmp_path))) as store:
        store.migrate()
        yield store


def test_articles_are_listed_the_worst_first(helpdesk: CommandLine, store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.add_knowledge_version(make_version(1, LAMP, TENT), {"lamp": LAMP, "tent": TENT})
    for article, signal in ((LAMP, Signal.HELPED), (TENT, Signal.DID_NOT_HELP), (TENT, Signal.MARKED_WRONG)):
        ticket = make_ticket(created_at=YESTERDAY)
        add_submissions(store, make_submission(ticket=ticket))
        made = make_signal(
            ticket_id=ticket.ticket_id,
            article_id=article.article_id,
            content=article.content_digest,
            signal=signal,
            at=YESTERDAY,
        )
        with store.transaction() as tx:
            tx.add_answers([make_answer(ticket, citations=(make_citation(article_id=article.article_id),) * 2)])
            tx.add_article_signals([made])
    worst, best = helpdesk.json("kb", "feedback")["articles"]
    assert (worst["article_id"], worst["asked"], worst["signals"]) == (
        "tent",
        2,
        {"did_not_help": 1, "marked_wrong": 1},
    )
    assert worst["opinion"] < 0 < best["opinion"]
    shown = helpdesk.text("kb", "feedback", "--since", "7d")
    assert shown.index("tent") < shown.index("lamp")
    assert "marked wrong" in shown
    earlier = helpdesk.json("kb", "feedback", "--since", "1h")["articles"]
    assert [(article["asked"], article["signals"]) for article in earlier] == [(0, {}), (0, {})]


def test_without_answers_the_report_says_so(helpdesk: CommandLine) -> None:
    assert "--since 365d" in helpdesk.text("kb", "feedback")
    assert helpdesk.json("kb", "feedback")["articles"] == []


def routed(store: SqlStore, text: str) -> None:
    ticket = make_ticket(subject="", created_at=YESTERDAY)
    add_submissions(store, make_submission(ticket=ticket, text=text))
    reasons = (Reason(code="evidence_too_thin", text="."),)
    prediction = {"predicted_label": "place_order", "out_of_scope": False}
    decision = make_decision(
        ticket, outcome=Outcome.ROUTE, reasons=reasons, prediction=prediction, scores={"evidence": 0.21}, at=YESTERDAY
    )
    with store.transaction() as tx:
        tx.add_decisions([decision])


def test_gaps_are_shown_and_drafted(helpdesk: CommandLine, store: SqlStore, tmp_path: Path) -> None:
    for text in (
        "Can you wrap my order as a gift? I am at ada@mail.example",
        "Do you offer gift wrapping for an order?",
        "Is gift wrap possible for my parcel?",
        "The zipper of the blue tent broke",
    ):
        routed(store, text)
    drafts = tmp_path / "drafts"
    found = helpdesk.json("kb", "gaps", "--drafts", str(drafts))
    [gap] = found["gaps"]
    assert (found["questions"], gap["size"], gap["intent"], gap["evidence"]) == (4, 3, "place_order", 0.21)
    assert "gift" in gap["words"]
    assert gap["nearest"] is None
    assert "ada@mail.example" not in str(found)
    [draft] = found["drafts"]
    assert "draft: true" in Path(draft).read_text(encoding="utf-8")
    checked = helpdesk.run("kb", "check", str(drafts))
    assert (checked.exit_code, "is a draft" in checked.stdout) == (1, True)
    assert "is a draft" in helpdesk.run("kb", "add", draft).stdout
    shown = helpdesk.text("kb", "gaps")
    assert "1. 3 questions" in shown
    assert "3 of 4 questions" in shown


def test_without_a_gap_the_report_says_what_to_do(helpdesk: CommandLine, store: SqlStore) -> None:
    assert "--since 365d" in helpdesk.text("kb", "gaps")
    routed(store, "The zipper of the blue tent broke")
    assert "--at-least 1" in helpdesk.text("kb", "gaps")
    assert len(helpdesk.json("kb", "gaps", "--at-least", "1")["gaps"]) == 1
