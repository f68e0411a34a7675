"""Spans of time as commands take them: `7d`, `2026-11-21`, `2026-11-21T10:00:00Z`, and two of them as `30d..7d`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"(\d{1,5})\s*(w|d|h|min)")
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
_EXAMPLES = "as 7d, 12h, 2026-11-21 or 2026-11-21T10:00:00Z"


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time: ``since`` belongs to it, ``until`` does not."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise typer.BadParameter(f"a window ends after it begins, and this one is {self}")

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC"

    def overlaps(self, other: "Window") -> bool:
        """Whether any moment belongs to both."""
        return self.since < other.until and other.since < self.until


def parse_moment(text: str, *, now: datetime) -> datetime:
    """Return a moment in UTC: so long ago, or a date or time, in UTC unless it names a zone."""
    if ago := _AGO.fullmatch(text.strip()):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no moment; write it {_EXAMPLES}") from error


def parse_window(text: str, *, now: datetime) -> Window:
    """Return the window of ``SINCE..UNTIL``."""
    since, dots, until = text.partition("..")
    if not dots:
        raise typer.BadParameter(f"{text!r} is no window; write it as 30d..7d or 2026-11-01..2026-11-08")
    return Window(parse_moment(since, now=now), parse_moment(until, now=now))
