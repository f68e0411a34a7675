"""Makes raw articles of a page: one of each question that it answers, or one of the whole page."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import httpx
from bs4 import BeautifulSoup

from helpdesk.knowledge.crawl.entries import Entry, is_answer, parsed
from helpdesk.knowledge.crawl.fetching import Fetched
from helpdesk.knowledge.crawl.page import about, language_of, with_whole_links, without_boilerplate
from helpdesk.knowledge.crawl.structured import structured_entries
from helpdesk.knowledge.crawl.visible import accordion_entries, heading_entries, opened, section_entries
from helpdesk.knowledge.findings import Finding, error, warning
from helpdesk.knowledge.page_html import line_of, main_of, parse_html, read_fragment, read_page
from helpdesk.knowledge.sources import RawArticle, Sources
from helpdesk.knowledge.wording import LONG_BODY_CHARACTERS

TAG = "crawled"
"""Which articles come from a crawl; no other article is ever changed or removed by one."""
MAX_QUESTIONS = 500
"""Of one page; a page with more is left out, because reading them all would take minutes."""
_NO_WORD = re.compile(r"[^a-z0-9]+")
_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class PageRead:
    """What a page gave.

    Attributes:
        address: the one it calls its own.
        links: to other pages, in their order.
    """

    address: httpx.URL
    sources: Sources
    links: tuple[httpx.URL, ...] = ()


def read_articles(fetched: Fetched, *, languages: Collection[str] = ()) -> PageRead:
    """Read a page: what it states for machines and its accordions, else headings that ask, else all of it.

    Args:
        languages: only articles in one of these, or of no stated language, are kept; empty for all.
    """
    where = str(fetched.url)
    page = parse_html(where, fetched.content, charset=fetched.charset)
    if isinstance(page, Finding):
        return PageRead(fetched.url, Sources(findings=(page,)))
    said = about(page, fetched)
    if not said.keep:
        finding = warning("noindex", where, "asks not to be kept (noindex)", "nothing, or ask its owner")
        return PageRead(said.address, Sources(findings=(finding,)), said.links)
    stated, findings = structured_entries(page, where)
    opened(page)
    without_boilerplate(page)
    with_whole_links(page, said.base)
    shown = list(islice(accordion_entries(page), MAX_QUESTIONS + 1))[::-1]
    entries = _once([*stated, *shown]) or _once(list(islice(heading_entries(page), MAX_QUESTIONS + 1)))
    if len(entries) > MAX_QUESTIONS or len(shown) > MAX_QUESTIONS:
        problem = f"answers more than {MAX_QUESTIONS} questions"
        return PageRead(said.address, Sources(findings=(error("too-many", where, problem, "split it"),)), said.links)
    if entries:
        articles, more = _of_entries(entries, said.address, said.base, where)
    else:
        articles, more = _of_page(page, said.address, where)
    wanted = [item for item in articles if not languages or item.language in ("", *languages)]
    if len(wanted) < len(articles):
        problem = f"holds {len(articles) - len(wanted)} article(s) in another language; left out"
        more.append(warning("language", where, problem, f"nothing; only {', '.join(languages)} was asked for"))
    if not articles:
        more.append(warning("no-article", where, "holds no question with an answer, and no text", "look at it"))
    return PageRead(said.address, Sources(tuple(item.raw for item in wanted), (*findings, *more)), said.links)


@dataclass(frozen=True, slots=True)
class _Found:
    raw: RawArticle
    language: str


def _once(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries of which no two ask the same; the first one, which the page states for machines, stays."""
    return list({_plain(entry.question): entry for entry in reversed(entries)}.values())[::-1]


def _of_entries(
    entries: Sequence[Entry], address: httpx.URL, base: httpx.URL, where: str
) -> tuple[list[_Found], list[Finding]]:
    found: list[_Found] = []
    findings: list[Finding] = []
    for entry in entries:
        answer = parsed(entry.answer)
        with_whole_links(answer, base)
        body, more = read_fragment(where, answer)
        fields: dict[str, object] = {"question": entry.question, "body": body, "updated": entry.updated}
        if body:
            found.append(_found(fields, address, where, entry.language, _name(entry.question, address)))
        findings += more
    return found, findings


def _of_page(page: BeautifulSoup, address: httpx.URL, where: str) -> tuple[list[_Found], list[Finding]]:
    """Return the whole page as one article; of a long one, each section."""
    main = main_of(page)
    if not is_answer(main.decode_contents()):
        return [], []
    if len(main.get_text()) > LONG_BODY_CHARACTERS and len(sections := list(section_entries(page))) > 1:
        heading = main.find("h1")
        of = f"{line_of(heading)}: " if heading else ""
        return _of_entries([replace(item, question=of + item.question) for item in sections], address, address, where)
    language = language_of(main)
    read = read_page(where, page)
    [raw] = read.articles
    fields = {name: value for name, value in raw.fields.items() if name in ("title", "body")}
    findings = [finding for finding in read.findings if finding.code != "script"]  # every page has scripts
    name = _name(address.path, address)
    return [_found(fields, address, where, language, name)] if "body" in fields else [], findings


def _found(fields: dict[str, object], address: httpx.URL, where: str, language: str, name: str) -> _Found:
    tags = [TAG, *([f"lang:{language}"] if language else ())]
    return _Found(RawArticle(where, {**fields, "url": str(address), "tags": tags}, fallback_id=name), language)


def _name(words: str, address: httpx.URL) -> str:
    """Return an id that stays the same as long as the page's address and the words do."""
    ascii_only = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    readable = _NO_WORD.sub("-", ascii_only).strip("-")[:_NAME_CHARACTERS].strip("-") or "page"
    digest = hashlib.sha256("\n".join((str(address), words)).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable}-{digest[:8]}"


def _plain(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())
