"""Labelled tickets: reading them from any CSV or JSON file, and saying exactly what is wrong with a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from helpdesk.corrections import OUT_OF_SCOPE
from helpdesk.errors import InvalidData
from helpdesk.tickets import GENERAL
from models.columns import Columns, choose_columns
from models.data_check import Finding, LabelledRow, check_cells, check_intents, check_repetition
from models.near_duplicates import Groups, near_duplicate_groups, normal_form
from models.splitting import SHARES, SPLITS, divide
from models.table_file import Table, read_table

_OUT_OF_SCOPE_NAMES = frozenset({"oos", OUT_OF_SCOPE})
_SPLIT_NAMES = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation"}
_ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How a file of labelled tickets is to be read; what is empty is found out.

    Attributes:
        out_of_scope_label: the label of tickets that have none of the intents; `oos` and `out_of_scope` always are.
        seed: of the division into splits, where the file has none.
    """

    text_column: str = ""
    label_column: str = ""
    out_of_scope_label: str = ""
    encoding: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class LabelledTicket:
    """A text, what its customer wants, and the part of the data that it belongs to."""

    text: str
    intent: str
    split: str


@dataclass(frozen=True, slots=True)
class CorrectedRows:
    """Tickets whose true intent an agent has said, as training rows beside those of a file.

    Attributes:
        tickets: all for training: what is held out stays the file's own, so that versions can be compared.
        dropped: how many of those that were read take no part, by the reason; see ``models.corrections``.
        replaced: how many of the file's training rows read the same under another intent, and gave way.
        until: when the latest that was read was made; None: there were none.
    """

    tickets: tuple[LabelledTicket, ...]
    dropped: Mapping[str, int]
    replaced: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled tickets of one file.

    Attributes:
        labels: the intents in alphabetical order, without out-of-scope.
        sha256: of the file's bytes.
        corrections: from the store, where they were asked for.
    """

    tickets: tuple[LabelledTicket, ...]
    labels: tuple[str, ...]
    name: str
    sha256: str
    corrections: CorrectedRows | None = None

    def part(self, split: str) -> list[LabelledTicket]:
        """Return the tickets of one split."""
        return [ticket for ticket in self.tickets if ticket.split == split]


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that was read and checked.

    Attributes:
        dataset: None where a finding is an error.
        divided: whether this program, not the file, decided what is held out.
    """

    dataset: Dataset | None
    findings: tuple[Finding, ...]
    columns: Columns
    divided: bool


def load_dataset(path: Path, options: ReadOptions | None = None) -> Dataset:
    """Read labelled tickets to train on, see ``check_file``.

    Raises:
        InvalidData: the first error, with its line and what to do.
    """
    checked = check_file(path, options)
    if checked.dataset is None:
        error = next(finding for finding in checked.findings if finding.severity == "error")
        raise _as_error(error, path)
    return checked.dataset


def check_file(path: Path, options: ReadOptions | None = None) -> CheckedFile:
    """Read a file of rows with a text, an intent and, optionally, a split and a template; check all of it.

    Rows without a split are divided 70 : 15 : 15, intent by intent. Rows of one template stay together, or where the
    file names none, rows whose texts say the same. A file with training rows but none for validation or test keeps
    what it has, and gives up training rows for what it lacks.

    Raises:
        InvalidData: the file holds no rows, or cannot be read so far as to check them.
    """
    options = options or ReadOptions()
    table = read_table(path, encoding=options.encoding)
    columns = choose_columns(table, text=options.text_column, label=options.label_column)
    rows = _rows(table, columns)
    findings = check_cells(rows)
    if findings:
        rows = [row for row in rows if not check_cells([row])]
    labels = [_intent(str(row.label), options) for row in rows]
    forms = [normal_form(str(row.text)) for row in rows]
    near = near_duplicate_groups(forms, labels)
    splits = _splits(rows, labels, near, seed=options.seed)
    findings += [*check_intents(labels, splits), *check_repetition(rows, labels, splits, forms, near)]
    findings.sort(key=lambda finding: finding.severity != "error")
    dataset = None
    if not any(finding.severity == "error" for finding in findings):
        tickets = tuple(map(LabelledTicket, (str(row.text) for row in rows), labels, splits))
        dataset = Dataset(tickets, tuple(sorted(set(labels) - {OUT_OF_SCOPE})), table.name, table.sha256)
    divided = splits != [row.split for row in rows]
    return CheckedFile(dataset, tuple(findings), columns, divided=divided)


