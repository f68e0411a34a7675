"""What is wrong with labelled rows: findings with a count, examples by line, and what to do about each."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from helpdesk.corrections import OUT_OF_SCOPE
from models.near_duplicates import Groups
from models.splitting import SPLITS

MIN_ROWS_PER_INTENT = 4
FEW_ROWS_PER_INTENT = 20
MAX_TEXT_CHARACTERS = 131_072
MAX_LABEL_CHARACTERS = 200
MAX_EXAMPLES = 3
_EXAMPLE_CHARACTERS = 60
_EXAMPLE_SOURCE = 1_000


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A row of a file before it is trusted: any value may be missing or of another type.

    Attributes:
        split: as the file says it, or empty.
        group: what the file says belongs together, or empty.
    """

    line: int
    text: object
    label: object
    split: str
    group: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of problem in a file.

    Attributes:
        severity: training stops at an error and goes on after a warning.
        lines: where the first examples are.
        examples: what stands there.
    """

    severity: Literal["error", "warning"]
    problem: str
    count: int
    remedy: str
    lines: tuple[int, ...] = ()
    examples: tuple[str, ...] = ()


def check_cells(rows: Sequence[LabelledRow]) -> list[Finding]:
    """Return what is wrong with single rows; all of it stops a training."""
    found: dict[tuple[str, str], list[LabelledRow]] = defaultdict(list)
    for row in rows:
        for name, value in (("text", row.text), ("intent", row.label)):
            if value is None:
                found[f"{name} is missing", "every row needs a text and an intent"].append(row)
            elif not isinstance(value, str):
                found[f"{name} is not a text", "write it as a string"].append(row)
            elif not value.strip():
                found[f"{name} is empty", "fill it in, or delete the row"].append(row)
        if isinstance(row.text, str) and len(row.text) > MAX_TEXT_CHARACTERS:
            found[f"text is longer than {MAX_TEXT_CHARACTERS} characters", "shorten it"].append(row)
        if isinstance(row.label, str):
            name = row.label.strip()
            if len(name) > MAX_LABEL_CHARACTERS:
                remedy = "shorten it; perhaps it is not the label's column"
                found[f"intent is longer than {MAX_LABEL_CHARACTERS} characters", remedy].append(row)
            elif not name.isprintable():
                found["intent holds a line break or a character that cannot be shown", "write it in one line"].append(
                    row
                )
        if row.split and row.split not in SPLITS:
            remedy = f"use one of {', '.join(SPLITS)}, or leave it out"
            found[f"split is {shortened(row.split)!r}", remedy].append(row)
    return [_finding("error", problem, remedy, rows) for (problem, remedy), rows in found.items()]


def check_intents(labels: Sequence[str], splits: Sequence[str]) -> list[Finding]:
    """Return what stops a model from learning the intents, or from showing that it did."""
    counts = Counter(labels)
    intents = sorted(set(counts) - {OUT_OF_SCOPE})
    if len(intents) < 2:
        remedy = "add rows of another intent; a column with one value is perhaps not the label's"
        return [Finding("error", "the file holds fewer than two intents", 1, remedy, examples=tuple(intents))]
    findings = [
        Finding("error", f"the file has no rows for {split}", 1, "add rows, or leave `split` out")
        for split in SPLITS
        if split not in splits
    ]
    tiny = [intent for intent in intents if counts[intent] < MIN_ROWS_PER_INTENT]
    if tiny:
        problem = f"intent {tiny[0]!r} has {counts[tiny[0]]} rows"
        remedy = f"give each intent {MIN_ROWS_PER_INTENT} rows or more, or merge it with another"
        findings.append(Finding("error", problem, len(tiny), remedy, examples=_named(tiny, counts)))
    present = Counter(zip(labels, splits, strict=True))
    untrained = [intent for intent in intents if not present[intent, "train"]]
    if untrained and "train" in splits:
        problem = f"intent {untrained[0]!r} has no row in train"
        findings.append(Finding("error", problem, len(untrained), "add some", examples=_named(untrained, counts)))
    few = [intent for intent in intents if MIN_ROWS_PER_INTENT <= counts[intent] < FEW_ROWS_PER_INTENT]
    if few:
        problem = f"intents with fewer than {FEW_ROWS_PER_INTENT} rows"
        remedy = "expect their threshold to be out of reach, so that people answer them; collect more rows"
        findings.append(Finding("warning", problem, len(few), remedy, examples=_named(few, counts)))
    for split, consequence in (("validation", "they cannot be calibrated"), ("test", "they are not measured")):
        absent = [intent for intent in intents if not present[intent, split]]
        if absent and split in splits:
            remedy = f"{consequence}; add rows that say it in other words"
            problem = f"intents without a row in {split}"
            findings.append(Finding("warning", problem, len(absent), remedy, examples=_named(absent, counts)))
    return findings


def check_repetition(
    rows: Sequence[LabelledRow],
    labels: Sequence[str],
    splits: Sequence[str],
    forms: Sequence[tuple[str, ...]],
    near: Groups,
) -> list[Finding]:
    """Return texts that occur twice: under two intents, in two splits, or for nothing."""
    same: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, form in enumerate(forms):
        same[form].append(number)
    conflicting, leaking, repeated = [], [], []
    for numbers in same.values():
        if len(numbers) > 1 and len({labels[number] for number in numbers}) > 1:
            conflicting += numbers
        if len({splits[number] for number in numbers}) > 1:
            leaking += _held_out(numbers, splits)
        else:
            repeated += numbers[1:]
    similar: dict[int, list[int]] = defaultdict(list)
    for number in range(len(rows)):
        similar[near.of(number)].append(number)
    exact = set(leaking)
    close = [
        number
        for numbers in similar.values()
        if len({splits[number] for number in numbers}) > 1
        for number in _held_out(numbers, splits)
        if number not in exact
    ]

    def warning(problem: str, remedy: str, numbers: Sequence[int]) -> Finding:
        return _finding("warning", problem, remedy, [rows[number] for number in numbers], labels, numbers)

    findings = [
        ("the same text under several intents", "decide for one; a model cannot be right about both", conflicting),
        (
            "the same text in several splits",
            "the figures flatter: delete the copies, or leave `split` out and let this program divide the file",
            leaking,
        ),
        (
            "texts that differ in one word from one in another split",
            "the figures flatter a little: keep such texts in one split",
            close,
        ),
        (
            "texts that read the same, in one split",
            "harmless if customers really repeat them; else delete the copies",
            repeated,
        ),
    ]
    return [warning(problem, remedy, numbers) for problem, remedy, numbers in findings if numbers]


def _held_out(numbers: Sequence[int], splits: Sequence[str]) -> list[int]:
    """Return the rows of a group that were to measure what the others taught."""
    first = min(SPLITS.index(splits[number]) for number in numbers)
    return [number for number in numbers if SPLITS.index(splits[number]) > first]


def _finding(
    severity: Literal["error", "warning"],
    problem: str,
    remedy: str,
    rows: Sequence[LabelledRow],
    labels: Sequence[str] = (),
    numbers: Sequence[int] = (),
) -> Finding:
    first = rows[:MAX_EXAMPLES]
    named = [f" → {labels[number]}" for number in numbers[:MAX_EXAMPLES]] or [""] * len(first)
    examples = tuple(shortened(row.text) + name for row, name in zip(first, named, strict=True))
    return Finding(severity, problem, len(rows), remedy, tuple(row.line for row in first), examples)


def _named(intents: Sequence[str], counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{intent} ({counts[intent]})" for intent in intents[:MAX_EXAMPLES])


def shortened(value: object, limit: int = _EXAMPLE_CHARACTERS) -> str:
    """Return a value as one line that a terminal shows and does not obey."""
    text = " ".join(str("" if value is None else value)[:_EXAMPLE_SOURCE].split())
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
