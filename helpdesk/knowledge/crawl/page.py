"""What a page says about itself: its own address, its links, and whether it may be kept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from bs4 import BeautifulSoup, Tag

from helpdesk.knowledge.crawl.addresses import page_url, site_of
from helpdesk.knowledge.crawl.fetching import Fetched
from helpdesk.knowledge.crawl.robots import AGENT

_BOILERPLATE = re.compile(
    r"cookie[-_]?(?:banner|bar|box|notice|consent|popup|modal|overlay|message|wall|law)"
    r"|(?:consent|gdpr)[-_]?(?:banner|bar|box|notice|popup|modal|overlay)|onetrust|cookiebot"
    r"|\bbreadcrumbs?\b|\bskip-?(?:link|nav|to)|\bnewsletter[-_]|\b(?:social|share)[-_](?:links|buttons|bar)",
    re.IGNORECASE,
)
_ROLES = ("navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog")
_ELEMENTS = ("nav", "footer", "aside", "dialog", "script", "style", "template", "noscript", "form")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_LOCATION = re.compile(r"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\]]+?)\s*(?:\]\]>)?\s*</loc>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class About:
    """What a page says about itself.

    Attributes:
        address: the one it calls its own (canonical) on its host, else where it was found.
        keep: False where it asks not to be indexed.
        links: addresses of other pages, in their order; empty where it asks not to follow them.
    """

    address: httpx.URL
    base: httpx.URL
    keep: bool
    links: tuple[httpx.URL, ...]


def about(page: BeautifulSoup, fetched: Fetched) -> About:
    """Return what a page says about itself, in its head and in the header of the response."""
    base_tag = page.find("base", href=True)
    base = page_url(str(base_tag["href"]), fetched.url) if base_tag else None
    base = base or fetched.url
    canonical = page.find("link", rel="canonical", href=True)
    address = page_url(str(canonical["href"]), base) if canonical else None
    rules = set(_robots_rules(page, fetched))
    if address is None or site_of(address) != site_of(fetched.url):
        address = fetched.url
    return About(
        address=address,
        base=base,
        keep=not rules & {"noindex", "none"},
        links=() if rules & {"nofollow", "none"} else tuple(dict.fromkeys(_links(page, base))),
    )


def language_of(element: Tag) -> str:
    """Return the language of an element's text, such as ``en``; empty where nothing around it says."""
    for tag in (element, *element.parents):
        if language := str(tag.get("lang") or tag.get("xml:lang") or "").strip():
            return short_language(language)
    return ""


def short_language(language: str) -> str:
    """Return ``de`` for ``de-AT``; empty for what is no language."""
    short = language.replace("_", "-").partition("-")[0].strip().lower()
    return short if _LANGUAGE.fullmatch(short) else ""


def without_boilerplate(page: BeautifulSoup) -> None:
    """Remove what stands around the text of a page: navigation, banners, footers, dialogs."""
    for tag in page.find_all(_is_boilerplate):
        if not tag.decomposed and not tag.find(["main", "h1"]):
            tag.decompose()


def with_whole_links(page: BeautifulSoup, base: httpx.URL) -> None:
    """Make links whole addresses, so that they work outside of the page; those that cannot be become text."""
    for link in page.find_all("a", href=True):
        target = str(link["href"]).strip()
        if target.lower().startswith(("mailto:", "tel:")):
            continue
        if whole := page_url(target, base):
            link["href"] = str(whole)
        else:
            del link["href"]


def sitemap_pages(content: bytes) -> list[str]:
    """Return the addresses that a sitemap, or an index of sitemaps, names."""
    return [found.replace("&amp;", "&") for found in _LOCATION.findall(content.decode("utf-8", "replace"))]


def _robots_rules(page: BeautifulSoup, fetched: Fetched) -> Iterator[str]:
    """Yield words such as ``noindex`` that speak to all crawlers or to this one."""
    for meta in page.find_all("meta", attrs={"name": re.compile(rf"^(?:robots|{AGENT})$", re.IGNORECASE)}):
        yield from re.findall(r"[a-z]+", str(meta.get("content", "")).lower())
    for part in fetched.robots_tag.lower().split(","):
        agent, _, rule = part.rpartition(":")
        if agent.strip() in ("", AGENT.lower()):
            yield rule.strip()


def _links(page: BeautifulSoup, base: httpx.URL) -> Iterator[httpx.URL]:
    for link in page.find_all("a", href=True):
        if "nofollow" not in (link.get("rel") or ()) and (url := page_url(str(link["href"]), base)):
            yield url


def _is_boilerplate(tag: Tag) -> bool:
    if tag.name in _ELEMENTS or tag.get("role") in _ROLES:
        return True
    if tag.name == "header":
        return tag.find_parent(["main", "article"]) is None
    if tag.name in ("html", "body", "main", "article"):
        return False
    names = f"{tag.get('id', '')} {' '.join(tag.get('class') or ())}"
    return _BOILERPLATE.search(names) is not None
