"""A CSV, JSON Lines or JSON file as articles, one per row."""

import csv
import io
import json
from collections.abc import Iterator, Sequence

from helpdesk.knowledge.encoding import decode
from helpdesk.knowledge.findings import Finding, error
from helpdesk.knowledge.sources import LISTS, MAX_ARTICLES, RawArticle, Sources

_DELIMITERS = ",;\t|"
_MAX_CELL_CHARACTERS = 2**24


class _Broken(Exception):
    """Nothing after this row can be read."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def read_csv(where: str, content: bytes) -> Sources:
    """Read rows under a header; the delimiter is found out, and the items of a list are separated by semicolons."""
    text = decode(where, content)
    return Sources(findings=(text,)) if isinstance(text, Finding) else _gathered(_csv_rows(where, text), where)


def read_json_lines(where: str, content: bytes) -> Sources:
    """Read one JSON object per line."""
    text = decode(where, content)
    return Sources(findings=(text,)) if isinstance(text, Finding) else _gathered(_line_rows(where, text), where)


def read_json(where: str, content: bytes) -> Sources:
    """Read a list of objects, an object whose ``articles`` are one, or a single article."""
    text = decode(where, content)
    return Sources(findings=(text,)) if isinstance(text, Finding) else _gathered(_document_rows(where, text), where)


def _gathered(rows: Iterator[RawArticle], where: str) -> Sources:
    articles: list[RawArticle] = []
    try:
        for row in rows:
            articles.append(row)
            if len(articles) > MAX_ARTICLES:
                raise _Broken(error("too-many", row.where, f"is beyond the {MAX_ARTICLES}th article", "load fewer"))
    except _Broken as broken:
        return Sources(tuple(articles), (broken.finding,))
    if not articles:
        return Sources(findings=(error("empty", where, "holds no articles", "add a row per article"),))
    return Sources(tuple(articles))


def _csv_rows(where: str, text: str) -> Iterator[RawArticle]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    first_line = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        header = [column.strip().lower() for column in next(reader, [])]
        _require_header(where, header)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield RawArticle(f"{where}:{line}", _csv_fields(where, line, header, cells, delimiter))
            line = reader.line_num + 1
    except csv.Error as failure:
        raise _Broken(error("csv", f"{where}:{line}", f"is no CSV: {failure}", "put texts in double quotes")) from None


def _require_header(where: str, header: Sequence[str]) -> None:
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise _Broken(error("columns", f"{where}:1", f"names the column {twice!r} twice", "rename one of them"))


def _csv_fields(
    where: str, line: int, header: Sequence[str], cells: Sequence[str], delimiter: str
) -> dict[str, object]:
    if len(cells) > len(header):
        problem = f"has {len(cells)} values for {len(header)} columns"
        raise _Broken(error("columns", f"{where}:{line}", problem, f"put texts that hold {delimiter!r} in quotes"))
    fields: dict[str, object] = dict(zip(header, cells, strict=False))
    for name in LISTS & fields.keys():
        fields[name] = [item.strip() for item in str(fields[name]).split(";") if item.strip()]
    return fields


def _line_rows(where: str, text: str) -> Iterator[RawArticle]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _row(f"{where}:{number}", _parsed(f"{where}:{number}", line))


def _document_rows(where: str, text: str) -> Iterator[RawArticle]:
    document = _parsed(where, text) if text.strip() else []
    rows = document.get("articles", [document]) if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise _Broken(error("json", where, "is neither a list nor an object with `articles`", "send a list of objects"))
    for number, row in enumerate(rows, start=1):
        yield _row(f"{where}#{number}", row)


def _parsed(where: str, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as failure:
        problem = "nests too deep" if isinstance(failure, RecursionError) else f"is no JSON: {failure}"
        raise _Broken(error("json", where, problem, "write one JSON object per article")) from None


def _row(where: str, value: object) -> RawArticle:
    if not isinstance(value, dict):
        raise _Broken(error("json", where, "is no JSON object", "write one JSON object per article"))
    return RawArticle(where, value)
