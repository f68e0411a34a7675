"""Reads articles from a directory, a file or an upload: Markdown with front matter, HTML, CSV, JSON Lines or JSON.

Whatever is wrong with one file is a finding, so that one report names all of it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from helpdesk.errors import InvalidData
from helpdesk.knowledge.findings import Finding, error, warning
from helpdesk.knowledge.page_html import read_html
from helpdesk.knowledge.page_markdown import read_markdown
from helpdesk.knowledge.sources import MAX_ARTICLES, MAX_FILES, MAX_PAGE_BYTES, MAX_TABLE_BYTES, RawArticle, Sources
from helpdesk.knowledge.table import read_csv, read_json, read_json_lines

Reader = Callable[[str, bytes], Sources]

PAGES: Mapping[str, Reader] = {".md": read_markdown, ".markdown": read_markdown, ".html": read_html, ".htm": read_html}
TABLES: Mapping[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
}
_READERS = {**PAGES, **TABLES}
_NO_ARTICLES = frozenset({"brand.json", "readme.md"})
_ENDINGS = "use .md, .html, .csv, .jsonl or .json"


def read_path(path: Path) -> Sources:
    """Read one file, or every article under a directory; hidden files, ``README.md`` and ``brand.json`` are left out.

    Raises:
        InvalidData: there is nothing at this path that could be read.
    """
    if not path.exists():
        raise InvalidData("does not exist", field=str(path), remedy="name a directory of articles, or a file")
    if not path.is_dir():
        if path.suffix.lower() not in _READERS:
            raise InvalidData(f"has the unknown ending {path.suffix!r}", field=str(path), remedy=_ENDINGS)
        sources = _read_file(path, _shown(Path(path.name)))
    else:
        sources = _read_directory(path)
    if not sources.articles and not sources.findings:
        raise InvalidData("holds no articles", field=str(path), remedy="name a directory of .md or .html, or a file")
    return sources


def read_upload(ending: str, content: bytes) -> Sources:
    """Read what was sent as a file with this ending.

    Raises:
        InvalidData: it holds nothing.
    """
    sources = _read_bytes(f"upload{ending}", ending, content)
    if not sources.articles and not sources.findings:
        raise InvalidData("holds no articles", field=f"upload{ending}", remedy="send at least one")
    return sources


def _read_directory(root: Path) -> Sources:
    articles: list[RawArticle] = []
    findings: list[Finding] = []
    skipped: dict[str, list[str]] = {}
    count = 0
    for file in _files(root):
        name = _shown(file.relative_to(root))
        if file.suffix.lower() not in _READERS:
            skipped.setdefault(file.suffix.lower() or "none", []).append(name)
            continue
        count += 1
        if count > MAX_FILES:
            findings.append(error("too-many", str(root), f"holds more than {MAX_FILES} files", "load a table instead"))
            break
        if not file.resolve().is_relative_to(root.resolve()):
            problem = "is a link that leads out of the directory"
            findings.append(error("outside", name, problem, "copy the file, or delete the link"))
            continue
        read = _read_file(file, name)
        articles += read.articles
        findings += read.findings
        if len(articles) > MAX_ARTICLES:
            findings.append(error("too-many", name, f"is beyond the {MAX_ARTICLES}th article", "load fewer"))
            break
    findings += [
        warning("left-out", names[0], f"{len(names)} file(s) with the ending {ending} are left out", _ENDINGS)
        for ending, names in skipped.items()
    ]
    return Sources(tuple(articles), tuple(findings))


def _shown(path: Path) -> str:
    """Return a path as text that can be printed, also where its bytes are no UTF-8."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _files(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
        if not hidden and file.is_file() and file.name.lower() not in _NO_ARTICLES:
            yield file


def _read_file(file: Path, name: str) -> Sources:
    ending = file.suffix.lower()
    try:
        with file.open("rb") as opened:
            content = opened.read(_limit(ending) + 1)
    except OSError as failure:
        return Sources(findings=(_unreadable(name, failure),))
    return _read_bytes(name, ending, content)


def _read_bytes(name: str, ending: str, content: bytes) -> Sources:
    if len(content) > _limit(ending):
        problem = f"has more than {_limit(ending):,} bytes"
        return Sources(findings=(error("too-large", name, problem, "split it"),))
    return _READERS[ending](name, content)


def _limit(ending: str) -> int:
    return MAX_PAGE_BYTES if ending in PAGES else MAX_TABLE_BYTES


def _unreadable(name: str, failure: OSError) -> Finding:
    return error("unreadable", name, f"cannot be read: {failure.strerror}", "correct the file's rights, or its name")
