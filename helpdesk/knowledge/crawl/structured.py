"""Questions that a page states for machines: schema.org's Question, as JSON-LD or as microdata.

Only accepted answers count. What readers of a page suggest (QAPage) is not what the shop says.
"""

import html
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime

from bs4 import BeautifulSoup, Tag

from helpdesk.knowledge.crawl.entries import Entry
from helpdesk.knowledge.crawl.page import language_of, short_language
from helpdesk.knowledge.findings import Finding, warning

_TYPE = re.compile(r"(?:https?://schema\.org/|schema:)?Question")
_MICRODATA = re.compile(r"schema\.org/Question/?$")
_COMMENT = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\s*\]\]>|\]\]>)\s*$")
_TAG = re.compile(r"<[a-zA-Z!/][^<>]*>")
_MAX_NODES = 10_000


def structured_entries(page: BeautifulSoup, where: str) -> tuple[list[Entry], list[Finding]]:
    """Return the questions that a page states for machines, each once, and what was wrong with them."""
    entries: list[Entry] = []
    findings: list[Finding] = []
    language = language_of(page.html) if page.html else ""
    for script in page.find_all("script", type=re.compile(r"^\s*application/ld\+json", re.IGNORECASE)):
        try:
            document = json.loads(_COMMENT.sub("", script.string or script.get_text()), strict=False)
        except (ValueError, RecursionError) as failure:
            why = "it nests too deep" if isinstance(failure, RecursionError) else str(failure)[:80]
            problem = f"holds JSON-LD that cannot be read: {why}"
            findings.append(warning("json-ld", where, problem, "its visible text was read; tell the page's owner"))
            continue
        entries += _json_entries(document, language)
    entries += _microdata_entries(page)
    answered = {entry.question: entry for entry in reversed(entries) if entry.answer}
    for question in dict.fromkeys(entry.question for entry in entries if entry.question not in answered):
        problem = f"states the question “{question[:60]}” without an accepted answer"
        findings.append(warning("no-answer", where, problem, "accept an answer on the page, or leave it out"))
    return [answered[name] for name in dict.fromkeys(entry.question for entry in entries) if name in answered], findings


def as_html(text: str) -> str:
    """Return a text of JSON-LD as HTML, whether it is that, HTML with its signs escaped, or plain lines."""
    if not _TAG.search(text) and _TAG.search(unescaped := html.unescape(text)):
        text = unescaped
    if _TAG.search(text):
        return text
    lines = (" ".join(line.split()) for line in html.unescape(text).splitlines())
    return "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in lines if line)


def _json_entries(document: object, language: str) -> Iterator[Entry]:
    nodes = list(_nodes(document))
    by_id = {str(node["@id"]): node for node in nodes if "@id" in node and len(node) > 1}
    for node in nodes:
        if any(_TYPE.fullmatch(str(name)) for name in _listed(node.get("@type"))):
            question = _plain(_text(node.get("name") or node.get("text") or node.get("headline")))
            answers = [_resolved(answer, by_id) for answer in _listed(node.get("acceptedAnswer"))]
            texts = [as_html(text) for answer in answers if (text := _answer_text(answer)).strip()]
            dates = (_date(part.get("dateModified")) for part in (*answers, node) if isinstance(part, Mapping))
            named = short_language(_text(node.get("inLanguage")))
            if question:
                yield Entry(question, "\n".join(texts), named or language, next(filter(None, dates), ""))


def _nodes(document: object) -> Iterator[Mapping[str, object]]:
    """Yield every object of a document, the outer ones first, whatever they are called and however deep they lie."""
    waiting: deque[object] = deque([document])
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        match waiting.popleft():
            case dict() as node:
                yield node
                waiting += node.values()
            case list() as items:
                waiting += items


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _resolved(value: object, by_id: Mapping[str, Mapping[str, object]]) -> object:
    if isinstance(value, Mapping) and set(value) == {"@id"}:
        return by_id.get(str(value["@id"]), value)
    return value


def _answer_text(answer: object) -> str:
    return _text(answer.get("text") or answer.get("description")) if isinstance(answer, Mapping) else _text(answer)


def _text(value: object) -> str:
    """Return a text, also where it is given with its language or in a list."""
    match value:
        case str():
            return value
        case {"@value": str(text)}:
            return text
        case [first, *_]:
            return _text(first)
    return ""


def _plain(text: str) -> str:
    return " ".join(BeautifulSoup(f"<!doctype html><p>{as_html(text)}", "lxml").get_text(" ").split())


def _date(value: object) -> str:
    try:
        return datetime.fromisoformat(_text(value)).date().isoformat()
    except ValueError:
        return ""


def _microdata_entries(page: BeautifulSoup) -> Iterator[Entry]:
    for item in page.find_all(itemtype=_MICRODATA):
        name, accepted = item.find(itemprop="name"), item.find(itemprop="acceptedAnswer")
        answer = accepted.find(itemprop="text") or accepted if isinstance(accepted, Tag) else None
        if name is not None:
            question = " ".join(str(name.get("content") or name.get_text(" ")).split())
            yield Entry(question, answer.decode_contents() if answer is not None else "", language_of(item))
