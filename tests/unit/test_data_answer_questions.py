"""Our questions are many, cover every intent, name articles that there are, and are nobody's training rows."""

import json
from collections import Counter
from collections.abc import Hashable

import pytest

from evaluation.questions import CheckedQuestions, Coverage, read_questions
from helpdesk.clock import utc_now
from helpdesk.knowledge.checking import check_path
from helpdesk.settings import PROJECT_DIR, load_settings
from models.near_duplicates import near_keys, normal_form

DATA = PROJECT_DIR / "data"


@pytest.fixture(scope="module")
def checked() -> CheckedQuestions:
    articles = check_path(DATA / "knowledge_base", load_settings(), today=utc_now().date()).articles
    intents = {row["intent"] for row in json.loads((DATA / "intents.json").read_text(encoding="utf-8"))}
    return read_questions(DATA / "answer_questions.jsonl", {one.article_id: one for one in articles}, intents)


def test_nothing_is_wrong_with_them(checked: CheckedQuestions) -> None:
    assert checked.findings == ()


def test_every_intent_is_asked_in_both_halves(checked: CheckedQuestions) -> None:
    for split in ("tune", "test"):
        part = checked.part(split)
        counts = Counter(asked.intent for asked in part if asked.articles)
        assert len(counts) == 27
        assert min(counts.values()) >= 2
        kinds = Counter(asked.coverage for asked in part)
        assert min(kinds[Coverage.UNCOVERED], kinds[Coverage.OUT_OF_SCOPE]) >= 12


def test_every_answerable_question_has_a_key_point(checked: CheckedQuestions) -> None:
    assert [asked.question_id for asked in checked.questions if asked.articles and not asked.key_points] == []


def test_none_is_a_training_ticket_or_one_word_away_from_one(checked: CheckedQuestions) -> None:
    ours: dict[Hashable, str] = {}
    for asked in checked.questions:
        form = normal_form(asked.text)
        ours[hash(form)] = asked.text
        ours |= dict.fromkeys(near_keys(form, ""), asked.text)
    found = set()
    with (DATA / "training_tickets.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            form = normal_form(json.loads(line)["text"])
            found |= {ours[key] for key in (hash(form), *near_keys(form, "")) if key in ours}
    assert found == set()
