"""What a crawl changes in a knowledge base: its own articles, and no others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from helpdesk.knowledge.checking import check_articles, make_articles
from helpdesk.knowledge.crawl.crawler import Crawled
from helpdesk.knowledge.crawl.page_articles import TAG
from helpdesk.knowledge.findings import Finding, errors_of, warning
from helpdesk.knowledge.links import between_files
from helpdesk.knowledge.standards import Standards
from helpdesk.ports.knowledge import Article


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What becomes of a knowledge base by a crawl.

    Attributes:
        articles: all that the crawl has found and that can be used.
        added, changed: ids of those that are new, or say something else than before.
        vanished: ids of articles of earlier crawls that their pages do not hold any more.
        left_out: how many articles cannot be used; those that were there before stay as they were.
        findings: what was wrong with pages and articles, the crawl's own among them, all as warnings.
    """

    articles: tuple[Article, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]
    vanished: tuple[str, ...]
    left_out: int
    findings: tuple[Finding, ...]

    @property
    def unchanged(self) -> int:
        """How many articles say what they said before."""
        return len(self.articles) - len(self.added) - len(self.changed)


def merge(crawled: Crawled, before: Sequence[Article], standards: Standards) -> Merge:
    """Hold what a crawl has found against the articles that are there; one with an error is left out."""
    there = {article.article_id: article for article in before}
    made = make_articles(crawled.sources, standards)
    new = {article.article_id: _with_kept_facts(article, there.get(article.article_id)) for article in made.articles}
    usable, found = _usable(new, there, standards)
    ids = {name for name in usable if name not in there}
    vanished = (
        name
        for name, article in there.items()
        if TAG in article.tags and article.url in crawled.settled and name not in new
    )
    return Merge(
        articles=tuple(usable.values()),
        added=tuple(sorted(ids)),
        changed=tuple(sorted(name for name in usable.keys() - ids if usable[name] != there[name])),
        vanished=tuple(sorted(vanished)),
        left_out=len(crawled.sources.articles) - len(usable),
        findings=(*(_left_out(item) for item in made.findings), *found),
    )


def for_pages(standards: Standards) -> Standards:
    """Return the standards for crawled pages: where links between pages of a site lead is the site's own matter."""
    return replace(standards, brand=replace(standards.brand, article_url_prefix=""))


def known_pages(articles: Sequence[Article]) -> list[str]:
    """Return the pages that earlier crawls have made articles of."""
    return list(dict.fromkeys(article.url for article in articles if TAG in article.tags and article.url))


def _with_kept_facts(article: Article, before: Article | None) -> Article:
    """Return an article with what its keepers have added to it and its page does not say."""
    if before is None:
        return article
    return replace(
        article,
        intent=article.intent or before.intent,
        category=article.category or before.category,
        tags=tuple(dict.fromkeys((*before.tags, *article.tags))),
    )


def _usable(
    new: Mapping[str, Article], there: Mapping[str, Article], standards: Standards
) -> tuple[dict[str, Article], list[Finding]]:
    """Return the articles without errors; leaving one out may break a link of another, so look until none is left."""
    usable = dict(new)
    refused: list[Finding] = []
    known = set(check_articles(list(there.values()), standards))
    while True:
        whole = between_files(list({**there, **usable}.values()))
        found = [finding for finding in check_articles(whole, standards) if finding not in known]
        wrong = [finding for finding in errors_of(found) if finding.where in usable]
        if not wrong:
            return usable, [*_placed(refused, new), *_placed((item for item in found if item.where in usable), new)]
        refused += [_left_out(finding) for finding in wrong]
        for finding in wrong:
            usable.pop(finding.where, None)


def _left_out(finding: Finding) -> Finding:
    if not errors_of([finding]):
        return finding
    return warning(finding.code, finding.where, f"{finding.problem}; left out", finding.remedy)


def _placed(findings: Iterable[Finding], articles: Mapping[str, Article]) -> Iterator[Finding]:
    """Yield findings with the page and the question of their article."""
    for finding in findings:
        article = articles[finding.where]
        yield replace(finding, where=article.url, problem=f"“{article.title[:60]}” {finding.problem}")
