"""An HTML page as one article: its main text as Markdown, without scripts, navigation and what nobody sees."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector
from bs4.exceptions import ParserRejectedMarkup
from markdownify import markdownify

from helpdesk.knowledge.encoding import decode
from helpdesk.knowledge.findings import Finding, error, warning
from helpdesk.knowledge.sources import RawArticle, Sources

MAX_DEPTH = 200
_ACTIVE = ("script", "iframe", "object", "embed", "applet")
_NO_TEXT = ("style", "noscript", "template", "svg", "canvas", "form", "button", "nav", "footer", "aside")
_HEAD = ("head", "title", "meta", "link")
_PARAGRAPHS = ("summary", "dt", "dd")
_META = ("id", "question", "intent", "category", "updated", "tags")
_ELEMENT = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_RAW_TEXT = frozenset({"script", "style"})
_NEVER_OPEN = re.compile(
    r"area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr|p|li|d[td]|t[drh]|option|t(?:head|body|foot)"
)
"""Elements that have no end, or whose end need not be written."""
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d])", re.I)
_SAFE_LINK = re.compile(r"(?:https?:|mailto:|tel:|[^:]*$|[^:]*[/?#])", re.IGNORECASE)
_LINE_ENDS = re.compile(r"[ \t]+\n")
_BLANK_LINES = re.compile(r"\n\s*\n\s*")


def read_html(where: str, content: bytes) -> Sources:
    """Read one article.

    ``id``, ``question``, ``intent``, ``category``, ``updated`` and ``tags`` come from ``<meta name="…">``; the title
    from ``<h1>`` or ``<title>``, the address from ``<link rel="canonical">``.
    """
    page = parse_html(where, content)
    return Sources(findings=(page,)) if isinstance(page, Finding) else read_page(where, page)


def parse_html(where: str, content: bytes, *, charset: str = "") -> BeautifulSoup | Finding:
    """Return a page, or what is wrong with its bytes.

    Args:
        charset: as the server names it; empty where only the page does.
    """
    declared = charset or EncodingDetector.find_declared_encoding(content, is_html=True) or ""
    text = decode(where, content, declared=declared)
    if isinstance(text, Finding):
        return text
    too_deep = error("too-deep", where, f"nests deeper than {MAX_DEPTH} elements", "export the text without its layout")
    if _open_elements(text) > 2 * MAX_DEPTH:
        return too_deep
    try:
        # lxml, because the standard library's parser took over 20 s for 100 KB of `<a `. The doctype says that this is
        # HTML, whatever it begins with: Beautiful Soup warns of what looks like an address or XML.
        page = BeautifulSoup(f"<!doctype html>{text}", "lxml")
    except ParserRejectedMarkup:
        return error("html", where, "cannot be read as HTML", "save it with another program")
    return too_deep if _too_deep(page) else page


def read_page(where: str, page: BeautifulSoup) -> Sources:
    """Read one article from a page, whose elements are changed by it."""
    fields = dict(_fields(page))
    findings = list(_without_what_nobody_reads(page, where))
    root = main_of(page)
    if heading := root.find("h1"):
        fields["title"] = line_of(heading.extract())
    fields["body"] = _markdown(root)
    fields = {name: value for name, value in fields.items() if value}
    return Sources((RawArticle(where, fields, fallback_id=PurePosixPath(where).stem),), tuple(findings))


def read_fragment(where: str, page: BeautifulSoup) -> tuple[str, list[Finding]]:
    """Return all text of a piece of a page as Markdown, without what nobody reads, and what was left out."""
    findings = list(_without_what_nobody_reads(page, where))
    return _markdown(page.body or page), findings


def main_of(page: BeautifulSoup) -> Tag:
    """Return the element that holds a page's main text."""
    return page.find("main") or page.find("article") or page.find(role="main") or page.body or page


def line_of(element: Tag) -> str:
    """Return an element's text on one line."""
    return _line(element.get_text(" "))


def _open_elements(text: str) -> int:
    """Return how many elements are open at most, roughly: the parser takes minutes where thousands are."""
    deepest = depth = position = 0
    while found := _ELEMENT.search(text, position):
        position = found.end()
        name = found[2].lower()
        if _NEVER_OPEN.fullmatch(name):
            continue
        depth = max(0, depth + (-1 if found[1] else 1))
        deepest = max(deepest, depth)
        if name in _RAW_TEXT and not found[1]:
            position = text.find(f"</{name}", position)
            if position < 0:
                break
    return deepest


def _too_deep(page: BeautifulSoup) -> bool:
    depth = {id(page): 0}
    for tag in page.find_all(True):
        depth[id(tag)] = depth[id(tag.parent)] + 1
        if depth[id(tag)] > MAX_DEPTH:
            return True
    return False


def _fields(page: BeautifulSoup) -> Iterator[tuple[str, object]]:
    yield "title", _line(page.title.get_text()) if page.title else ""
    for name in _META:
        if meta := page.find("meta", attrs={"name": name}):
            value = _line(str(meta.get("content", "")))
            yield name, [tag.strip() for tag in value.split(",") if tag.strip()] if name == "tags" else value
    if canonical := page.find("link", rel="canonical"):
        yield "url", str(canonical.get("href", "")).strip()


def _without_what_nobody_reads(page: BeautifulSoup, where: str) -> Iterator[Finding]:
    active = page.find_all(_ACTIVE)
    hidden = [tag for tag in page.find_all(True) if _is_hidden(tag)]
    if any(tag.get_text(strip=True) for tag in hidden):
        problem = "holds text that a reader of the page does not see; it is left out"
        yield warning("hidden-text", where, problem, "look whether somebody hid it there on purpose")
    if active:
        names = ", ".join(sorted({tag.name for tag in active}))
        yield warning("script", where, f"holds {names}; left out", "nothing, if the page's text does not need it")
    for tag in (*active, *hidden, *page.find_all([*_NO_TEXT, *_HEAD])):
        tag.decompose()
    for paragraph in page.find_all(_PARAGRAPHS):
        paragraph.name = "p"
    for link in page.find_all("a", href=True):
        if not _SAFE_LINK.match(str(link["href"]).strip()):
            del link["href"]


def _is_hidden(tag: Tag) -> bool:
    if tag.name in ("html", "body"):
        return False
    shown_to_nobody = tag.has_attr("hidden") or tag.get("aria-hidden") == "true"
    return shown_to_nobody or bool(_INVISIBLE.search(str(tag.get("style", ""))))


def _markdown(root: Tag) -> str:
    text = markdownify(
        str(root),
        heading_style="ATX",
        bullets="-",
        strip=["img", "b", "strong", "i", "em"],
        autolinks=True,
        wrap=False,
        escape_asterisks=False,
        escape_underscores=False,
    )
    return _BLANK_LINES.sub("\n\n", _LINE_ENDS.sub("\n", text)).strip()


def _line(text: str) -> str:
    return " ".join(text.split())
