"""Labelled tickets: a usable file is read, an unusable one says what is wrong with it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from helpdesk.corrections import OUT_OF_SCOPE
from helpdesk.errors import InvalidData
from helpdesk.tickets import GENERAL
from models.dataset import categories_beside, load_categories, load_dataset


def row(text: str = "a text", intent: str = "refund", split: str = "train") -> dict[str, object]:
    return {"text": text, "intent": intent, "split": split}


def rows() -> list[dict[str, object]]:
    return [
        row(f"text {number}", intent, split)
        for number in range(4)
        for intent in ("refund", "cancel", OUT_OF_SCOPE)
        for split in ("train", "validation", "test")
    ]


def write(path: Path, content: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(item) for item in content), encoding="utf-8")
    return path


def test_a_file_of_json_lines_is_read(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "tickets.jsonl", rows()))
    assert dataset.labels == ("cancel", "refund")
    assert len(dataset.part("test")) == 12
    assert len(dataset.sha256) == 64


def test_a_csv_file_with_line_breaks_in_a_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    lines = ["text,intent,split"]
    lines += [
        f'"hello,\n{number}",{i},{s}' for number in range(4) for i in "ab" for s in ("train", "validation", "test")
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    dataset = load_dataset(path)
    assert dataset.tickets[0].text == "hello,\n0"
    assert dataset.labels == ("a", "b")


def test_without_a_split_rows_of_one_template_stay_together(tmp_path: Path) -> None:
    content = [
        {"text": f"text {number} {copy}", "intent": intent, "template": f"{intent}/{number}"}
        for intent in ("refund", "cancel")
        for number in range(60)
        for copy in range(3)
    ]
    dataset = load_dataset(write(tmp_path / "tickets.jsonl", content))
    splits_of_template: dict[str, set[str]] = {}
    for ticket in dataset.tickets:
        key = f"{ticket.intent}/{ticket.text.split()[1]}"
        splits_of_template.setdefault(key, set()).add(ticket.split)
    assert all(len(splits) == 1 for splits in splits_of_template.values())
    assert 0.55 < len(dataset.part("train")) / len(dataset.tickets) < 0.85


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", r"line 37: is not JSON"),
        ("[1]", r"line 37: is not a JSON object"),
        ('{"intent": "refund"}', r"line 37: text is missing"),
        ('{"text": "", "intent": "refund"}', r"line 37: text is empty"),
        ('{"text": "  ", "intent": "refund"}', r"line 37: text is empty"),
        ('{"text": 5, "intent": "refund"}', r"line 37: text is not a text"),
        ('{"text": "a"}', r"line 37: intent is missing"),
        ('{"text": "a", "intent": "refund", "split": "held"}', r"line 37: split is 'held'"),
        ('{"text": "a", "intent": "rare", "split": "train"}', r"intent 'rare' has 1 rows"),
    ],
)
def test_an_unusable_row_is_named_with_its_line(tmp_path: Path, line: str, problem: str) -> None:
    path = write(tmp_path / "tickets.jsonl", rows())
    path.write_text(path.read_text(encoding="utf-8") + "\n" + line, encoding="utf-8")
    with pytest.raises(InvalidData, match=problem):
        load_dataset(path)


def test_an_unusable_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    with pytest.raises(InvalidData, match="cannot be read"):
        load_dataset(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(InvalidData, match="holds no rows"):
        load_dataset(path)
    path.write_bytes(b'{"text": "a"}\n{"text": "\xe9"}')
    with pytest.raises(InvalidData, match=r"line 2: is not UTF-8: byte 24 \(0xE9\)"):
        load_dataset(path)
    with pytest.raises(InvalidData, match="fewer than two intents"):
        load_dataset(write(path, [row()]))
    with pytest.raises(InvalidData, match="no rows for train"):
        load_dataset(write(path, [item for item in rows() if item["split"] != "train"]))
    with pytest.raises(InvalidData, match="'cancel' has no row in train"):
        load_dataset(write(path, [item for item in rows() if item["intent"] != "cancel" or item["split"] != "train"]))


def test_every_label_needs_a_category(tmp_path: Path) -> None:
    path = tmp_path / "intents.json"
    path.write_text('[{"intent": "refund", "category": "REFUND"}]', encoding="utf-8")
    assert load_categories(path, ["refund"]) == {"refund": "REFUND"}
    with pytest.raises(InvalidData, match="no entry for 'cancel'"):
        load_categories(path, ["refund", "cancel"])
    path.write_text('{"refund": 1}', encoding="utf-8")
    with pytest.raises(InvalidData, match="is not a JSON list"):
        load_categories(path, ["refund"])


def test_without_a_file_of_categories_every_intent_belongs_to_the_general_queue(tmp_path: Path) -> None:
    assert categories_beside(tmp_path / "mine.csv", ["refund", "cancel"]) == {"refund": GENERAL, "cancel": GENERAL}
    (tmp_path / "intents.json").write_text('[{"intent": "refund", "category": "REFUND"}]', encoding="utf-8")
    assert categories_beside(tmp_path / "mine.csv", ["refund"]) == {"refund": "REFUND"}
