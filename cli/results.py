"""`helpdesk results`: what became of answers, counted apart, and whether promises were kept."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.access import ticket_api
from cli.console import Json, print_json, stdout, table
from cli.window import Window, parse_moment
from helpdesk.clock import utc_now
from helpdesk.ports.store import Role

_COLUMNS = ("answers", "confirmed", "assumed", "open", "unhelpful", "reopened", "recontacted")


def results(
    since: Annotated[
        str, typer.Option(help="Begin of the period: 30d, 12h, 2026-11-21, 2026-11-21T10:00:00Z.")
    ] = "30d",
    until: Annotated[str, typer.Option(help="Its end, written likewise (default: now).")] = "",
    days: Annotated[int, typer.Option(min=1, max=365, help="For how many days an answer is watched.")] = 7,
    as_json: Json = False,
) -> None:
    """Count apart what became of the answers of a period, the machine's and people's; no figure stands for all."""
    now = utc_now()
    period = Window(parse_moment(since, now=now), parse_moment(until, now=now) if until else now)
    asked = {"since": period.since.isoformat(), "until": period.until.isoformat(), "watched_days": days}
    with ticket_api(Role.OPERATOR) as api:
        found = api.get("/results", **asked)
    if as_json:
        print_json(found)
        return
    console = stdout()
    console.print(f"Answers from {period}, each watched for {days} days")
    console.print(_tallies("Automatic answers", found["automatic"], found["automatic_total"], "handed_over"))
    console.print(_tallies("People's answers", found["people"], found["people_total"]))
    console.print(_promises(found))
    console.print("[bright_black]What each column means: docs/explanation/results.md[/]")


def _tallies(title: str, by_intent: Mapping[str, Any], total: Mapping[str, int], *more: str) -> Table:
    columns = (*_COLUMNS, *more)
    listing = table("intent", *(column.replace("_", " ") for column in columns), title=title)
    for column in listing.columns[1:]:
        column.justify = "right"
    for intent, tally in by_intent.items():
        listing.add_row(intent, *(str(tally[name] or "·") for name in columns))
    listing.add_section()
    listing.add_row("total", *(str(total[name]) for name in columns), style="bold")
    return listing


def _promises(found: Mapping[str, Any]) -> Table:
    listing = table("promise", "in time", "missed", "running", title="Promises to the tickets submitted meanwhile")
    for column in listing.columns[1:]:
        column.justify = "right"
    for name, title in (
        ("first_replies_automatic", "first reply, by the machine"),
        ("first_replies_people", "first reply, by a person"),
        ("first_replies_owed", "first reply, none yet"),
        ("resolutions", "resolution"),
    ):
        listing.add_row(title, *(str(found[name][column] or "·") for column in ("in_time", "missed", "running")))
    return listing
