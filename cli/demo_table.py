"""The demo's table: two lines per ticket, so that the answer or the reason has room at any width."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.demo_results import Row, Totals

_GAP = "  "
_INTENT, _OUTCOME, _MS = 24, 14, 6
_LONG_WORDS_FROM = 120
_LEAST_WIDTH, _MOST_WIDTH = 80, 180
_OUTCOME_STYLES = {"answered": "green", "asked": "blue", "drafted": "cyan", "routed": "yellow"}
_DETAIL_INDENT = 3
_UPSET = -0.5


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    style: str = ""
    align_right: bool = False


def print_table(console: Console, rows: Sequence[Row]) -> None:
    """Print every ticket: what it says, what the machine made of it, and the answer or the reason."""
    width = min(max(console.width, _LEAST_WIDTH), _MOST_WIDTH) - 1
    sure, mood = ("confidence", "sentiment") if width >= _LONG_WORDS_FROM else ("conf.", "sent.")
    others = [_INTENT, len(sure), len(mood), _OUTCOME, _MS]
    widths = [width - sum(others) - len(_GAP) * len(others), *others]
    heads = ("ticket", "intent", sure, mood, "outcome", "ms")
    head = [_Cell(name, align_right=name in (sure, mood, "ms")) for name in heads]
    console.print(_line(head, widths, style="bold"), no_wrap=True)
    console.print(Text("─" * width, style="bright_black"), no_wrap=True)
    for item in rows:
        console.print(_line(list(_cells(item)), widths), no_wrap=True)
        console.print(_detail(item, width), no_wrap=True)


def print_totals(console: Console, totals: Totals, *, seconds: float) -> None:
    """Print what became of all of them."""
    console.print()
    console.print(Panel(_totals(totals, seconds), title="[bold]totals[/]", title_align="left", expand=False))


def _cells(item: Row) -> Iterator[_Cell]:
    outcome = item.queue if item.outcome == "routed" and item.queue else item.outcome
    is_upset = item.sentiment is not None and item.sentiment <= _UPSET
    yield _Cell(item.text, "bold")
    yield _Cell(item.intent or "")
    yield _Cell("" if item.confidence is None else f"{item.confidence:.0%}", align_right=True)
    yield _Cell("" if item.sentiment is None else f"{item.sentiment:+.2f}", "red" if is_upset else "", align_right=True)
    yield _Cell(("→ " if item.outcome == "routed" else "") + outcome, _OUTCOME_STYLES[item.outcome])
    yield _Cell(f"{item.decided_after_ms:.0f}", align_right=True)


def _line(cells: Sequence[_Cell], widths: Sequence[int], style: str = "") -> Text:
    line = Text(style=style)
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        part = Text(" ".join(cell.text.split()), style=cell.style)
        part.truncate(width, overflow="ellipsis")
        blank = " " * max(width - cell_len(part.plain), 0)
        line.append(_GAP if number else "")
        line.append_text(Text(blank).append_text(part) if cell.align_right else part.append(blank))
    return line


def _detail(item: Row, width: int) -> Text:
    """Return the answer with its source, else the reason, on one line; the source is never cut off."""
    room = width - _DETAIL_INDENT
    text = Text(" " * _DETAIL_INDENT)
    if item.outcome == "routed" or not item.answer:
        reason = Text(item.why)
        reason.truncate(room, overflow="ellipsis")
        return text.append_text(reason)
    source = Text(f"  [{item.source}]" if item.source else "", style="bright_black")
    source.truncate(room // 2, overflow="ellipsis")
    answer = Text(f"“{item.answer}”", style="italic")
    answer.truncate(room - cell_len(source.plain), overflow="ellipsis")
    return text.append_text(answer).append_text(source)


def _totals(totals: Totals, seconds: float) -> RenderableType:
    share = {
        name: getattr(totals, name) / max(totals.accepted, 1) for name in ("answered", "asked", "drafted", "routed")
    }
    grid = Table.grid(padding=(0, 2))
    grid.add_row("accepted", Text(str(totals.accepted), justify="right"), "")
    grid.add_row(Text("answered", "green"), _count(totals.answered), f"{share['answered']:.0%}, each with its source")
    if totals.asked:
        grid.add_row(Text("asked", "blue"), _count(totals.asked), f"{share['asked']:.0%}, one question back")
    grid.add_row(Text("drafted", "cyan"), _count(totals.drafted), f"{share['drafted']:.0%}, a person approves the text")
    grid.add_row(Text("routed", "yellow"), _count(totals.routed), f"{share['routed']:.0%}, to people, with the reason")
    grid.add_row(Text("lost", "bold red" if totals.lost else "bold"), _count(totals.lost), "")
    figures = Table.grid(padding=(0, 2))
    if totals.routed_to:
        queues = ", ".join(f"{queue} {count}" for queue, count in totals.routed_to.items())
        figures.add_row(Text("queues", "bright_black"), queues)
    if totals.labelled:
        right = totals.intents_as_labelled
        told = f"{right} of {totals.labelled} as labelled in the file ({right / totals.labelled:.0%})"
        figures.add_row(Text("intent", "bright_black"), told)
    latency = f"median {totals.median_ms:.0f} ms, slowest {totals.slowest_ms:.0f} ms"
    speed = f"{latency}, {totals.tickets_per_s:.1f} tickets/s; the whole demo took {seconds:.0f} s"
    figures.add_row(Text("speed", "bright_black"), speed)
    return Group(grid, Text(), figures)


def _count(number: int) -> Text:
    return Text(str(number), style="bold", justify="right")
