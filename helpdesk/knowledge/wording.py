"""What may be wrong with the text of one article."""

import re
from collections.abc import Iterator
from functools import lru_cache

from helpdesk.knowledge.encoding import damage
from helpdesk.knowledge.findings import Finding, error, warning
from helpdesk.placeholders import find_placeholder
from helpdesk.ports.knowledge import Article

MAX_BODY_CHARACTERS = 20_000
LONG_BODY_CHARACTERS = 6_000
MIN_WORDS = 5
MAX_LINE_CHARACTERS = 500
MAX_ALSO_ASKED = 50
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TURNED = re.compile(r"[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060\ufeff]")
_ACTIVE = re.compile(
    r"<\s*(?:script|iframe|object|embed|style|link|meta|svg|form)\b|<[a-z][^>]*\son\w+\s*=|\b(?:java|vb)script\s*:"
    r"|\]\(\s*<?\s*data:",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<\s*/?\s*[a-zA-Z!][^<>]*>")
_AUTOLINK = re.compile(r"<(?:https?://|mailto:)[^<>\s]*>|<[^<>\s@]+@[^<>\s@]+>", re.IGNORECASE)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


def is_usable_id(article_id: str) -> bool:
    """Say whether an article may have this id."""
    return _ID.fullmatch(article_id) is not None


@lru_cache(maxsize=20_000)
def check_wording(article: Article) -> tuple[Finding, ...]:
    """Return what is wrong with an article's id and texts; an edit elsewhere costs no second reading."""
    return tuple(_check_wording(article))


def _check_wording(article: Article) -> Iterator[Finding]:
    name = article.article_id
    if not is_usable_id(name):
        remedy = "use at most 128 letters, digits, dots, hyphens and underscores, the first a letter or digit"
        yield error("id", name[:80], f"its id {name[:80]!r} is not usable", remedy)
    lines = ("question",) if article.title == article.question else ("title", "question")
    for field in (*lines, "body"):
        yield from _check_text(name, field, getattr(article, field))
    yield from _check_text(name, "also_asked", "\n".join(article.also_asked))
    for field in lines:
        if (length := len(getattr(article, field))) > MAX_LINE_CHARACTERS:
            problem = f"its {field} has {length:,} characters; at most {MAX_LINE_CHARACTERS} are taken"
            yield error("huge", name, problem, "shorten it")
    if len(article.also_asked) > MAX_ALSO_ASKED or any(len(one) > MAX_LINE_CHARACTERS for one in article.also_asked):
        problem = f"its also_asked are over {MAX_ALSO_ASKED}, or one has over {MAX_LINE_CHARACTERS} characters"
        yield error("huge", name, problem, "keep the most different ones")
    yield from _check_size(name, article.body)


def _check_size(name: str, body: str) -> Iterator[Finding]:
    length = len(body)
    if not body:
        yield error("empty", name, "its body is empty", "write it, or delete the article")
    elif length > MAX_BODY_CHARACTERS:
        problem = f"its body has {length:,} characters; at most {MAX_BODY_CHARACTERS:,} are taken"
        yield error("huge", name, problem, "make an article of each question that it answers")
    elif length > LONG_BODY_CHARACTERS:
        problem = f"its body has {length:,} characters, and search reads only the beginning"
        yield warning("long", name, problem, "make an article of each question that it answers")
    elif len(body.split()) < MIN_WORDS and len(_CJK.findall(body)) < 2 * MIN_WORDS:
        yield warning("short", name, f"its body has {len(body.split())} word(s)", "write a sentence that answers")


def _check_text(name: str, field: str, text: str) -> Iterator[Finding]:
    if placeholder := find_placeholder(text):
        remedy = "write the value, or add it to the brand file"
        yield error("placeholder", name, f"its {field} holds the placeholder {placeholder[:80]!r}", remedy)
    if "\ufffd" in text:
        problem = f"its {field} holds the sign for a lost character: {_around(text, text.index(chr(0xFFFD)))!r}"
        yield error("encoding", name, problem, "export it again as UTF-8")
    elif damaged := damage(text):
        was, probably = damaged
        problem = f"its {field} reads {was!r}, probably for {probably!r}"
        yield warning("encoding", name, problem, "export it again as UTF-8")
    if found := _CONTROL.search(text) or _TURNED.search(text):
        code = f"U+{ord(found[0]):04X}"
        yield error("hidden-character", name, f"its {field} holds the control character {code}", "remove it")
    elif found := _INVISIBLE.search(text):
        code = f"U+{ord(found[0]):04X}"
        yield warning("hidden-character", name, f"its {field} holds the invisible character {code}", "remove it")
    if active := _ACTIVE.search(text):
        problem = f"its {field} holds {' '.join(active[0].split())!r}"
        yield error("script", name, problem, "remove it; an article is text")
    elif markup := _MARKUP.search(_AUTOLINK.sub("", text)):
        problem = f"its {field} holds the markup {markup[0][:60]!r}, and no answer with markup is sent"
        yield warning("markup", name, problem, "write it as Markdown")


def _around(text: str, at: int) -> str:
    return text[max(0, at - 20) : at + 20]
