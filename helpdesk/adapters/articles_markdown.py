"""Reads articles from a directory of Markdown files with front matter, or from a CSV or JSONL file."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from helpdesk.errors import InvalidData
from helpdesk.ports.knowledge import Article

_REQUIRED = ("id", "title", "question", "intent", "category", "body")
_OPTIONAL = ("updated", "url", "tags")
_FENCE = "---"


def read_articles(path: Path) -> list[Article]:
    """Read every article under a directory, or in one ``.md``, ``.csv`` or ``.jsonl`` file, in the order of their ids.

    An article without a ``url`` gets one where a ``brand.json`` in the directory, or beside it, names an
    ``article_url_prefix``. In a CSV file, tags are separated by semicolons.

    Raises:
        InvalidData: names the file, the line where it can, and what to do.
    """
    if not path.exists():
        raise InvalidData("does not exist", field=str(path), remedy="name a directory of .md files, a .csv or a .jsonl")
    try:
        rows = list(_rows(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"cannot be read: {error}", field=str(path), remedy="save it as UTF-8 text") from error
    if not rows:
        raise InvalidData("holds no articles", field=str(path), remedy="name a directory of .md files, or a file")
    prefix = _url_prefix(path)
    articles = [_article(where, row, prefix) for where, row in rows]
    return sorted(articles, key=lambda article: article.article_id)


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.is_dir():
        for file in sorted(path.rglob("*.md")):
            yield str(file), _markdown(file)
        return
    match path.suffix.lower():
        case ".md":
            yield str(path), _markdown(path)
        case ".csv":
            with path.open(encoding="utf-8-sig", newline="") as lines:
                for row in (reader := csv.DictReader(lines)):
                    tags = [tag.strip() for tag in (row.get("tags") or "").split(";") if tag.strip()]
                    yield f"{path}:{reader.line_num}", {**row, "tags": tags}
        case ".jsonl":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if line.strip():
                    yield f"{path}:{number}", _json_object(f"{path}:{number}", line)
        case suffix:
            raise InvalidData(f"has the unknown ending {suffix!r}", field=str(path), remedy="use .md, .csv or .jsonl")


def _markdown(file: Path) -> Mapping[str, Any]:
    text = file.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    opening, separator, rest = text.partition(f"{_FENCE}\n")
    head, closing, body = rest.partition(f"\n{_FENCE}\n")
    if opening.strip() or not separator or not closing:
        raise InvalidData("has no front matter", field=str(file), remedy="open it with lines between two `---`")
    try:
        fields = yaml.safe_load(head)
    except yaml.YAMLError as error:
        raise InvalidData(f"its front matter is no YAML: {error}", field=str(file), remedy="correct it") from error
    if not isinstance(fields, dict):
        raise InvalidData("its front matter is no list of names and values", field=str(file), remedy="correct it")
    return {**fields, "body": body.strip()}


def _json_object(where: str, line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InvalidData(f"is no JSON: {error}", field=where, remedy="write one JSON object per line") from error
    if not isinstance(row, dict):
        raise InvalidData("is no JSON object", field=where, remedy="write one JSON object per line")
    return row


def _article(where: str, row: Mapping[str, Any], url_prefix: str) -> Article:
    unknown = sorted(str(name) for name in row if name not in (*_REQUIRED, *_OPTIONAL))
    if unknown:
        known = ", ".join((*_REQUIRED, *_OPTIONAL))
        raise InvalidData(f"has the unknown field {unknown[0]!r}", field=where, remedy=f"the fields are: {known}")
    missing = [name for name in _REQUIRED if not str(row.get(name) or "").strip()]
    if missing:
        raise InvalidData(f"lacks {', '.join(missing)}", field=where, remedy="add it")
    tags = row.get("tags") or []
    if not isinstance(tags, list):
        raise InvalidData("its tags are no list", field=where, remedy="write them as [one, two]")
    values = {name: str(row.get(name) or "").strip() for name in (*_REQUIRED, "updated", "url")}
    article_id = values.pop("id")
    if not values["url"] and url_prefix:
        values["url"] = url_prefix + article_id
    return Article(article_id=article_id, tags=tuple(str(tag) for tag in tags), **values)


def _url_prefix(path: Path) -> str:
    for directory in (path, path.parent):
        file = directory / "brand.json"
        if file.is_file():
            prefix = _json_object(str(file), file.read_text(encoding="utf-8")).get("article_url_prefix", "")
            return str(prefix)
    return ""
