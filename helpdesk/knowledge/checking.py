"""Checks a whole knowledge base, and reads, makes and checks in one step."""

import difflib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from helpdesk.knowledge.alike import alike
from helpdesk.knowledge.compiling import DRAFT, Compiled, compile_articles
from helpdesk.knowledge.findings import Finding, Severity, error, errors_of, warning
from helpdesk.knowledge.links import between_files, check_links
from helpdesk.knowledge.reading import read_path
from helpdesk.knowledge.sources import Sources
from helpdesk.knowledge.standards import Standards
from helpdesk.knowledge.wording import check_wording
from helpdesk.ports.knowledge import Article
from helpdesk.settings import Settings

ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Checked:
    """Articles that were made of sources, with all that was found; usable only without errors."""

    articles: tuple[Article, ...]
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether the articles may be loaded."""
        return not errors_of(self.findings)


def check_path(path: Path, settings: Settings, *, today: date, brand_file: Path | None = None) -> Checked:
    """Read what lies at a path and check it as a knowledge base of its own.

    Raises:
        InvalidData: nothing there can be read, or the brand file cannot be used.
    """
    standards = Standards.of(settings, today=today, articles=path, brand_file=brand_file)
    return check_sources(read_path(path), standards)


def check_sources(sources: Sources, standards: Standards) -> Checked:
    """Make articles of what was read, and check them as a knowledge base of their own."""
    compiled, findings = compile_articles(sources.articles, standards)
    findings += _check_ids(compiled)
    if not compiled and findings and not errors_of((*sources.findings, *findings)):
        findings.append(error("empty", findings[0].where, "there is nothing but drafts", "finish one of them"))
    articles = between_files([item.article for item in compiled])
    places = {item.article.article_id: item.where for item in compiled}
    found = (replace(item, where=places.get(item.where, item.where)) for item in check_articles(articles, standards))
    ordered = sorted(articles, key=lambda article: article.article_id)
    return Checked(tuple(ordered), (*sources.findings, *findings, *found))


def make_articles(sources: Sources, standards: Standards) -> Checked:
    """Make articles of what was read, to be checked together with those that are there already; a draft is an error."""
    compiled, findings = compile_articles(sources.articles, standards)
    findings = [replace(item, severity=Severity.ERROR) if item.code == DRAFT else item for item in findings]
    articles = sorted((item.article for item in compiled), key=lambda article: article.article_id)
    return Checked(tuple(articles), (*sources.findings, *findings, *_check_ids(compiled)))


def check_articles(articles: Sequence[Article], standards: Standards) -> list[Finding]:
    """Return what is wrong with articles that are the whole knowledge base."""
    findings: list[Finding] = []
    for article in articles:
        findings += check_wording(article)
        findings += _check_intent(article, standards)
        findings += _check_date(article, standards)
    findings += check_links(articles, standards.brand)
    findings += _check_repetition(articles)
    return findings


def _check_ids(compiled: Sequence[Compiled]) -> Iterator[Finding]:
    """Yield ids that are given twice. Only here the articles still know where each came from."""
    places: dict[str, list[str]] = defaultdict(list)
    for item in compiled:
        places[item.article.article_id].append(item.where)
    for name, (first, *others) in places.items():
        for where in others:
            problem = f"the id {name[:80]!r} is also that of {first}"
            yield error("duplicate-id", where, problem, "give each article an id of its own")


def _check_intent(article: Article, standards: Standards) -> Iterator[Finding]:
    known, intent, name = standards.intents, article.intent, article.article_id
    if not intent:
        problem = "has no intent, so that search finds it by its words alone"
        yield warning("no-intent", name, problem, "name the intent that it answers")
    elif known and intent not in known:
        close = difflib.get_close_matches(intent, known, n=1)
        remedy = f"did you mean {close[0]}?" if close else "name one that the classifier knows"
        yield warning("unknown-intent", name, f"its intent {intent[:80]!r} is unknown", remedy)
    elif known and article.category != known[intent]:
        problem = f"its category is {article.category[:80]!r}, that of {intent} is {known[intent]}"
        yield warning("category", name, problem, "leave the category out: it follows from the intent")


def _check_date(article: Article, standards: Standards) -> Iterator[Finding]:
    if not article.updated:
        return
    updated = date.fromisoformat(article.updated)
    if updated > standards.today + timedelta(days=1):
        yield warning("date", article.article_id, f"its date {article.updated} lies ahead", "correct it")
    elif (standards.today - updated).days > standards.stale_after_days:
        days = (standards.today - updated).days
        problem = f"was last updated {days:,} days ago, on {article.updated}"
        yield warning("stale", article.article_id, problem, "read it again, and renew its date")


def _check_repetition(articles: Sequence[Article]) -> Iterator[Finding]:
    """Yield articles that say what an earlier one says; each is named once, beside the one it is most like."""
    remedy = "keep the better one; search shows one of them at most"
    named: set[int] = set()
    for row, first in _repeated(articles, lambda article: _plain(article.body)):
        named.add(row)
        problem = f"says the same as {articles[first].article_id}"
        yield warning("duplicate", articles[row].article_id, problem, remedy)
    nearest: dict[int, tuple[float, int]] = {}
    for first, row, likeness in alike([article.body for article in articles], at_least=ALIKE):
        if row not in named and articles[first].article_id != articles[row].article_id:
            nearest[row] = max(nearest.get(row, (0.0, 0)), (likeness, first))
    for row, (likeness, first) in sorted(nearest.items()):
        named.add(row)
        problem = f"says nearly the same as {articles[first].article_id}: {likeness:.0%} of the wording"
        yield warning("near-duplicate", articles[row].article_id, problem, "join the two, or say what sets them apart")
    for row, first in _repeated(articles, lambda article: _plain(article.question)):
        if row not in named:
            problem = f"answers the same question as {articles[first].article_id}"
            yield warning("same-question", articles[row].article_id, problem, "join the two, or reword a question")


def _repeated(articles: Sequence[Article], text_of: Callable[[Article], str]) -> Iterator[tuple[int, int]]:
    """Yield the rows whose text stood in an earlier row, each with that row."""
    first_with: dict[str, int] = {}
    for row, article in enumerate(articles):
        text = text_of(article)
        first = first_with.setdefault(text, row)
        if text and articles[first].article_id != articles[row].article_id:
            yield row, first


@lru_cache(maxsize=40_000)
def _plain(text: str) -> str:
    """Return a text without case, punctuation and white space, in any script."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum())
