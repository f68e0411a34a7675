"""Which columns of a table hold the text, the label, the split and the group: named by the caller, else guessed."""

from collections.abc import Sequence
from dataclasses import dataclass

from helpdesk.errors import InvalidData
from models.data_check import shortened
from models.table_file import SPLIT_COLUMN, Table

_TEXTS = (("text",), ("utterance", "instruction", "query", "sentence", "message", "question", "body", "ticket"))
_LABELS = (("intent",), ("label", "category", "class", "target", "tag"))
_SPLITS = ((SPLIT_COLUMN,), ("fold", "part", "partition"))
_GROUPS = (("template",), ("group", "group_id"))
_EXAMPLE_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a table's columns; an empty one is not there."""

    text: str
    label: str
    split: str = ""
    group: str = ""


def choose_columns(table: Table, *, text: str = "", label: str = "") -> Columns:
    """Return the columns to read; the names that are given must exist, the others are guessed.

    Raises:
        InvalidData: a name does not exist, or none or several columns could be meant.
    """
    if not table.rows:
        raise InvalidData("holds no rows", field=table.name, remedy="a CSV file needs a header and rows under it")
    return Columns(
        text=_required(table, text, _TEXTS, "text", "--text-column"),
        label=_required(table, label, _LABELS, "label", "--label-column"),
        split=next(iter(_candidates(table, _SPLITS)), ""),
        group=next(iter(_candidates(table, _GROUPS)), ""),
    )


def _required(table: Table, given: str, tiers: Sequence[Sequence[str]], what: str, option: str) -> str:
    listed = ", ".join(f"{column!r} ({_example(table, column)})" for column in table.columns)
    if given:
        if given not in table.columns:
            raise InvalidData(f"has no column {given!r}; it has {listed}", field=table.name)
        return given
    candidates = _candidates(table, tiers)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        problem = f"the {what} could be in {' or '.join(repr(column) for column in candidates)}"
    else:
        problem = f"no column is named as if it held the {what}; there are {listed}"
    raise InvalidData(problem, field=table.name, remedy=f"say which with {option}")


def _candidates(table: Table, tiers: Sequence[Sequence[str]]) -> list[str]:
    """Return the columns that bear a name of the first tier that occurs at all."""
    for names in tiers:
        found = [column for column in table.columns if column.strip().lower() in names]
        if found:
            return found
    return []


def _example(table: Table, column: str) -> str:
    return shortened(table.rows[0].cells.get(column), _EXAMPLE_CHARACTERS)
