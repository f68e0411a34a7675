"""Columns are guessed where that is safe, and asked for where it is not."""

import pytest

from helpdesk.errors import InvalidData
from models.columns import Columns, choose_columns
from models.table_file import Table, TableRow


def table(*columns: str) -> Table:
    return Table("rows.csv", columns, (TableRow(2, {column: f"a value of {column}" for column in columns}),), "")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("text", "category"), Columns("text", "category")),
        (("flags", "instruction", "category", "intent", "response"), Columns("instruction", "intent")),
        (("Text", "Label", "fold"), Columns("Text", "Label", split="fold")),
        (("text", "intent", "template", "split"), Columns("text", "intent", split="split", group="template")),
    ],
)
def test_columns_with_usual_names_are_found(names: tuple[str, ...], expected: Columns) -> None:
    assert choose_columns(table(*names)) == expected


def test_several_candidates_are_asked_about() -> None:
    with pytest.raises(
        InvalidData, match=r"the label could be in 'label' or 'category' \(say which with --label-column\)"
    ):
        choose_columns(table("text", "label", "category"))
    assert choose_columns(table("text", "label", "category"), label="category").label == "category"


def test_where_no_name_is_known_the_columns_are_shown_with_a_value() -> None:
    with pytest.raises(InvalidData, match=r"held the text; there are 'a' \(a value of a\), 'b' .*--text-column"):
        choose_columns(table("a", "b"))


def test_a_column_that_is_named_must_exist() -> None:
    with pytest.raises(InvalidData, match="has no column 'c'; it has 'text'"):
        choose_columns(table("text", "intent"), text="c")
