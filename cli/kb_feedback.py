"""`helpdesk kb feedback`: what customers and agents made of each article."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cli import access
from cli.console import Json, print_json, program, stdout, table
from cli.window import parse_moment

if TYPE_CHECKING:
    from helpdesk.knowledge.article_records import ArticleRecord

Since = Annotated[str, typer.Option(help="As 7d, 12h, 2026-11-21 or 2026-11-21T10:00:00Z.")]
_POOR, _GOOD = -0.1, 0.1


def article_feedback(since: Since = "90d", as_json: Json = False) -> None:
    """Show how articles have done, the worst first: how often they were used, ratings, drafts, and what follows."""
    from helpdesk.knowledge.article_records import article_records

    now = datetime.now(UTC)
    begin = parse_moment(since, now=now)
    with closing(access.store()) as store:
        records = article_records(store, since=begin, until=now)
    if as_json:
        print_json({"since": begin.isoformat(), "articles": [asdict(record) for record in records]})
        return
    if not records:
        stdout().print(
            f"Nothing was answered or drafted from an article since {begin:%Y-%m-%d %H:%M} UTC. "
            f"Look further back with --since 365d, or load articles with: {program()} kb load"
        )
        return
    _print_records(records)


def _print_records(records: "Sequence[ArticleRecord]") -> None:
    from helpdesk.article_feedback import Signal

    names = [signal.value.replace("_", " ") for signal in Signal]
    listing = table("opinion", "article", "asked", *names)
    for column in (0, *range(2, len(listing.columns))):
        listing.columns[column].justify = "right"
    for record in records:
        style = "red" if record.opinion <= _POOR else "green" if record.opinion >= _GOOD else ""
        counts = [str(record.signals.get(signal) or "·") for signal in Signal]
        listing.add_row(
            f"{record.opinion:+.2f}", escape(record.article_id), str(record.asked or "·"), *counts, style=style
        )
    console = stdout()
    console.print(listing)
    console.print(
        "[bright_black]opinion: -1 to 1, against the average article; 0 says nothing. It orders what a search finds.[/]"
    )
