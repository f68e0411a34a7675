"""Files of rows: every usual shape is read with its line numbers, and what cannot be read is named."""

import json
from pathlib import Path

import pytest

from helpdesk.errors import InvalidData
from models.table_file import read_table


def lines_and_cells(path: Path, content: str | bytes) -> list[tuple[int, dict[str, object]]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(row.line, dict(row.cells)) for row in read_table(path).rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_csv_file_is_found_out(tmp_path: Path, delimiter: str) -> None:
    content = delimiter.join(["text", "intent"]) + "\n" + delimiter.join(['"a, b; c | d"', "refund"]) + "\n"
    assert lines_and_cells(tmp_path / "rows.csv", content) == [(2, {"text": "a, b; c | d", "intent": "refund"})]


def test_a_row_of_csv_has_the_line_on_which_it_begins(tmp_path: Path) -> None:
    rows = lines_and_cells(tmp_path / "rows.csv", 'text,intent\r\n"one\r\ntwo",a\r\n\r\nthree,b\r\n')
    assert [(line, cells["text"]) for line, cells in rows] == [(2, "one\r\ntwo"), (5, "three")]


def test_a_row_of_csv_that_is_too_short_lacks_its_last_columns(tmp_path: Path) -> None:
    assert lines_and_cells(tmp_path / "rows.csv", "text,intent\nhello\n") == [(2, {"text": "hello"})]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str) -> None:
    rows = lines_and_cells(tmp_path / "rows.csv", "text,intent\nCafé?,a\n".encode(encoding))
    assert rows == [(2, {"text": "Café?", "intent": "a"})]


def test_an_encoding_that_is_named_is_used(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("text,intent\nCafé?,a\n".encode("cp1252"))
    assert read_table(path, encoding="cp1252").rows[0].cells["text"] == "Café?"
    with pytest.raises(InvalidData, match="there is no encoding 'klingon'"):
        read_table(path, encoding="klingon")


def test_a_byte_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"rows\.csv, line 2: is not UTF-8: byte 15 \(0xE9\).*cp1252"):
        lines_and_cells(tmp_path / "rows.csv", "text,intent\nCafé?,a\n".encode("cp1252"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_without_a_byte_order_mark_is_guessed_at_in_the_error(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(InvalidData, match=r"full of NUL characters.*perhaps UTF-16.*--encoding utf-16-le"):
        lines_and_cells(tmp_path / "rows.csv", "text,intent\nhello,a\n".encode(encoding))


def test_with_its_name_given_utf_16_without_a_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("text,intent\nCafé?,a\n".encode("utf-16-le"))
    assert read_table(path, encoding="utf-16-le").rows[0].cells["text"] == "Café?"


def test_utf_16_that_is_cut_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="is not UTF-16: byte"):
        lines_and_cells(tmp_path / "rows.csv", "text,intent\nhello,a".encode("utf-16")[:-1])


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one(tmp_path: Path, line_end: str) -> None:
    rows = lines_and_cells(tmp_path / "rows.csv", line_end.join(["text,intent", "one,a", "two,b", ""]))
    assert [cells["text"] for _, cells in rows] == ["one", "two"]


def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("wb") as file:
        file.truncate(2**30)  # a hole: it takes no room on the disk
    with pytest.raises(InvalidData, match=r"is 1,074 MB large; at most 268 MB are read \(draw some of its rows\)"):
        read_table(path)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    for name in ("rows.csv", "none.csv"):
        with pytest.raises(InvalidData, match="cannot be read"):
            read_table(tmp_path / name)


def test_a_json_list_is_read_whatever_its_rows_look_like(tmp_path: Path) -> None:
    content = '[\n {"text": "one", "intent": "a"},\n\n ["two", "b"]\n]'
    assert lines_and_cells(tmp_path / "rows.json", content) == [
        (2, {"text": "one", "intent": "a"}),
        (4, {"text": "two", "intent": "b"}),
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_object_of_splits_is_read(tmp_path: Path, indent: int | None) -> None:
    content = json.dumps(
        {"train": [["one", "a"], ["two", "b"]], "empty": [], "oos_val": [["three", "oos"]]}, indent=indent
    )
    rows = lines_and_cells(tmp_path / "rows.json", content)
    assert [(cells["text"], cells["split"]) for _, cells in rows] == [
        ("one", "train"),
        ("two", "train"),
        ("three", "oos_val"),
    ]
    if indent:
        assert [content.splitlines()[line - 1].strip() for line, _ in rows] == ["[", "[", "["]


def test_json_lines_are_read_under_the_name_of_json_too(tmp_path: Path) -> None:
    content = '{"text": "one"}\n{"text": "two"}\n'
    assert lines_and_cells(tmp_path / "rows.json", content) == lines_and_cells(tmp_path / "rows.jsonl", content)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("rows.csv", "text,text\na,b\n", "line 1: names a column twice"),
        ("rows.csv", "text,intent\na,b\nhello, you,b\n", "line 3: has 3 values for 2 columns .*quotation marks"),
        ("rows.csv", 'text,intent\na,b\n"hello,b\n', "line 3: is not CSV"),
        ("rows.json", '[\n{"text": "a"},\n{"text": b}\n]', "line 3: is not JSON"),
        ("rows.json", '[{"text": "a"}', "line 1: is not JSON: expecting ','"),
        ("rows.json", '{"train": {"text": "a"}}', "'train' is not a list of rows"),
        ("rows.json", "[1]", "line 1: is not a JSON object"),
        ("rows.json", "5", "is not JSON"),
        ("rows.json", '{"train": [["a", "b"],', "line 1: is not JSON"),
        ("rows.json", "[" * 100_000, "is not JSON: it is nested too deeply"),
        ("rows.json", '{"a": ' * 100_000, "'a' is not a list of rows"),
        ("rows.json", '[{"intent": ' + "9" * 5_000 + "}]", "is not JSON: a number has thousands of digits"),
        ("rows.jsonl", '{"text": "a"}\n' + "[" * 100_000, "line 2: is not JSON: it is nested too deeply"),
        ("rows.jsonl", '{"text": "a"}\n{"text": ' + "9" * 5_000 + "}", "line 2: .* thousands of digits"),
        ("rows.jsonl", '{"text": "a"}\n{"text": "b"\n{"text": "c"}', "line 2: is not JSON: expecting ',' delimiter"),
        ("rows.jsonl", '{"text": "a"}\n{"text": "b', "line 2: is not JSON: unterminated string"),
        ("rows.jsonl", '{"text": "a"}\nnull', "line 2: is not a JSON object"),
        ("rows.csv", "text,intent\n" + "x" * 2**25 + ",a\n", "line 2: is not CSV: field larger than"),
        ("rows.csv", "x" * 2**25, "line 1: is not CSV: field larger than"),
        ("rows.jsonl", '{"text": "a"}\n[1]', "line 2: is not a JSON object"),
        ("rows.xlsx", "PK", "ends in '.xlsx'"),
    ],
)
def test_what_is_no_table_is_a_clear_error(tmp_path: Path, name: str, content: str, problem: str) -> None:
    with pytest.raises(InvalidData, match=problem):
        lines_and_cells(tmp_path / name, content)
