"""Spans of time: relative to now or absolute, always in UTC."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from cli.window import Window, parse_moment, parse_window

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        (" 2 w ", NOW - timedelta(weeks=2)),
        ("90min", NOW - timedelta(minutes=90)),
        ("0h", NOW),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T10:30", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
        ("2026-11-20T10:30:00+02:00", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20T10:30:00Z", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_so_long_ago_or_a_date(text: str, moment: datetime) -> None:
    assert parse_moment(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7 days", "soon", "0001-01-01T00:00:00+14:00", "1234567d"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write it as 7d"):
        parse_moment(text, now=NOW)


def test_a_window_has_two_ends_in_their_order() -> None:
    window = parse_window("30d..7d", now=NOW)
    assert window == Window(NOW - timedelta(days=30), NOW - timedelta(days=7))
    assert str(window) == "2026-10-22 12:00 to 2026-11-14 12:00 UTC"
    for wrong in ("30d", "7d..30d", "7d..7d", "..7d", "30d.."):
        with pytest.raises(typer.BadParameter):
            parse_window(wrong, now=NOW)


def test_windows_that_only_touch_do_not_overlap() -> None:
    first, second = parse_window("30d..7d", now=NOW), parse_window("7d..0h", now=NOW)
    assert not first.overlaps(second)
    assert first.overlaps(parse_window("8d..1d", now=NOW))