def load_held_out(path: Path, options: ReadOptions | None = None, *, split: str = "") -> list[LabelledTicket]:
    """Read labelled tickets to measure on.

    Args:
        split: which part; ``all``: every row; by default the test part, or every row where the file has no splits.

    Raises:
        InvalidData: the file cannot be used, or has no rows in this part.
    """
    options = options or ReadOptions()
    table = read_table(path, encoding=options.encoding)
    rows = _rows(table, choose_columns(table, text=options.text_column, label=options.label_column))
    errors = check_cells(rows)
    if errors:
        raise _as_error(errors[0], path)
    wanted = split or ("test" if any(row.split for row in rows) else _ALL)
    tickets = [
        LabelledTicket(str(row.text), _intent(str(row.label), options), row.split)
        for row in rows
        if wanted in (row.split, _ALL)
    ]
    if not tickets:
        raise InvalidData(f"has no rows for {wanted}", field=str(path), remedy=f"use --split {_ALL}")
    return tickets


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


def categories_beside(data_path: Path, labels: Sequence[str]) -> dict[str, str]:
    """Return the categories from ``intents.json`` beside the data; without it every intent is of the general queue."""
    path = data_path.with_name("intents.json")
    return load_categories(path, labels) if path.exists() else dict.fromkeys(labels, GENERAL)


def _rows(table: Table, columns: Columns) -> list[LabelledRow]:
    return [
        LabelledRow(
            line=row.line,
            text=row.cells.get(columns.text),
            label=row.cells.get(columns.label),
            split=_split_name(row.cells.get(columns.split)),
            group=str(row.cells.get(columns.group) or ""),
        )
        for row in table.rows
    ]


def _split_name(value: object) -> str:
    """Return the split that a file means; CLINC150 calls the parts of its out-of-scope rows `oos_train` and so on."""
    name = str(value or "").strip()
    plain = name.lower().removeprefix("oos_")
    plain = _SPLIT_NAMES.get(plain, plain)
    return plain if plain in SPLITS else name


def _intent(label: str, options: ReadOptions) -> str:
    label = label.strip()
    plain = label.lower().replace("-", "_").replace(" ", "_")
    return OUT_OF_SCOPE if label == options.out_of_scope_label or plain in _OUT_OF_SCOPE_NAMES else label


def _splits(rows: Sequence[LabelledRow], labels: Sequence[str], near: Groups, *, seed: int) -> list[str]:
    """Return the splits of the file, completed."""
    splits = [row.split for row in rows]
    lacking = [split for split in SPLITS if split not in splits]
    if lacking and "train" in splits:
        open_rows = [number for number, split in enumerate(splits) if split in ("", "train")]
        shares: Mapping[str, float] = {split: SHARES[split] for split in SPLITS if split in lacking or split == "train"}
    else:
        open_rows, shares = [number for number, split in enumerate(splits) if not split], SHARES
    first_of: dict[str, int] = {}
    groups = [
        first_of.setdefault(rows[number].group, number) if rows[number].group else near.of(number)
        for number in open_rows
    ]
    total = sum(shares.values())
    divided = divide(
        groups,
        [labels[number] for number in open_rows],
        seed=seed,
        shares={split: share / total for split, share in shares.items()},
    )
    for number, split in zip(open_rows, divided, strict=True):
        splits[number] = split
    return splits


def _as_error(finding: Finding, path: Path) -> InvalidData:
    where = f"{path.name}, line {finding.lines[0]}" if finding.lines else str(path)
    return InvalidData(finding.problem, field=where, remedy=finding.remedy)
