"""A CSV, TSV, JSON or JSONL file as rows with their line numbers; what cannot be read is named by line and byte."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpdesk.errors import InvalidData

PAIR_COLUMNS = ("text", "intent")
"""What the two values of a row are called where a JSON file holds pairs."""
SPLIT_COLUMN = "split"
_DELIMITERS = ",;\t|"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SPACE = re.compile(r"\s*")
_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
_MAX_CELL_CHARACTERS = 2**24
MAX_FILE_BYTES = 2**28
"""A hundred times the largest of the usual sets; what is larger would only fill the memory."""
_SUSPICIOUS_NULS = 0.1


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: values by column, and the line on which it begins."""

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file.

    Attributes:
        columns: in the order of their first appearance.
        sha256: of the file's bytes.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    sha256: str


def read_table(path: Path, *, encoding: str = "") -> Table:
    """Read a file whose name ends in ``.csv``, ``.tsv``, ``.jsonl`` or ``.json``.

    A CSV file has a header; its delimiter is found out. A JSON file is a list of rows, or an object of such lists, each
    named after its split as in CLINC150; a row is an object, or a pair of text and label.

    Args:
        encoding: by default what the byte order mark says, else UTF-8.

    Raises:
        InvalidData: names the line, and what to do.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InvalidData(f"ends in {suffix!r}", field=str(path), remedy="use .csv, .tsv, .jsonl or .json")
    content = _content(path)
    text = _decoded(content, path, encoding)
    if suffix in (".csv", ".tsv"):
        read = _csv_rows
    else:
        read = _line_rows if suffix != ".json" or _is_lines(text) else _document_rows
    rows = tuple(read(text, path.name))
    columns = tuple(dict.fromkeys(column for row in rows for column in row.cells))
    return Table(path.name, columns, rows, hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            problem = f"is {size_bytes / 1e6:,.0f} MB large; at most {MAX_FILE_BYTES / 1e6:,.0f} MB are read"
            raise InvalidData(problem, field=str(path), remedy="draw some of its rows")
        return path.read_bytes()
    except OSError as error:
        raise InvalidData(f"cannot be read: {error.strerror}", field=str(path)) from error


def _decoded(content: bytes, path: Path, encoding: str) -> str:
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding or marked)
    except LookupError as error:
        raise InvalidData(f"there is no encoding {encoding!r}", remedy="utf-8, utf-16 and cp1252 are usual") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte {error.start} (0x{content[error.start]:02X})"
        name = {"utf-8-sig": "UTF-8"}.get(encoding or marked, (encoding or marked).upper())
        raise InvalidData(
            f"is not {name}: {found} cannot be read",
            field=f"{path}, line {line}",
            remedy="save it as UTF-8, or say what it is with --encoding; Excel often writes cp1252",
        ) from error
    if text.count("\0") > _SUSPICIOUS_NULS * len(text):
        raise InvalidData(
            "is full of NUL characters: it is perhaps UTF-16 without a byte order mark",
            field=str(path),
            remedy="try --encoding utf-16-le, or save it as UTF-8",
        )
    return text


def _csv_rows(text: str, name: str) -> Iterator[TableRow]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    line = 1
    try:
        first_line = next(io.StringIO(text, newline=""), "")
        delimiter = max(_DELIMITERS, key=lambda mark: len(next(csv.reader([first_line], delimiter=mark), [])))
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = [column.strip() for column in next(reader, [])]
        if len(set(header)) < len(header):
            raise InvalidData("names a column twice", field=f"{name}, line 1", remedy="rename one of them")
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                if len(cells) > len(header):
                    raise InvalidData(
                        f"has {len(cells)} values for {len(header)} columns",
                        field=f"{name}, line {line}",
                        remedy=f"put texts that hold {delimiter!r} in quotation marks",
                    )
                yield TableRow(line, dict(zip(header, cells, strict=False)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidData(f"is not CSV: {error}", field=f"{name}, line {line}") from error


def _line_rows(text: str, name: str) -> Iterator[TableRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InvalidData(f"is not JSON: {_named(error)}", field=f"{name}, line {number}") from error
            yield _row(value, number, name)


def _is_lines(text: str) -> bool:
    """Say whether a file called JSON holds an object per line, as many exports do."""
    first, _, rest = text.strip().partition("\n")
    try:
        return bool(rest) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _document_rows(text: str, name: str) -> Iterator[TableRow]:
    """Yield the rows of one JSON document. It is read value by value, because only so lines are known."""
    counted = _LineCounter(text)
    try:
        position = _after_space(text, 0)
        if text[position : position + 1] == "{":
            for key, start in _members(text, position):
                if text[start : start + 1] != "[":
                    raise InvalidData(
                        f"{key!r} is not a list of rows",
                        field=f"{name}, line {counted.line_of(start)}",
                        remedy="use a list of rows, or an object with a list per split",
                    )
                for place, value in _elements(text, start):
                    yield _row(value, counted.line_of(place), name, split=key)
        else:
            for place, value in _elements(text, position):
                yield _row(value, counted.line_of(place), name)
    except json.JSONDecodeError as error:
        raise InvalidData(f"is not JSON: {_named(error)}", field=f"{name}, line {error.lineno}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidData(f"is not JSON: {_named(error)}", field=name) from error


def _named(error: ValueError | RecursionError) -> str:
    """Return what JSON's reader stumbled on; Python's own words for its limits speak of Python."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()}, character {error.colno}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else "a number has thousands of digits"


def _row(value: Any, line: int, name: str, *, split: str = "") -> TableRow:
    if isinstance(value, list) and len(value) == len(PAIR_COLUMNS):
        value = dict(zip(PAIR_COLUMNS, value, strict=True))
    if not isinstance(value, dict):
        raise InvalidData("is not a JSON object", field=f"{name}, line {line}", remedy="a row is an object or a pair")
    return TableRow(line, {SPLIT_COLUMN: split, **value} if split else value)


def _members(text: str, position: int) -> Iterator[tuple[str, int]]:
    """Yield each key of the object that begins here, and where its value begins."""
    decoder = json.JSONDecoder()
    position = _after_space(text, position + 1)
    while text[position : position + 1] != "}":
        key, position = decoder.raw_decode(text, position)
        position = _after_space(text, _expect(text, position, ":"))
        yield key, position
        _, position = decoder.raw_decode(text, position)
        position = _after_space(text, position)
        if text[position : position + 1] != "}":
            position = _after_space(text, _expect(text, position, ","))


def _elements(text: str, position: int) -> Iterator[tuple[int, Any]]:
    """Yield each element of the list that begins here, with its place."""
    decoder = json.JSONDecoder()
    position = _after_space(text, _expect(text, position, "["))
    while text[position : position + 1] != "]":
        start = position
        value, position = decoder.raw_decode(text, position)
        yield start, value
        position = _after_space(text, position)
        if text[position : position + 1] != "]":
            position = _after_space(text, _expect(text, position, ","))


def _expect(text: str, position: int, mark: str) -> int:
    position = _after_space(text, position)
    if text[position : position + 1] != mark:
        raise json.JSONDecodeError(f"expecting {mark!r}", text, position)
    return position + 1


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


class _LineCounter:
    """Counts lines up to places that only go forward."""

    def __init__(self, text: str) -> None:
        self._text, self._place, self._line = text, 0, 1

    def line_of(self, place: int) -> int:
        self._line += self._text.count("\n", self._place, place)
        self._place = place
        return self._line
