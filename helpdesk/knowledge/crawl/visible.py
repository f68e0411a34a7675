"""Questions that a page shows: accordions, definition lists, and headings that ask."""

import html
import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag

from helpdesk.knowledge.crawl.entries import Entry, is_answer, is_question
from helpdesk.knowledge.crawl.page import language_of
from helpdesk.knowledge.page_html import line_of, main_of

_HEADINGS = re.compile(r"^h[1-6]$")
_WORD = re.compile(r"[\w?？؟]")
_MIN_DEFINITION_WORDS = 8


def opened(page: BeautifulSoup) -> None:
    """Make visible what a reader opens with a click: the panels of accordions and tabs; their signs (+, ›, #) go."""
    panels = [panel for _, panel in _accordions(page)]
    for panel in (*panels, *page.find_all(role="tabpanel")):
        for name in ("hidden", "aria-hidden", "style"):
            del panel[name]
    for opener in page.find_all(_is_opener):
        for sign in opener.find_all(["svg", "span", "i", "a"]):
            if not sign.decomposed and (sign.get("aria-hidden") == "true" or not _WORD.search(sign.get_text())):
                sign.decompose()


def accordion_entries(page: BeautifulSoup) -> Iterator[Entry]:
    """Yield the questions of ``<details>``, of buttons that open a panel, and of definition lists, the last ones first.

    They are taken out of the page, the inner ones first, so that no answer holds another question.
    """
    main = main_of(page)
    for definitions in _inner_first(main, "dl"):
        yield from _definition_entries(definitions)
    for details in _inner_first(main, "details"):
        if summary := details.find("summary", recursive=False):
            answer = "".join(_as_html(child) for child in details.children if child is not summary)
            yield from _taken(line_of(summary), answer, language_of(details), details)
    for trigger, panel in reversed(_accordions(main)):
        yield from _taken(line_of(trigger), panel.decode_contents(), language_of(panel), panel)


def heading_entries(page: BeautifulSoup) -> Iterator[Entry]:
    """Yield the headings that ask, each with what stands below it, up to the next one that asks or is not below it."""
    for heading in main_of(page).find_all(_HEADINGS):
        if is_question(question := line_of(heading)):
            yield from _entry(question, "".join(_below(heading)), language_of(heading))


def section_entries(page: BeautifulSoup) -> Iterator[Entry]:
    """Yield the sections of a page below its second-level headings."""
    for heading in main_of(page).find_all("h2"):
        yield from _entry(line_of(heading), "".join(_below(heading)), language_of(heading))


def _is_opener(tag: Tag) -> bool:
    return tag.name == "summary" or tag.has_attr("aria-controls") or _HEADINGS.match(tag.name) is not None


def _is_trigger(tag: Tag) -> bool:
    is_menu = tag.has_attr("aria-haspopup") or tag.get("role") == "tab"
    return tag.has_attr("aria-controls") and tag.has_attr("aria-expanded") and not is_menu


def _inner_first(root: Tag, name: str) -> list[Tag]:
    return list(root.find_all(name))[::-1]


def _accordions(root: Tag) -> list[tuple[Tag, Tag]]:
    """Return what opens and closes another element, with that; menus and tabs are something else."""
    by_id = {str(tag["id"]): tag for tag in root.find_all(id=True)}
    found: list[tuple[Tag, Tag]] = []
    for trigger in root.find_all(_is_trigger):
        panel = by_id.pop(str(trigger["aria-controls"]), None)
        if panel is not None and panel not in (trigger, *trigger.parents):
            found.append((trigger, panel))
    return found


def _entry(question: str, answer: str, language: str) -> Iterator[Entry]:
    if question and is_answer(answer):
        yield Entry(question, answer, language)


def _taken(question: str, answer: str, language: str, *elements: Tag) -> list[Entry]:
    """Return the entry, if it is one, and take its elements out of their page."""
    entries = list(_entry(question, answer, language))
    for element in elements if entries else ():
        element.decompose()
    return entries


def _definition_entries(definitions: Tag) -> Iterator[Entry]:
    """Yield the terms of a list, last first, that ask or are explained at length; a table of facts stays there."""
    groups: list[tuple[list[Tag], list[Tag]]] = []
    for item in definitions.find_all(["dt", "dd"]):
        if item.name == "dt" and (not groups or groups[-1][1]):
            groups.append(([], []))
        if groups:
            groups[-1][item.name == "dd"].append(item)
    for terms, answers in reversed(groups):
        question = " ".join(map(line_of, terms))
        words = sum(len(line_of(answer).split()) for answer in answers)
        if answers and (is_question(question) or words >= _MIN_DEFINITION_WORDS):
            answer = "".join(f"<div>{answer.decode_contents()}</div>" for answer in answers)
            yield from _taken(question, answer, language_of(answers[0]), *terms, *answers)


def _below(heading: Tag) -> Iterator[str]:
    """Yield as HTML what follows a heading, looking beyond its wrapper where nothing follows inside it."""
    start = heading
    while start.find_next_sibling() is None and start.parent is not None and start.parent.name in ("div", "header"):
        start = start.parent
    for element in start.next_siblings:
        if isinstance(element, Tag):
            inner = element if _HEADINGS.match(element.name) else element.find(_HEADINGS)
            if inner is not None and (inner.name <= heading.name or is_question(line_of(inner))):
                return
        yield _as_html(element)


def _as_html(element: PageElement) -> str:
    if isinstance(element, Tag):
        return str(element)
    return html.escape(element, quote=False) if type(element) is NavigableString else ""
