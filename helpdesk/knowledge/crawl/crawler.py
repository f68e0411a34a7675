"""Visits help pages, level by level: each host's pages one after the other, different hosts side by side."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import httpx

from helpdesk.errors import InvalidInput
from helpdesk.knowledge.crawl.addresses import Resolve, is_below, page_url, resolve, site_of
from helpdesk.knowledge.crawl.fetching import HTML, SITEMAP, Fetcher, NotRead
from helpdesk.knowledge.crawl.page import sitemap_pages
from helpdesk.knowledge.crawl.page_articles import read_articles
from helpdesk.knowledge.findings import Finding, warning
from helpdesk.knowledge.sources import RawArticle, Sources
from helpdesk.settings import CrawlSettings

Progress = Callable[[str, int, int], None]
"""Called at each page with its address, how many were visited, and how many are known to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to crawl.

    Attributes:
        addresses: of pages, or of sitemaps.
        known: pages that earlier crawls have read, to be looked at again; they may be gone.
        allow_hosts: further hosts that may be read, with a port where it is not the scheme's own.
        allow_loopback: also read from this machine.
        languages: only articles in one of these, or of no stated language; empty for all.
    """

    addresses: Sequence[str]
    known: Collection[str] = ()
    allow_hosts: Collection[str] = ()
    allow_loopback: bool = False
    languages: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """What a crawl has found.

    Attributes:
        sources: raw articles, and what was wrong with pages.
        read: how many pages were read.
        settled: addresses of pages of which we know what they say now: they were read, or are gone.
        failed: the addresses of the order that could not be read.
    """

    sources: Sources
    read: int
    settled: frozenset[str]
    failed: tuple[str, ...]


def crawl(
    order: Order, settings: CrawlSettings, *, resolve: Resolve = resolve, progress: Progress = lambda *_: None
) -> Crawled:
    """Visit the pages of an order, and those below them that they link to; what goes wrong with one is a finding.

    Raises:
        InvalidInput: one of the order's addresses is none.
    """
    return asyncio.run(_Crawl(order, settings, progress).run(resolve))


@dataclass(slots=True)
class _Visit:
    """One page on its way.

    Attributes:
        depth: how many links away it is from the order's own pages.
        address: the one the page calls its own, once it was read.
    """

    url: httpx.URL
    depth: int
    given: bool = False
    address: httpx.URL | None = None
    sources: Sources = field(default_factory=Sources)
    links: tuple[httpx.URL, ...] = ()
    pages: tuple[httpx.URL, ...] = ()
    gone: bool = False


class _Crawl:
    def __init__(self, order: Order, settings: CrawlSettings, progress: Progress) -> None:
        self._order, self._settings, self._progress = order, settings, progress
        self._given = [_given(address) for address in order.addresses]
        self._roots = list(self._given)
        self._further = {host.strip().lower() for host in order.allow_hosts}
        self._sites = {*map(site_of, self._given), *self._further}
        self._seen: set[httpx.URL] = set()
        self._visits: list[_Visit] = []
        self._waiting = self._left = 0

    async def run(self, resolve: Resolve) -> Crawled:
        stopped: list[Finding] = []
        fetcher = Fetcher(self._settings, self._sites, allow_loopback=self._order.allow_loopback, resolve=resolve)
        async with fetcher:
            try:
                async with asyncio.timeout(self._settings.time_limit_s):
                    await self._visit_from([(url, 0) for url in self._given], fetcher, given=True)
                    await self._visit_from([(url, self._settings.max_depth) for url in self._known()], fetcher)
            except TimeoutError:
                problem = f"was stopped after {self._settings.time_limit_s:g} s; {self._waiting} page(s) were not read"
                remedy = "name fewer pages, or raise HELPDESK_CRAWL__TIME_LIMIT_S"
                stopped.append(warning("time-limit", "crawl", problem, remedy))
        if self._left:
            problem = f"{self._left} page(s) beyond the {self._settings.max_pages}th were not read"
            stopped.append(warning("page-limit", "crawl", problem, "name a page further down, or raise --max-pages"))
        return self._crawled(stopped)

    def _known(self) -> Iterator[httpx.URL]:
        for address in self._order.known:
            url = page_url(address)
            if url is not None and site_of(url) in self._sites:
                yield url

    async def _visit_from(
        self, frontier: list[tuple[httpx.URL, int]], fetcher: Fetcher, *, given: bool = False
    ) -> None:
        while visits := self._admitted(frontier, given=given):
            by_site: dict[str, list[_Visit]] = defaultdict(list)
            for visit in visits:
                by_site[site_of(visit.url)].append(visit)
            self._waiting = len(visits)
            async with asyncio.TaskGroup() as group:
                for turn in by_site.values():
                    group.create_task(self._visit_in_turn(turn, fetcher))
            frontier = [following for visit in visits for following in self._following(visit)]
            given = False

    def _admitted(self, frontier: Sequence[tuple[httpx.URL, int]], *, given: bool) -> list[_Visit]:
        new = {url: depth for url, depth in reversed(frontier) if url not in self._seen}
        visits = [_Visit(url, depth, given) for url, depth in reversed(new.items())]
        self._seen |= new.keys()
        room = self._settings.max_pages - len(self._visits)
        self._left += max(0, len(visits) - room)
        self._visits += visits[:room]
        return visits[:room]

    async def _visit_in_turn(self, visits: Sequence[_Visit], fetcher: Fetcher) -> None:
        for visit in visits:
            self._progress(str(visit.url), len(self._visits) - self._waiting, self._waiting)
            await self._visit(visit, fetcher)
            self._waiting -= 1

    async def _visit(self, visit: _Visit, fetcher: Fetcher) -> None:
        try:
            fetched = await fetcher.get(visit.url, kinds=HTML | SITEMAP if visit.depth == 0 else HTML)
        except NotRead as failure:
            visit.gone = failure.gone
            visit.sources = Sources(findings=(warning(failure.code, str(visit.url), failure.problem, failure.remedy),))
            return
        if fetched.media_type in SITEMAP:
            addresses = (page_url(address, fetched.url) for address in sitemap_pages(fetched.content))
            visit.pages = tuple(url for url in addresses if url is not None)
            visit.address = fetched.url
            return
        if visit.given:
            self._roots.append(fetched.url)
        page = read_articles(fetched, languages=self._order.languages)
        visit.address, visit.sources, visit.links = page.address, page.sources, page.links

    def _following(self, visit: _Visit) -> Iterator[tuple[httpx.URL, int]]:
        """Yield the pages that a visit leads to, those of allowed hosts only."""
        for url in visit.pages:
            if site_of(url) in self._sites:
                yield url, 0 if _is_sitemap(url) else max(1, self._settings.max_depth)
        if visit.depth < self._settings.max_depth:
            for url in visit.links:
                if site_of(url) in self._further or any(is_below(url, root) for root in self._roots):
                    yield url, visit.depth + 1

    def _crawled(self, stopped: Sequence[Finding]) -> Crawled:
        articles: list[RawArticle] = []
        findings = list(stopped)
        addresses: set[httpx.URL] = set()
        said: set[tuple[str, str]] = set()
        for visit in self._visits:
            findings += _as_warnings(visit.sources.findings)
            if visit.address is None or visit.address in addresses:
                continue  # the same page under another address
            addresses.add(visit.address)
            for raw in visit.sources.articles:
                words = (str(raw.fields.get("question") or raw.fields.get("title")), str(raw.fields["body"]))
                if words not in said:
                    said.add(words)
                    articles.append(raw)
        settled = {visit.url for visit in self._visits if visit.address is not None or visit.gone} | addresses
        return Crawled(
            sources=Sources(tuple(articles), tuple(findings)),
            read=sum(visit.address is not None for visit in self._visits),
            settled=frozenset(map(str, settled)),
            failed=tuple(str(visit.url) for visit in self._visits if visit.given and visit.address is None),
        )


def _given(address: str) -> httpx.URL:
    url = page_url(address)
    if url is None:
        remedy = "write it like https://shop.example/help, without user and password"
        raise InvalidInput(f"{address[:80]!r} is no address of a page", field="URL", remedy=remedy)
    return url


def _is_sitemap(url: httpx.URL) -> bool:
    return url.path.lower().endswith((".xml", ".xml.gz"))


def _as_warnings(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield what is wrong with a page as what it is for a crawl: the page is left out, the others go on."""
    return (warning(item.code, item.where, item.problem, item.remedy) for item in findings)
