"""Makes articles of what was read: names, types, dates, placeholders and addresses are put right, or refused."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from helpdesk.knowledge.findings import Finding, error, warning
from helpdesk.knowledge.sources import LISTS, RawArticle, Sources
from helpdesk.knowledge.standards import Standards
from helpdesk.ports.knowledge import Article

DRAFT = "draft"
"""The code of the finding that an article is unfinished."""
FIELDS = ("id", "title", "question", "also_asked", "intent", "category", "updated", "tags", "url", "body")
_ALIASES: Mapping[str, str] = {
    "article_id": "id",
    "instruction": "question",
    "answer": "body",
    "response": "body",
    "content": "body",
    "text": "body",
    "label": "intent",
    "date": "updated",
    "link": "url",
}
_IGNORED = frozenset({"flags", "draft"})
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0", "", "none"})
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_SLUG_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Compiled:
    """An article with the place that it came from, for what is to be said about it."""

    where: str
    article: Article


class _Unusable(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def compile_articles(raws: Sequence[RawArticle], standards: Standards) -> tuple[list[Compiled], list[Finding]]:
    """Return the articles that could be made, and what stands against the others. A draft is left out."""
    made: list[Compiled] = []
    findings: list[Finding] = []
    for raw in raws:
        try:
            if _is_draft(raw):
                remedy = "finish it, and remove the line `draft: true`"
                findings.append(warning(DRAFT, raw.where, "is a draft, and is left out", remedy))
            else:
                made.append(Compiled(raw.where, _article(raw, standards)))
        except _Unusable as unusable:
            findings.append(unusable.finding)
    return made, findings


def _is_draft(raw: RawArticle) -> bool:
    value = next((value for name, value in raw.fields.items() if str(name).strip().lower() == "draft"), "")
    said = str(value).strip().lower()
    if said in _YES | _NO:
        return said in _YES
    problem = f"its draft is {said[:40]!r}, neither true nor false"
    raise _Unusable(error("fields", raw.where, problem, "write `draft: true`, or leave it out"))


def _article(raw: RawArticle, standards: Standards) -> Article:
    fields = _named(raw)
    texts = {name: _text(raw, name, fields.get(name)) for name in FIELDS if name not in {*LISTS, "updated"}}
    texts = {name: standards.brand.filled(value) for name, value in texts.items()}
    title = _one_line(texts["title"]) or _one_line(texts["question"])
    question = _one_line(texts["question"]) or title
    if not title:
        raise _Unusable(error("fields", raw.where, _lacking(fields, "a title or a question"), "add it"))
    article_id = texts["id"] or raw.fallback_id or slug(question)
    intent = texts["intent"]
    return Article(
        article_id=article_id,
        title=title,
        question=question,
        intent=intent,
        category=texts["category"] or standards.intents.get(intent, ""),
        body=texts["body"],
        updated=_date(raw, fields.get("updated")),
        url=texts["url"] or _address(standards.brand.article_url_prefix, article_id),
        tags=_texts(raw, "tags", fields.get("tags")),
        also_asked=tuple(
            _one_line(standards.brand.filled(text)) for text in _texts(raw, "also_asked", fields.get("also_asked"))
        ),
    )


def _named(raw: RawArticle) -> dict[str, object]:
    """Return the fields under their own names; an alias yields to the name itself."""
    fields: dict[str, object] = {}
    for given, value in raw.fields.items():
        name = str(given).strip().lower()
        name = _ALIASES.get(name, name) if _ALIASES.get(name) not in raw.fields else name
        if name in _IGNORED:
            continue
        if name not in FIELDS:
            remedy = f"remove it; the fields are {', '.join(FIELDS)}"
            raise _Unusable(error("fields", raw.where, f"has the unknown field {str(given)[:60]!r}", remedy))
        fields[name] = value
    return fields


def _lacking(fields: Mapping[str, object], what: str) -> str:
    given = ", ".join(name for name in fields if fields[name]) or "nothing"
    return f"lacks {what}; it has {given}"


def _text(raw: RawArticle, name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            if _SURROGATE.search(value):
                problem = f"its {name} holds half a character (a lone surrogate)"
                raise _Unusable(error("encoding", raw.where, problem, "export it again as UTF-8"))
            return unicodedata.normalize("NFC", value).strip()
        case bool():
            pass
        case int() | float() | date():
            return str(value)
    raise _Unusable(error("fields", raw.where, f"its {name} is no text", "write it in quotes"))


def _texts(raw: RawArticle, name: str, value: object) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str | int | float) for one in value):
        raise _Unusable(error("fields", raw.where, f"its {name} are no list of texts", "write them as [one, two]"))
    return tuple(text for one in value if (text := _text(raw, name, one)))


def _date(raw: RawArticle, value: object) -> str:
    match value:
        case None | "":
            return ""
        case datetime():
            return value.date().isoformat()
        case date():
            return value.isoformat()
        case str():
            try:
                return datetime.fromisoformat(value.strip()).date().isoformat()
            except ValueError:
                pass
    problem = f"its date {str(value)[:40]!r} is none" if isinstance(value, str | int) else "its date is none"
    raise _Unusable(error("date", raw.where, problem, "write it as 2026-03-31"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _address(prefix: str, article_id: str) -> str:
    return prefix + article_id if prefix else ""


def slug(question: str) -> str:
    """Return an id that stays the same as long as the question does."""
    ascii_only = unicodedata.normalize("NFKD", question).encode("ascii", "ignore").decode().lower()
    words = _NO_WORD.sub("-", ascii_only).strip("-")[:_SLUG_CHARACTERS].strip("-")
    return "-".join(part for part in (words, hashlib.sha256(question.encode()).hexdigest()[:8]) if part)


def changed_fields(article: Article, changes: Mapping[str, object]) -> Sources:
    """Return an article as a source with some fields changed; a new intent brings its category along."""
    fields = dict(as_fields(article))
    if "intent" in changes and "category" not in changes:
        fields.pop("category", None)
    return Sources((RawArticle(article.article_id, {**fields, **changes}),))


def as_fields(article: Article) -> Iterator[tuple[str, object]]:
    """Yield an article's fields as a source would have them, empty ones left out."""
    for name in FIELDS:
        value = article.article_id if name == "id" else getattr(article, name)
        if value:
            yield name, list(value) if name in LISTS else value
