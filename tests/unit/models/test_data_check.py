"""Checks of a training file: each kind of problem is found, counted and shown by line."""

import json
import random
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest

from helpdesk.corrections import OUT_OF_SCOPE
from helpdesk.errors import InvalidData
from models.data_check import Finding
from models.dataset import CheckedFile, ReadOptions, check_file, load_held_out


def sentence(number: int) -> str:
    """Return five words that no other number has."""
    rng = random.Random(number)
    return " ".join("".join(rng.choices(ascii_lowercase, k=6)) for _ in range(5))


def tickets(**splits: int) -> list[dict[str, Any]]:
    counts = splits or {"": 30}
    return [
        {"text": f"{intent} {sentence(number)}", "intent": intent} | ({"split": split} if split else {})
        for intent in ("refund", "cancel")
        for start, (split, count) in zip((0, 100, 150), counts.items(), strict=False)
        for number in range(start, start + count)
    ]


def check(tmp_path: Path, rows: list[dict[str, Any]], **options: Any) -> CheckedFile:
    path = tmp_path / "tickets.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return check_file(path, ReadOptions(**options))


def finding(checked: CheckedFile, problem: str) -> Finding:
    return next(item for item in checked.findings if problem in item.problem)


def test_a_clean_file_has_no_findings(tmp_path: Path) -> None:
    checked = check(tmp_path, tickets(train=24, validation=8, test=8))
    assert checked.findings == ()
    assert checked.dataset is not None
    assert not checked.divided


def test_all_unusable_rows_are_counted_and_the_rest_is_checked_all_the_same(tmp_path: Path) -> None:
    rows = [*tickets(), {"text": " ", "intent": "a"}, {"text": "", "intent": "a"}, {"text": "x"}, tickets()[0]]
    checked = check(tmp_path, rows)
    assert checked.dataset is None
    empty = finding(checked, "text is empty")
    assert (empty.severity, empty.count, empty.lines) == ("error", 2, (61, 62))
    assert finding(checked, "intent is missing").examples == ("x",)
    assert finding(checked, "read the same").lines == (64,)


def test_a_text_under_two_intents_is_a_warning(tmp_path: Path) -> None:
    rows = [*tickets(), {"text": "Where is it?", "intent": "refund"}, {"text": "where is IT", "intent": "cancel"}]
    conflict = finding(check(tmp_path, rows), "several intents")
    assert (conflict.severity, conflict.count, conflict.lines) == ("warning", 2, (61, 62))
    assert conflict.examples == ("Where is it? → refund", "where is IT → cancel")


def test_copies_and_near_copies_in_another_split_are_warnings_at_the_held_out_row(tmp_path: Path) -> None:
    rows = tickets(train=24, validation=8, test=8)
    near = rows[1]["text"].rsplit(" ", 1)[0] + " zulu"
    checked = check(tmp_path, [*rows, {**rows[0], "split": "test"}, {**rows[1], "text": near, "split": "validation"}])
    assert finding(checked, "the same text in several splits").lines == (81,)
    assert finding(checked, "differ in one word").lines == (82,)
    assert checked.dataset is not None


def test_intents_with_few_rows_are_named(tmp_path: Path) -> None:
    few = [{"text": f"few {sentence(number)}", "intent": "few"} for number in range(9)]
    checked = check(tmp_path, [*tickets(), *few])
    assert finding(checked, "fewer than 20 rows").examples == ("few (9)",)
    checked = check(tmp_path, [*tickets(), *few[:3]])
    assert finding(checked, "intent 'few' has 3 rows").severity == "error"


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("x" * 201, "longer than 200 characters"),
        ("two\nlines", "cannot be shown"),
        ("half \ud800", "cannot be shown"),
        ("\x1b[2Jgone", "cannot be shown"),
    ],
    ids=ascii,
)
def test_a_label_that_no_table_can_show_is_an_error(tmp_path: Path, label: str, problem: str) -> None:
    checked = check(tmp_path, [*tickets(), {"text": "hello", "intent": label}])
    found = finding(checked, problem)
    assert (found.severity, found.lines) == ("error", (61,))
    assert checked.dataset is None


