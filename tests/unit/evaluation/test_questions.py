"""Questions are read from any table, and what is wrong with them is named by line with what to do."""

import json
from pathlib import Path

import pytest

from evaluation.questions import Coverage, read_questions
from helpdesk.errors import InvalidData
from helpdesk.knowledge.findings import Severity
from tests.fakes import ARTICLE

ARTICLES = {ARTICLE.article_id: ARTICLE}
INTENTS = {"cancel_order", "get_refund"}
GOOD: dict[str, object] = {
    "id": "q1",
    "text": "Stop my order",
    "intent": "cancel_order",
    "articles": [ARTICLE.article_id],
}


def written(directory: Path, *rows: dict[str, object]) -> Path:
    path = directory / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    row = {**GOOD, "key_points": ["packed", "Cancel | choose"], "split": "test"}
    from_lines = read_questions(written(tmp_path, row), ARTICLES, INTENTS)
    csv = tmp_path / "questions.csv"
    csv.write_text(
        "id;text;intent;articles;key_points;split\n"
        'q1;Stop my order;cancel_order;cancel-before-dispatch;"packed;Cancel | choose";test\n',
        encoding="utf-8",
    )
    from_table = read_questions(csv, ARTICLES, INTENTS)
    assert from_lines.questions == from_table.questions
    assert from_lines.findings == from_table.findings == ()
    assert from_lines.questions[0].key_points == ("packed", "Cancel | choose")


@pytest.mark.parametrize(
    ("row", "coverage"),
    [
        (GOOD, Coverage.ANSWERABLE),
        ({"text": "Refund the petrol?", "intent": "get_refund", "articles": "none"}, Coverage.UNCOVERED),
        ({"text": "Refund the petrol?", "articles": []}, Coverage.UNCOVERED),
        ({"text": "A joke?", "intent": "out_of_scope", "articles": "none"}, Coverage.OUT_OF_SCOPE),
    ],
)
def test_what_covers_a_question_follows_from_its_articles_and_intent(
    tmp_path: Path, row: dict[str, object], coverage: Coverage
) -> None:
    checked = read_questions(written(tmp_path, row), ARTICLES, INTENTS)
    assert checked.findings == ()
    assert checked.questions[0].coverage is coverage


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"text": " "}, "text", "asks nothing"),
        ({"articles": ["nowhere"]}, "article", "'nowhere'"),
        ({"intent": "buy_boat"}, "intent", "'buy_boat'"),
        ({"intent": "out_of_scope"}, "scope", "names articles"),
        ({"articles": [], "key_points": ["packed"]}, "key_points", "no article"),
    ],
)
def test_an_error_names_the_line_and_what_to_do(
    tmp_path: Path, change: dict[str, object], code: str, said: str
) -> None:
    path = written(tmp_path, {"text": "Another one", "articles": "none"}, {**GOOD, **change})
    [finding] = read_questions(path, ARTICLES, INTENTS).findings
    assert (finding.severity, finding.code, finding.where) == (Severity.ERROR, code, "questions.jsonl:2")
    assert said in finding.problem
    assert finding.remedy


def test_a_question_is_asked_once_under_an_id_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, {**GOOD, "text": "stop  MY order"})
    assert [finding.code for finding in read_questions(path, ARTICLES, INTENTS).findings] == ["id", "text"]


def test_a_key_point_that_no_article_has_and_an_unknown_column_are_warnings(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "key_points": ["a ferry"], "mood": "calm"})
    found = read_questions(path, ARTICLES, INTENTS).findings
    assert [(one.severity, one.code) for one in found] == [
        (Severity.WARNING, "columns"),
        (Severity.WARNING, "key_point"),
    ]


def test_a_file_without_the_columns_or_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="no column 'articles'"):
        read_questions(written(tmp_path, {"text": "How?"}), ARTICLES, INTENTS)
    empty = tmp_path / "empty.csv"
    empty.write_text("text,articles\n", encoding="utf-8")
    with pytest.raises(InvalidData, match="no column 'text'"):
        read_questions(empty, ARTICLES, INTENTS)


def test_the_test_split_is_asked_unless_another_is_named(tmp_path: Path) -> None:
    rows = [{**GOOD, "id": name, "text": name, "split": name} for name in ("tune", "test")]
    checked = read_questions(written(tmp_path, *rows), ARTICLES, INTENTS)
    assert [[asked.text for asked in checked.part(split)] for split in ("", "tune", "all")] == [
        ["test"],
        ["tune"],
        ["tune", "test"],
    ]
    with pytest.raises(InvalidData, match="the splits are test, tune"):
        checked.part("dev")


def test_a_set_without_splits_is_asked_whole(tmp_path: Path) -> None:
    checked = read_questions(written(tmp_path, GOOD), ARTICLES, INTENTS)
    assert len(checked.part("")) == len(checked.part("all")) == 1
    with pytest.raises(InvalidData, match="has no splits"):
        checked.part("test")
