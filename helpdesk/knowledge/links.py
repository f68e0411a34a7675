"""Links in articles: those to the shop's own pages must lead somewhere, and each must work in a plain e-mail."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit

from helpdesk.knowledge.brand import Brand
from helpdesk.knowledge.findings import Finding, error, warning
from helpdesk.ports.knowledge import Article

_URL = re.compile(r"https?://[^\s<>\"'`\])]+", re.IGNORECASE)
_TARGET = re.compile(r"(\]\(\s*<?)([^)\s>]+)")
_ELSEWHERE = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def between_files(articles: Sequence[Article]) -> list[Article]:
    """Return the articles with links to each other's files, such as ``[…](returns.md)``, as addresses."""
    addresses = {article.article_id: article.url for article in articles if article.url}

    def address(link: re.Match[str]) -> str:
        stem = PurePosixPath(unquote(link[2].partition("#")[0])).stem
        return link[1] + (link[2] if _SCHEME.match(link[2]) else addresses.get(stem, link[2]))

    return [
        replace(article, body=_TARGET.sub(address, article.body)) if "](" in article.body else article
        for article in articles
    ]


def check_links(articles: Sequence[Article], brand: Brand) -> Iterator[Finding]:
    """Yield dead internal links (errors), and pages of the shop that the brand file does not know (warnings)."""
    known = {_bare(url) for url in (*brand.pages, *(article.url for article in articles)) if url}
    for article in articles:
        for target in dict.fromkeys(_relative(article.body)):
            problem = f"links to {target[:80]!r}, which leads nowhere from an e-mail"
            yield error("dead-link", article.article_id, problem, "write the whole address, or an article's file name")
        for url in dict.fromkeys(_absolute(article)):
            yield from _check_url(article.article_id, url, known, brand)


def _check_url(where: str, url: str, known: set[str], brand: Brand) -> Iterator[Finding]:
    parts = _split(url)
    if parts is None:
        yield error("dead-link", where, f"links to {url[:80]!r}, which is no address", "correct the address")
    elif _bare(url) in known:
        return
    elif brand.article_url_prefix and url.startswith(brand.article_url_prefix):
        name = url.removeprefix(brand.article_url_prefix)[:80]
        yield error(
            "dead-link", where, f"links to the article {name!r}, which there is not", "correct or remove the link"
        )
    elif (parts.hostname or "") in brand.hosts:
        yield warning(
            "unknown-page", where, f"links to {url[:80]}, which the brand file does not know", "add the page to `pages`"
        )


def _absolute(article: Article) -> Iterator[str]:
    for found in _URL.findall(article.body):
        yield found.rstrip(".,;:!?…*_")


def _relative(body: str) -> Iterator[str]:
    return (target for _, target in _TARGET.findall(body) if not _ELSEWHERE.match(target))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


def _bare(url: str) -> str:
    """Return an address without what does not say which page it is."""
    return url.partition("#")[0].partition("?")[0].rstrip("/").lower()
