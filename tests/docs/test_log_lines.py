"""The log lines that the night page explains are lines that the code writes."""

import ast
import re

from helpdesk.settings import PROJECT_DIR

PAGE = PROJECT_DIR / "docs" / "howto" / "night-operator.md"
PACKAGES = ("helpdesk", "ticket_api", "prediction_api", "processor", "relay", "models")
METHODS = {"debug", "info", "warning", "error", "exception"}


def logged() -> set[str]:
    """Return the constant event text of every log call."""
    events: set[str] = set()
    for package in PACKAGES:
        for file in (PROJECT_DIR / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    arguments = node.args[1:] if node.func.attr == "log" else node.args[:1]
                    if node.func.attr in METHODS | {"log"}:
                        events |= {str(item.value) for item in arguments if isinstance(item, ast.Constant)}
    return events


def test_every_log_line_on_the_night_page_is_written_by_the_code() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("| line | what to do |\n")[2].partition("\n\n")[0]
    first_cells = [row.split("|")[1] for row in section.splitlines()]
    explained = {event for cell in first_cells for event in re.findall(r"`([^`]+)`", cell)}
    assert len(explained) >= 8
    assert explained - logged() == set()
