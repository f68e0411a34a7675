"""A benchmark's report: the machine, the tables and every single measurement; on the terminal, as Markdown, as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose cells are ready to read; the first column names the row, the others stand to the right.

    Attributes:
        notes: what a reader must know to read the table right.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {len(row)} cells for {len(self.columns)} columns: {row}")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run of a benchmark has to say.

    Attributes:
        settings: what the run was started with.
        machine: what it ran on.
        samples: each measurement by itself, in the order in which they were taken.
    """

    benchmark: str
    started_at: datetime
    settings: Mapping[str, Any]
    machine: Mapping[str, str]
    tables: Sequence[Table]
    samples: Sequence[Mapping[str, Any]] = field(default_factory=list)

    def print(self, console: Console) -> None:
        """Print the tables and the machine."""
        for table in self.tables:
            rich = RichTable(title=escape(table.title), title_justify="left", title_style="bold", show_edge=False)
            for index, column in enumerate(table.columns):
                rich.add_column(escape(column), justify="right" if index else "left", overflow="fold")
            for row in table.rows:
                rich.add_row(*(escape(cell) for cell in row))
            console.print()
            console.print(rich)
            for note in table.notes:
                console.print(f"  {note}", style="dim", highlight=False, markup=False)
        console.print()
        for name, value in self.machine.items():
            console.print(f"  {name}: {value}", style="dim", highlight=False, markup=False)

    def markdown(self) -> str:
        """Return the report without the single measurements."""
        lines = [f"# {self.benchmark}", "", f"Run on {self.started_at:%Y-%m-%d %H:%M} UTC."]
        for table in self.tables:
            lines += ["", f"## {table.title}", "", _line(table.columns)]
            lines.append("|" + "|".join("---:" if index else "---" for index in range(len(table.columns))) + "|")
            lines += [_line(row) for row in table.rows]
            if table.notes:
                lines += ["", *(f"- {note}" for note in table.notes)]
        for title, facts in (("Run", self.settings), ("Machine", self.machine)):
            lines += ["", f"## {title}", "", *(f"- {name}: {value}" for name, value in facts.items())]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Return the whole report as one JSON document."""
        document = {**asdict(self), "started_at": self.started_at.astimezone(UTC).isoformat(timespec="seconds")}
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<date>-<name>.md`` and ``.json``; an earlier run of the same day is replaced."""
        directory.mkdir(parents=True, exist_ok=True)
        stem = f"{self.started_at:%Y-%m-%d}-{name}"
        written = []
        for suffix, text in ((".md", self.markdown()), (".json", self.json())):
            path = directory / (stem + suffix)
            path.write_text(text, encoding="utf-8")
            written.append(path)
        return written


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
