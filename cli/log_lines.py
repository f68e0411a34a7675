"""Log lines of child processes: read as JSON, shown as coloured text with the service's name in front."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from rich.console import Console
from rich.text import Text

_COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_magenta", "bright_green")
_LEVEL_STYLES = {"DEBUG": "bright_black", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
_STANDARD = frozenset(
    {"asctime", "levelname", "name", "message", "correlation_id", "service", "exc_info", "taskName", "color_message"}
)
_CHATTY = "uvicorn"
"""Tells each step of starting and stopping, which our services tell in their own words."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a service wrote.

    Attributes:
        level: empty for what is no log record of ours, such as a library's own output.
    """

    raw: str
    event: str
    level: str = ""
    time: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    trace: str = ""

    @classmethod
    def read(cls, raw: str) -> Self:
        """Return the line, its parts told apart where it is a record in JSON."""
        try:
            record = json.loads(raw) if raw.startswith("{") else None
        except ValueError:
            record = None
        if not isinstance(record, dict) or "message" not in record:
            return cls(raw, event=raw)
        level = str(record.get("levelname", ""))
        if level == "INFO" and str(record.get("name", "")).startswith(_CHATTY):
            level = "DEBUG"
        return cls(
            raw,
            event=str(record["message"]),
            level=level,
            time=str(record.get("asctime", ""))[11:19],
            fields={name: value for name, value in record.items() if name not in _STANDARD},
            trace=str(record.get("exc_info") or ""),
        )


class LogPrinter:
    """Prints the lines of several services, each in its own colour, from a level on."""

    def __init__(self, console: Console, *, level: str, raw: bool) -> None:
        self._console = console
        self._level = logging.getLevelNamesMapping()[level]
        self._raw = raw
        self._colours: dict[str, str] = {}

    def __call__(self, service: str, line: LogLine) -> None:
        """Print one line."""
        if line.level and logging.getLevelNamesMapping().get(line.level, logging.INFO) < self._level:
            return
        if self._raw:
            self._console.out(line.raw, highlight=False)
            return
        colour = self._colours.setdefault(service, _COLOURS[len(self._colours) % len(_COLOURS)])
        text = Text.assemble((f"{line.time:<9}", "bright_black"), (f"{service:<15}", colour))
        text.append(line.event, _LEVEL_STYLES.get(line.level, "" if line.level else "bright_black"))
        for name, value in line.fields.items():
            text.append(f" {name}=", "bright_black").append(str(value))
        if line.trace:
            text.append(f"\n{line.trace}", "bright_black")
        self._console.print(text, soft_wrap=True)
