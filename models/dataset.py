"""Labelled tickets: reading them from JSONL or CSV, and saying exactly what is wrong with a file."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpdesk.errors import InvalidData

OUT_OF_SCOPE = "out_of_scope"
SPLITS = ("train", "validation", "test")
MIN_ROWS_PER_INTENT = 4
MAX_TEXT_CHARACTERS = 131_072


@dataclass(frozen=True, slots=True)
class LabelledTicket:
    """A text, what its customer wants, and the part of the data that it belongs to."""

    text: str
    intent: str
    split: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled tickets of one file.

    Attributes:
        labels: the intents in alphabetical order, without out-of-scope.
        sha256: of the file's bytes.
    """

    tickets: tuple[LabelledTicket, ...]
    labels: tuple[str, ...]
    name: str
    sha256: str

    def part(self, split: str) -> list[LabelledTicket]:
        """Return the tickets of one split."""
        return [ticket for ticket in self.tickets if ticket.split == split]


def load_dataset(path: Path) -> Dataset:
    """Read a ``.jsonl`` or ``.csv`` file of rows with ``text``, ``intent`` and, optionally, ``split`` and ``template``.

    Without ``split``, rows are divided 70 : 15 : 15 by a hash of their template, or else of their text, so that
    rows of one template never stand on both sides.

    Raises:
        InvalidData: names the line, the column, and what to do.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise InvalidData(f"cannot be read: {error.strerror}", field=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidData("is not UTF-8", field=str(path), remedy="save it as UTF-8") from error
    rows = _csv_rows(text) if path.suffix.lower() == ".csv" else _json_rows(text, path)
    tickets = tuple(_ticket(row, f"{path.name}, line {line}") for line, row in rows)
    labels = _checked_labels(tickets, path)
    return Dataset(tickets, labels, path.name, hashlib.sha256(content).hexdigest())


def load_categories(path: Path, labels: Sequence[str]) -> dict[str, str]:
    """Return the category of each label from a JSON list of ``{"intent", "category"}``.

    Raises:
        InvalidData: the file cannot be used, or a label has no category.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        known = {str(entry["intent"]): str(entry["category"]) for entry in entries}
    except OSError as error:
        raise InvalidData(f"cannot be read: {error.strerror}", field=str(path)) from error
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidData('is not a JSON list of {"intent": …, "category": …}', field=str(path)) from error
    missing = [label for label in labels if label not in known]
    if missing:
        raise InvalidData(f"has no entry for {missing[0]!r}", field=str(path), remedy="add the intent and its category")
    return {label: known[label] for label in labels}


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidData(f"is not JSON: {error}", field=f"{path.name}, line {number}") from error
        if not isinstance(row, dict):
            raise InvalidData("is not a JSON object", field=f"{path.name}, line {number}")
        yield number, row


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(text.splitlines(keepends=True))
    for row in reader:
        yield reader.line_num, row


def _ticket(row: Mapping[str, Any], where: str) -> LabelledTicket:
    for column in ("text", "intent"):
        value = row.get(column)
        if not isinstance(value, str) or not value.strip():
            problem = "is missing" if value is None else "is empty" if isinstance(value, str) else "is not a text"
            raise InvalidData(f"{column} {problem}", field=where, remedy="every row needs a text and an intent")
    if len(row["text"]) > MAX_TEXT_CHARACTERS:
        raise InvalidData(f"text is longer than {MAX_TEXT_CHARACTERS} characters", field=where, remedy="shorten it")
    split = row.get("split") or _split_of(str(row.get("template") or row["text"]))
    if split not in SPLITS:
        raise InvalidData(f"split is {split!r}", field=where, remedy=f"use one of {', '.join(SPLITS)}, or leave it out")
    return LabelledTicket(row["text"], row["intent"].strip(), split)


def _split_of(group: str) -> str:
    share = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32
    return "train" if share < 0.70 else "validation" if share < 0.85 else "test"


def _checked_labels(tickets: Sequence[LabelledTicket], path: Path) -> tuple[str, ...]:
    if not tickets:
        raise InvalidData("holds no rows", field=str(path))
    counts = Counter(ticket.intent for ticket in tickets)
    labels = tuple(sorted(set(counts) - {OUT_OF_SCOPE}))
    if len(labels) < 2:
        raise InvalidData("holds fewer than two intents", field=str(path), remedy="add rows of another intent")
    rarest = min(labels, key=lambda label: counts[label])
    if counts[rarest] < MIN_ROWS_PER_INTENT:
        problem = f"intent {rarest!r} has {counts[rarest]} rows"
        raise InvalidData(problem, field=str(path), remedy=f"give each intent {MIN_ROWS_PER_INTENT} rows or more")
    for split in SPLITS:
        if not any(ticket.split == split for ticket in tickets):
            raise InvalidData(f"has no rows for {split}", field=str(path), remedy="add rows, or leave `split` out")
    trained = {ticket.intent for ticket in tickets if ticket.split == "train"}
    unseen = next((label for label in labels if label not in trained), None)
    if unseen:
        raise InvalidData(f"intent {unseen!r} has no row in train", field=str(path), remedy="add some")
    return labels
