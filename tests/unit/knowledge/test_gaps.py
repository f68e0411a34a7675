"""What is asked for and not answered: found in the store without personal data, put together, and drafted."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.article_feedback import Signal
from helpdesk.decisions import Outcome, Reason
from helpdesk.knowledge.checking import check_path, check_sources, make_articles
from helpdesk.knowledge.drafting import draft_of, write_drafts
from helpdesk.knowledge.gaps import FOREIGN_FROM, Gap, clustered, find_gaps
from helpdesk.knowledge.page_markdown import read_markdown
from helpdesk.knowledge.standards import Standards
from helpdesk.knowledge.unanswered import Unanswered, Why, unanswered
from helpdesk.ports.knowledge import Passage
from helpdesk.settings import Settings, StoreSettings
from helpdesk.tickets import Author
from models.wording import excerpt_at
from tests.contract.knowledge_contract import LAMP, WordEncoder
from tests.contract.store_fixtures import add_submissions
from tests.factories import NOON, make_decision, make_message, make_signal, make_submission, make_ticket

HOUR = timedelta(hours=1)
STANDARDS = Standards(today=date(2026, 11, 1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'helpdesk.db'}", StoreSettings())) as store:
        store.migrate()
        yield store


def asked(
    store: SqlStore,
    text: str,
    code: str = "evidence_too_thin",
    *,
    reply: str = "",
    signal: Signal | None = None,
    user: str = "ada@example.org",
    hours: int = 0,
    **scores: float,
) -> str:
    """Store a ticket that was decided for this reason, and what a person made of it."""
    ticket = make_ticket(subject="", user=user)
    add_submissions(store, make_submission(ticket=ticket, text=text))
    at = NOON + hours * HOUR
    sentiment = scores.pop("sentiment", 0.0)
    prediction = {
        "predicted_label": "use_lamp",
        "out_of_scope": code == "out_of_scope",
        "sentiment_score": sentiment,
        "sentiment_valid": True,
    }
    decision = make_decision(
        ticket,
        outcome=Outcome.ROUTE,
        reasons=(Reason(code=code, text="."),),
        prediction=prediction,
        scores=scores,
        at=at,
    )
    with store.transaction() as tx:
        tx.add_decisions([decision])
        if reply:
            tx.add_messages([make_message(ticket, text=reply, author=Author.AGENT, author_name="maria")])
        if signal is not None:
            tx.add_article_signals([make_signal(ticket_id=ticket.ticket_id, signal=signal, at=at)])
    return ticket.ticket_id


def questions(store: SqlStore) -> list[Unanswered]:
    return unanswered(store, since=NOON, until=NOON + 9 * HOUR, wording=excerpt_at)


def test_questions_are_those_without_evidence_scope_or_luck_the_newest_first(store: SqlStore) -> None:
    asked(store, "first thin", evidence=0.2)
    asked(store, "second foreign", "out_of_scope", hours=1)
    asked(store, "third insufficient", "passages_insufficient", hours=2)
    asked(store, "fourth fine", "confident_and_grounded", hours=3)
    asked(store, "fifth rated", "confident_and_grounded", signal=Signal.DID_NOT_HELP, hours=4)
    asked(store, "sixth helped", "confident_and_grounded", signal=Signal.HELPED, hours=5)
    asked(store, "seventh late", hours=10)
    found = questions(store)
    assert [(one.text.split()[0], one.why) for one in found] == [
        ("fifth", Why.DID_NOT_HELP),
        ("third", Why.INSUFFICIENT),
        ("second", Why.OUT_OF_SCOPE),
        ("first", Why.THIN),
    ]
    assert [(one.intent, one.evidence) for one in found[2:]] == [("", None), ("use_lamp", 0.2)]


def test_a_later_word_of_the_customer_takes_the_question_out(store: SqlStore) -> None:
    ticket_id = asked(store, "Is it good?", "confident_and_grounded", signal=Signal.DID_NOT_HELP)
    with store.transaction() as tx:
        tx.add_article_signals([make_signal(ticket_id=ticket_id, signal=Signal.HELPED)])
    assert questions(store) == []


def test_personal_data_is_masked_in_question_and_reply(store: SqlStore) -> None:
    text = "I am Ada.L, order TB-20418835, write to ada@mail.example or call +353 20 915 0142"
    asked(store, text, reply="Dear Ada.L, order TB-20418835 is at ada@mail.example.", user="ada.l")
    [question] = questions(store)
    assert question.text == "I am [CUSTOMER], order [REFERENCE], write to [EMAIL_1] or call [PHONE_1]"
    assert question.reply == "Dear [CUSTOMER], order [REFERENCE] is at [EMAIL_1]."


def test_a_question_that_sounds_upset_counts_as_such(store: SqlStore) -> None:
    asked(store, "calm")
    asked(store, "upset", sentiment=-0.5, hours=1)
    assert [question.upset for question in questions(store)] == [True, False]


def question(text: str, why: Why = Why.THIN, **fields: object) -> Unanswered:
    values = {"upset": False, "intent": "use_lamp", "evidence": 0.2, "reply": ""}
    return Unanswered(text=text, why=why, **(values | fields))  # type: ignore[arg-type]


def gaps(*asked: Unanswered, at_least: int = 2) -> list[Gap]:
    return find_gaps(asked, WordEncoder().encode, lambda _: Passage(article=LAMP, similarity=0.3), at_least=at_least)


def test_questions_that_ask_the_same_are_one_gap_and_the_largest_comes_first() -> None:
    gift = [question(f"Can you wrap the parcel as a gift {word}") for word in ("please", "today", "now")]
    boat = [question("Does the boat float on water", upset=True, evidence=None), question("Does the boat float")]
    first, second = gaps(*boat, question("Something else entirely"), *gift)
    assert (first.size, second.size) == (3, 2)
    assert first.examples[0] in {one.text for one in gift}
    assert len(first.examples) == 3
    assert {"gift", "wrap", "parcel"} <= set(first.words)
    assert {"boat", "float"} <= set(second.words)
    assert (second.upset, second.evidence, second.nearest) == (0.5, 0.2, Passage(article=LAMP, similarity=0.3))
    assert dict(second.why) == {Why.THIN: 2}


def test_strays_that_are_out_of_scope_are_no_gap_but_a_topic_of_them_is() -> None:
    foreign = [question("Do you sell pizza here", Why.OUT_OF_SCOPE, intent="") for _ in range(FOREIGN_FROM)]
    assert gaps(*foreign[:-1]) == []
    [topic] = gaps(*foreign)
    assert (topic.size, topic.intent, topic.examples) == (FOREIGN_FROM, "", ("Do you sell pizza here",))
    [mixed] = gaps(foreign[0], question("Do you sell pizza here"))
    assert mixed.size == 2


def test_no_question_and_no_words_make_no_gap_and_no_failure() -> None:
    assert gaps() == []
    assert gaps(question("12 34"), at_least=1)[0].words == ()


def test_rows_that_are_alike_come_together() -> None:
    vectors: NDArray[np.float32] = np.eye(3, dtype=np.float32)[[0, 1, 0, 2, 1]]
    assert sorted(map(sorted, clustered(vectors))) == [[0, 2], [1, 4], [3]]
    assert clustered(vectors[:1]) == [[0]]
    assert clustered(vectors[:0]) == []


GAP = gaps(
    question("Can you wrap it: “as a gift”?\nThanks", reply="Dear [CUSTOMER],\nwe wrap for 2 euros."),
    question("Can you wrap it as a gift"),
)[0]


def test_a_draft_is_read_and_flagged_and_becomes_an_article_once_it_is_finished() -> None:
    name, text = draft_of(GAP)
    sources = read_markdown(name, text.encode())
    [finding] = make_articles(sources, STANDARDS).findings
    assert (finding.severity, finding.code) == ("error", "draft")
    assert "> we wrap for 2 euros." in text
    finished = read_markdown(name, text.replace("draft: true\n", "").encode())
    [article] = make_articles(finished, STANDARDS).articles
    assert article.intent == "use_lamp"
    assert article.question.startswith("Can you wrap it")
    assert f"{article.article_id}.md" == name


def test_a_draft_among_articles_is_left_out_of_a_load_with_a_warning(tmp_path: Path) -> None:
    [path] = write_drafts(tmp_path, [GAP])
    alone = check_path(tmp_path, Settings(), today=STANDARDS.today)
    assert (alone.usable, alone.articles) == (False, ())
    (tmp_path / "lamp.md").write_text("---\ntitle: Lamp\n---\nUse the cable that lies in the box.\n")
    checked = check_path(tmp_path, Settings(), today=STANDARDS.today)
    assert [article.article_id for article in checked.articles] == ["lamp"]
    assert ("warning", "draft", path.name) in [(one.severity, one.code, one.where) for one in checked.findings]
    assert checked.usable


@pytest.mark.parametrize(("value", "codes"), [("false", []), ("TRUE", ["draft"]), ("maybe", ["fields"])])
def test_draft_is_true_or_false(value: str, codes: Sequence[str]) -> None:
    text = f"---\ntitle: Lamp\ndraft: {value}\nintent: use_lamp\n---\nUse the cable that lies in the box.\n"
    found = [item.code for item in make_articles(read_markdown("lamp.md", text.encode()), STANDARDS).findings]
    assert found == codes
    assert "unknown" not in str(check_sources(read_markdown("lamp.md", text.encode()), STANDARDS))


def test_drafts_are_their_owners_and_never_overwrite_one(tmp_path: Path) -> None:
    [path] = write_drafts(tmp_path / "drafts", [GAP])
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    path.write_text("mine")
    assert write_drafts(tmp_path / "drafts", [GAP]) == []
    assert path.read_text() == "mine"
