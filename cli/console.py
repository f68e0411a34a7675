"""What commands print: for people through rich, for programs one JSON document; progress and errors on stderr."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

WIDTH_WITHOUT_TERMINAL = 160

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output, and nothing else.")]

STATUS_STYLES = {
    "received": "cyan",
    "processing": "cyan",
    "reopened": "cyan",
    "answered": "green",
    "asked": "blue",
    "replied": "green",
    "resolved": "bright_black",
    "queued": "yellow",
    "review": "yellow",
    "claimed": "magenta",
    "failed": "red",
}

SLA_STYLES = {"ok": "default", "soon": "yellow", "breached": "red"}


class CommandFailed(Exception):
    """A command cannot do what it was asked; the message is the line that its user reads."""


def stdout() -> Console:
    """Return the console for results; wide where nobody looks, so that no value is cut off in a pipe."""
    return Console(width=_width(sys.stdout.isatty()), highlight=False)


def stderr() -> Console:
    """Return the console for progress and errors."""
    return Console(stderr=True, width=_width(sys.stderr.isatty()), highlight=False)


def program() -> str:
    """Return what to type for this program, so that a printed command works when it is pasted."""
    beside = Path(sys.executable).with_name("helpdesk")
    if which("helpdesk"):
        return "helpdesk"
    return os.path.relpath(beside) if beside.exists() else "python -m cli"


def print_json(document: Any) -> None:
    """Print the command's whole result as JSON."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table in the house's style."""
    from rich.box import SIMPLE_HEAD

    result = Table(title=title, box=SIMPLE_HEAD, header_style="bold", title_justify="left", pad_edge=False)
    for column in columns:
        result.add_column(column)
    return result


def status_markup(status: str) -> str:
    """Return a ticket's status in its colour."""
    return f"[{STATUS_STYLES.get(status, 'default')}]{status}[/]"


def age(moment: str | None, *, now: datetime | None = None) -> str:
    """Return how long ago an ISO 8601 moment was, such as ``3 min``; empty for none."""
    if not moment:
        return ""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def due(moment: str | None, sla: str, *, now: datetime | None = None) -> str:
    """Return how far a deadline is ahead, or how long it was missed, in the colour of its state; empty for none."""
    now = now or datetime.now(UTC)
    style = SLA_STYLES.get(sla, "default")
    if not moment:
        return f"[{style}]missed[/]" if sla == "breached" else ""
    left = datetime.fromisoformat(moment) - now
    text = f"in {age(now.isoformat(), now=now + left)}" if left.total_seconds() > 0 else f"{age(moment, now=now)} late"
    return f"[{style}]{text}[/]"


def clock_time(moment: str) -> str:
    """Return an ISO 8601 moment as the local time of day."""
    return f"{datetime.fromisoformat(moment).astimezone():%H:%M:%S}"


def _width(is_terminal: bool) -> int | None:
    return None if is_terminal or "COLUMNS" in os.environ else WIDTH_WITHOUT_TERMINAL