def test_examples_cannot_command_the_terminal_that_shows_them(tmp_path: Path) -> None:
    text = "\x1b]0;owned\x07 \x1b[2J \u202e half \ud800"
    checked = check(tmp_path, [*tickets(), {"text": text, "intent": 5}])
    (example,) = finding(checked, "intent is not a text").examples
    assert example.isprintable()
    assert "owned" in example


def test_a_file_of_foreign_tickets_alone_is_an_error(tmp_path: Path) -> None:
    checked = check(tmp_path, [{"text": sentence(number), "intent": "oos"} for number in range(30)])
    assert finding(checked, "fewer than two intents").severity == "error"


def test_one_intent_is_an_error(tmp_path: Path) -> None:
    checked = check(tmp_path, [row for row in tickets() if row["intent"] == "refund"])
    assert finding(checked, "fewer than two intents").severity == "error"
    assert checked.dataset is None


@pytest.mark.parametrize(("label", "option"), [("oos", ""), ("Out-of-scope", ""), ("none of these", "none of these")])
def test_the_out_of_scope_label_is_recognised_or_named(tmp_path: Path, label: str, option: str) -> None:
    foreign = [{"text": f"foreign {sentence(number)}", "intent": label} for number in range(20)]
    checked = check(tmp_path, [*tickets(), *foreign], out_of_scope_label=option)
    assert checked.dataset is not None
    assert checked.dataset.labels == ("cancel", "refund")
    assert sum(ticket.intent == OUT_OF_SCOPE for ticket in checked.dataset.tickets) == 20


def test_without_splits_the_seed_divides_and_near_copies_stay_together(tmp_path: Path) -> None:
    rows = [{**row, "text": f"{row['text']} {end}"} for row in tickets() for end in ("please", "now", "12345")]
    checked, other = check(tmp_path, rows, seed=0), check(tmp_path, rows, seed=1)
    assert checked.dataset is not None
    assert other.dataset is not None
    assert checked.divided
    assert checked.dataset.tickets != other.dataset.tickets
    assert not any("split" in item.problem and "one split" not in item.problem for item in checked.findings)
    for start in range(0, len(rows), 3):
        assert len({ticket.split for ticket in checked.dataset.tickets[start : start + 3]}) == 1


def test_a_missing_validation_part_is_taken_from_train_and_the_test_part_stays(tmp_path: Path) -> None:
    checked = check(tmp_path, tickets(train=40, test=8))
    assert checked.dataset is not None
    assert checked.divided
    assert len(checked.dataset.part("test")) == 16
    assert 8 <= len(checked.dataset.part("validation")) <= 20


def test_the_splits_of_clinc150_are_understood(tmp_path: Path) -> None:
    parts = {"train": 24, "val": 8, "test": 8}
    rows = tickets(**parts)
    document = {split: [[row["text"], row["intent"]] for row in rows if row["split"] == split] for split in parts}
    document |= {f"oos_{split}": [[f"foreign {split} {sentence(5)}", "oos"]] for split in parts}
    path = tmp_path / "full.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    dataset = check_file(path).dataset
    assert dataset is not None
    assert {split: len(dataset.part(split)) for split in ("train", "validation", "test")} == {
        "train": 49,
        "validation": 17,
        "test": 17,
    }


def test_a_file_to_measure_on_needs_neither_splits_nor_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "held_out.csv"
    path.write_text("text,category\nhello,a\nbye,oos\n", encoding="utf-8")
    assert [ticket.intent for ticket in load_held_out(path)] == ["a", OUT_OF_SCOPE]
    path.write_text("text,category,split\nhello,a,train\nbye,oos,test\n", encoding="utf-8")
    assert [ticket.text for ticket in load_held_out(path)] == ["bye"]
    assert len(load_held_out(path, split="all")) == 2
    with pytest.raises(InvalidData, match="has no rows for validation"):
        load_held_out(path, split="validation")
