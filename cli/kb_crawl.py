"""`helpdesk kb crawl`: help pages from the web to articles."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from cli import access
from cli import kb_report as report
from cli.console import CommandFailed, Json, print_json, stderr, stdout
from cli.kb_base import keeping, origin, refusals_shown, standards

if TYPE_CHECKING:
    from helpdesk.knowledge.changes import Change
    from helpdesk.knowledge.crawl.crawler import Crawled, Order
    from helpdesk.knowledge.crawl.merging import Merge
    from helpdesk.knowledge.standards import Standards
    from helpdesk.ports.knowledge import Article
    from helpdesk.settings import CrawlSettings


def crawl_pages(
    urls: Annotated[list[str], typer.Argument(help="Help pages, or sitemaps (…/sitemap.xml).", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(help="Write files instead: a folder of Markdown, or a .jsonl file.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report; nothing is written.")] = False,
    remove_vanished: Annotated[
        bool, typer.Option("--remove-vanished", help="Also remove crawled articles that their pages no longer hold.")
    ] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another host to read from, such as www.shop.example; repeatable.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Keep only this language, such as en; repeatable (default: all).")
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=0, max=20, help="How many links away to go (default: the setting).")
    ] = None,
    max_pages: Annotated[
        int | None, typer.Option(min=1, max=20_000, help="Pages to visit (default: the setting).")
    ] = None,
    pause: Annotated[
        float | None, typer.Option(min=0, help="Seconds between two requests to a host (default: the setting).")
    ] = None,
    allow_loopback: Annotated[
        bool, typer.Option("--allow-loopback", help="Also read from this machine (127.0.0.1, ::1).")
    ] = False,
    brand: Annotated[Path | None, typer.Option(help="The brand file (default: as for kb load).")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: Json = False,
) -> None:
    """Read help pages from the web, and those below them, into the knowledge base; other articles stay as they are.

    A page or article with an error is left out and reported. Ends with 1 where a given page could not be read.
    """
    from helpdesk.knowledge.crawl.crawler import Order
    from helpdesk.knowledge.crawl.merging import for_pages, known_pages, merge

    chosen = {"max_depth": depth, "max_pages": max_pages, "pause_s": pause}
    settings = access.settings().crawl.model_copy(update={k: v for k, v in chosen.items() if v is not None})
    rules = for_pages(standards(brand))
    with _target(out, urls, reason, rules) as target:
        known = known_pages(target.articles)
    order = Order(
        addresses=urls,
        known=known,
        allow_hosts=allow_host or (),
        allow_loopback=allow_loopback,
        languages=[name.lower() for name in language or ()],
    )
    crawled = _watched(order, settings)
    with _target(out, urls, reason, rules) as target, refusals_shown(as_json=as_json):
        merged = merge(crawled, target.articles, rules)
        gone = merged.vanished if remove_vanished else ()
        writes = not dry_run and (merged.articles or gone)
        change = target.write(merged.articles, gone) if writes else None
    result = _Result(crawled, merged, gone, dry_run, change)
    if as_json:
        print_json(_document(result))
    else:
        _print(stdout(), result, contact=settings.contact)
    if crawled.failed:
        raise CommandFailed(f"{len(crawled.failed)} of {report.many(len(urls), 'given page')} could not be read")
    if not merged.articles:
        raise CommandFailed("no article was found")


@dataclass(frozen=True, slots=True)
class _Result:
    crawled: "Crawled"
    merged: "Merge"
    removed: tuple[str, ...]
    dry_run: bool
    change: "Change | None"


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the articles of a crawl go: those that are there, and what writes and removes some."""

    articles: "Sequence[Article]"
    write: "Callable[[tuple[Article, ...], Collection[str]], Change | None]"


@contextmanager
def _target(out: Path | None, urls: Sequence[str], reason: str, rules: "Standards") -> Iterator[_Target]:
    from helpdesk.knowledge.checking import Checked
    from helpdesk.knowledge.crawl.files import ArticleFiles

    if out is not None:
        files = ArticleFiles(out, rules)
        yield _Target(files.articles, files.write)
        return
    with keeping() as base:

        def write(articles: "tuple[Article, ...]", gone: Collection[str]) -> "Change":
            with stderr().status("embedding what is new"):
                return base.merge(Checked(articles, ()), origin(" ".join(urls), reason), rules, gone=gone)

        yield _Target(base.articles(), write)


def _watched(order: "Order", settings: "CrawlSettings") -> "Crawled":
    from helpdesk.knowledge.crawl.crawler import crawl

    with stderr().status("asking the first host for its robots.txt") as status:

        def show(address: str, visited: int, waiting: int) -> None:
            status.update(Text(f"{visited} visited, {waiting} to go: {report.visible(address)}"))

        return crawl(order, settings, progress=show)


def _print(console: Console, result: _Result, *, contact: str) -> None:
    merged = result.merged
    report.print_findings(console, result.merged.findings)
    left_out = f", {merged.left_out} left out" if merged.left_out else ""
    read = f"{report.many(result.crawled.read, 'page')} read: {report.many(len(merged.articles), 'article')}{left_out}."
    console.print(Text(read, "bold"))
    if not contact:
        console.print(Text("The sites read no contact of yours; set HELPDESK_CRAWL__CONTACT.", "bright_black"))
    if merged.vanished and not result.removed:
        names = report.named(merged.vanished)
        said = f"{report.many(len(merged.vanished), 'article')} no longer on the page that had it{names}"
        console.print(Text(f"{said}; --remove-vanished removes.", "yellow"), soft_wrap=True)
    if result.change is not None:
        report.print_change(console, replace(result.change, findings=()))
        return
    counts = (
        (merged.added, "to add" if result.dry_run else "added"),
        (merged.changed, "to change" if result.dry_run else "changed"),
        (result.removed, "to remove" if result.dry_run else "removed"),
    )
    parts = [f"{len(names)} {done}{report.named(names)}" for names, done in counts if names]
    console.print(Text(f"{', '.join([*parts, f'{merged.unchanged} unchanged'])}."), soft_wrap=True)
    if result.dry_run:
        console.print(Text("Nothing was written.", "bright_black"))


def _document(result: _Result) -> dict[str, Any]:
    merged = result.merged
    return {
        "pages": result.crawled.read,
        "failed": list(result.crawled.failed),
        "articles": len(merged.articles),
        "left_out": merged.left_out,
        "added": list(merged.added),
        "changed": list(merged.changed),
        "unchanged": merged.unchanged,
        "vanished": list(merged.vanished),
        "removed": [] if result.dry_run else list(result.removed),
        "dry_run": result.dry_run,
        "version": result.change.version.version if result.change else "",
        "findings": [asdict(finding) for finding in result.merged.findings],
    }
