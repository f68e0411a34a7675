"""The terminal of a benchmark: wide tables, and progress while it runs."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

WIDTH_WITHOUT_TERMINAL = 160


def new_console() -> Console:
    """Return the console that everything is printed on; wide where nobody looks, so that tables are not folded."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False)


def new_progress(console: Console) -> Progress:
    """Return a progress bar that vanishes when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)
