"""Fetches pages: one request at a time per host, with pauses, within limits of time and size, each redirect checked."""

import asyncio
import time
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import Message
from importlib.metadata import version
from types import MappingProxyType
from typing import Self

import httpx

from helpdesk.knowledge.crawl.addresses import Resolve, page_url, resolve, site_of
from helpdesk.knowledge.crawl.connection import AddressRefused, PinnedTransport
from helpdesk.knowledge.crawl.robots import AGENT, Robots
from helpdesk.settings import CrawlSettings

MAX_REDIRECTS = 5
HTML = frozenset({"text/html", "application/xhtml+xml"})
SITEMAP = frozenset({"application/xml", "text/xml", "application/gzip", "application/x-gzip"})
_GZIP = zlib.MAX_WBITS | 16
_LATER = "nothing, if it comes back: the next crawl reads it"


class NotRead(Exception):
    """A page was not read.

    Args:
        problem: what was wrong.
        remedy: what to do about it.
        code: the kind of finding.
        gone: whether the site says that there is no such page any more.
    """

    def __init__(self, problem: str, remedy: str, *, code: str = "not-read", gone: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.code, self.gone = problem, remedy, code, gone


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a page's address gave.

    Attributes:
        url: where it was found, after all redirects.
        media_type: such as ``text/html``.
        charset: as the HTTP header names it; empty where it does not.
        robots_tag: what the header ``X-Robots-Tag`` says.
    """

    url: httpx.URL
    content: bytes
    media_type: str = "text/html"
    charset: str = ""
    robots_tag: str = ""


@dataclass(slots=True)
class _Site:
    """One host: only one request at a time, and none before ``free_at``."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    reading_robots: asyncio.Lock = field(default_factory=asyncio.Lock)
    robots: Robots | NotRead | None = None
    free_at: float = 0.0
    closed: str = ""


class Fetcher:
    """Fetches pages of allowed hosts, to be used in an ``async with`` block.

    Args:
        sites: the allowed hosts, as ``site_of`` writes them.
        allow_loopback: also reach this machine.
    """

    def __init__(
        self, settings: CrawlSettings, sites: Collection[str], *, allow_loopback: bool, resolve: Resolve = resolve
    ) -> None:
        self._settings, self._allowed = settings, frozenset(sites)
        self._sites: dict[str, _Site] = defaultdict(_Site)
        contact = f" (+{settings.contact})" if settings.contact else ""
        self._client = httpx.AsyncClient(
            transport=PinnedTransport(resolve, allow_loopback=allow_loopback),
            timeout=settings.page_limit_s,
            headers={"User-Agent": f"{AGENT}/{version('helpdesk')}{contact}", "Accept-Encoding": "gzip"},
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, url: httpx.URL, *, kinds: Collection[str] = HTML) -> Fetched:
        """Return what is at an address, if robots.txt allows to read it.

        Args:
            kinds: the media types that are taken.

        Raises:
            NotRead: it could not be read, or may not be.
        """
        return await self._follow(url, kinds, ask_robots=True)

    async def _follow(self, url: httpx.URL, kinds: Collection[str], *, ask_robots: bool) -> Fetched:
        seen: set[httpx.URL] = set()
        while url not in seen:
            if len(seen) > MAX_REDIRECTS:
                raise NotRead(f"redirects more than {MAX_REDIRECTS} times", "name the page where it ends")
            self._require_allowed(url, redirected=bool(seen))
            seen.add(url)
            if ask_robots and not (await self._robots(url)).allows(url):
                raise NotRead("may not be read: robots.txt says so", "ask its owner to allow it", code="robots")
            answer = await self._request(url, kinds)
            if isinstance(answer, Fetched):
                return answer
            url = answer
        raise NotRead("redirects in a circle", "tell its owner, or name another page")

    def _require_allowed(self, url: httpx.URL, *, redirected: bool) -> None:
        site = site_of(url)
        if site not in self._allowed:
            problem = f"redirects to {site}" if redirected else f"is on {site}"
            raise NotRead(f"{problem}, which is not allowed", f"add --allow-host {site}", code="host")
        if reason := self._sites[site].closed:
            raise NotRead(f"was not asked for: {site} {reason}", "crawl later, and slower (--pause)")

    async def _robots(self, url: httpx.URL) -> Robots:
        site = self._sites[site_of(url)]
        async with site.reading_robots:
            if site.robots is None:
                site.robots = await self._read_robots(url.copy_with(path="/robots.txt", query=None))
        if isinstance(site.robots, NotRead):
            raise site.robots
        return site.robots

    async def _read_robots(self, url: httpx.URL) -> Robots | NotRead:
        """Return a site's rules: all is allowed where it has none, nothing where they cannot be read (RFC 9309)."""
        try:
            return Robots.of((await self._follow(url, (), ask_robots=False)).content)
        except NotRead as failure:
            if failure.code in ("status-4xx", "empty"):
                return Robots()
            if failure.code == "address":  # it is the page's own
                return failure
            return NotRead(f"may not be read: robots.txt {failure.problem}", failure.remedy, code=failure.code)

    async def _request(self, url: httpx.URL, kinds: Collection[str]) -> Fetched | httpx.URL:
        """Return what the server sends, or where it sends us."""
        site = self._sites[site_of(url)]
        async with self._turn(site):
            try:
                async with asyncio.timeout(self._settings.page_limit_s):
                    async with self._client.stream("GET", url) as response:
                        return await self._answer(site, url, response, kinds)
            except AddressRefused as refused:
                remedy = "only public addresses are read; for a site on this machine add --allow-loopback"
                raise NotRead(f"is not read: {refused}", remedy, code="address") from refused
            except (TimeoutError, httpx.TimeoutException) as late:
                problem = f"took longer than {self._settings.page_limit_s:g} s"
                raise NotRead(problem, "crawl later, or raise HELPDESK_CRAWL__PAGE_LIMIT_S") from late
            except (httpx.HTTPError, OSError, UnicodeError, ValueError, zlib.error) as failure:
                raise _explained(failure) from failure

    @asynccontextmanager
    async def _turn(self, site: _Site) -> AsyncIterator[None]:
        async with site.turn:
            await asyncio.sleep(max(0.0, site.free_at - time.monotonic()))
            try:
                yield
            finally:
                pause_s = max(self._settings.pause_s, site.robots.delay_s if isinstance(site.robots, Robots) else 0.0)
                site.free_at = time.monotonic() + pause_s

    async def _answer(
        self, site: _Site, url: httpx.URL, response: httpx.Response, kinds: Collection[str]
    ) -> Fetched | httpx.URL:
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            site.closed = "asked us to stop (429 Too Many Requests)"
        if response.has_redirect_location:
            target = page_url(response.headers["Location"], url)
            if target is None:
                raise NotRead("redirects to what is no address of a page", "name another page")
            return target
        _require_success(response)
        media_type, charset = _media_type(response.headers.get("Content-Type", ""))
        if kinds and media_type not in kinds:
            problem = f"is {media_type or 'of no stated type'}, no page in HTML"
            raise NotRead(problem, "name pages only", code="content-type")
        content = await self._content(response)
        if media_type in SITEMAP and content.startswith(b"\x1f\x8b"):
            content = _Inflater(self._settings.max_page_bytes).add(content)
        if not content.strip():
            raise NotRead("is empty", "look at it in a browser", code="empty")
        return Fetched(url, content, media_type, charset, response.headers.get("X-Robots-Tag", ""))

    async def _content(self, response: httpx.Response) -> bytes:
        """Return the body, of which never more than the limit is held, however small it was packed."""
        packing = response.headers.get("Content-Encoding", "identity").strip().lower()
        if packing not in _PACKINGS:
            raise NotRead(f"is packed as {packing[:40]!r}, which nobody asked for", "tell its owner")
        body = _PACKINGS[packing](self._settings.max_page_bytes)
        content = b""
        async for chunk in response.aiter_raw():
            content += body.add(chunk)
        body.require_whole()
        return content


class _Plain:
    """A body as it is, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._left, self._limit = limit, limit

    def add(self, chunk: bytes) -> bytes:
        """Return what a chunk holds."""
        self._left -= len(chunk)
        if self._left < 0:
            problem = f"is larger than {self._limit:,} bytes"
            raise NotRead(problem, "split it, or raise HELPDESK_CRAWL__MAX_PAGE_BYTES", code="too-large")
        return chunk

    def require_whole(self) -> None:
        """Raise NotRead where the end is missing."""


class _Inflater(_Plain):
    """A body packed with gzip: unpacked bit by bit, so that a bomb is noticed at the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._unpack = zlib.decompressobj(_GZIP)

    def add(self, chunk: bytes) -> bytes:
        """Return what a chunk holds, unpacked."""
        return super().add(self._unpack.decompress(chunk, self._left + 1))

    def require_whole(self) -> None:
        """Raise NotRead where the end is missing."""
        if not self._unpack.eof:
            raise NotRead("was cut off", _LATER)


_PACKINGS: Mapping[str, type[_Plain]] = MappingProxyType(
    {"identity": _Plain, "": _Plain, "gzip": _Inflater, "x-gzip": _Inflater}
)


def _require_success(response: httpx.Response) -> None:
    status = response.status_code
    said = f"answers {status} {response.reason_phrase}".strip()
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise NotRead(said, "remove the links to it", code="status-4xx", gone=True)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise NotRead(said, "crawl later, and slower (--pause)", code="status-429")
    if response.is_client_error:
        raise NotRead(said, "look at it in a browser; pages behind a login are not read", code="status-4xx")
    if not response.is_success:
        raise NotRead(said, _LATER, code="status-5xx")


def _media_type(header: str) -> tuple[str, str]:
    message = Message()
    message["Content-Type"] = header
    named = message.get_param("charset") or ""
    return message.get_content_type() if header else "", named if isinstance(named, str) else ""


def _explained(failure: Exception) -> NotRead:
    match failure:
        case httpx.ConnectError() | OSError():
            why = " ".join(str(failure).split())[:160] or "there is no connection"
            return NotRead(f"cannot be reached: {why}", "check the address, and that its server runs")
        case httpx.RemoteProtocolError() | httpx.ReadError() | zlib.error():
            return NotRead("was cut off, or is no HTTP", _LATER)
        case _:
            why = " ".join(str(failure).split())[:160]
            return NotRead(f"cannot be read: {why or type(failure).__name__}", "check the address")
