"""The terminal of a benchmark: wide tables, and progress while it runs."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

WIDTH_WITHOUT_TERMINAL = 160


def new_console() -> Console:
    """Return the console that everything is printed on; wide where nobody looks, so that tables are not folded."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False)


class Steps:
    """Progress through a known number of steps: a bar on a terminal, else one line for each step."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total, self._done = console, total, 0
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, result: str) -> None:
        """Print what a step found, so that a run that is stopped has not been for nothing."""
        self._console.print(f"  {result}", style="dim", markup=False, soft_wrap=True)

    def next(self, what: str) -> None:
        """Say what begins now; the step before is done."""
        self._bar.update(self._task, description=what, completed=self._done)
        self._done += 1
        if not self._console.is_terminal:
            self._console.print(f"[{self._done}/{self._total}] {what}", markup=False, soft_wrap=True)
