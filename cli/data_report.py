"""What was found wrong with a file of labelled tickets, as a table for people and as a document for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from cli.console import table
from cli.corrections import corrections_document, print_corrections

if TYPE_CHECKING:
    from models.dataset import CheckedFile

_STYLES = {"error": "bold red", "warning": "yellow"}


def print_report(console: Console, path: Path, checked: "CheckedFile") -> None:
    """Print what was read, and each finding with its first examples and what to do."""
    console.print(f"[bold]{path.name}[/]: {_summary(checked)}", soft_wrap=True)
    if checked.dataset is not None and checked.dataset.corrections is not None:
        print_corrections(console, checked.dataset.corrections)
    if not checked.findings:
        console.print("Nothing is wrong with it.")
        return
    findings = table("", "problem", "rows", "for example", "what to do")
    findings.columns[2].justify = "right"
    for finding in checked.findings:
        findings.add_row(
            Text(finding.severity, _STYLES[finding.severity]),
            Text(finding.problem),
            str(finding.count),
            Text("\n".join(_examples(finding.lines, finding.examples))),
            Text(finding.remedy),
        )
    console.print(findings)


def report_document(path: Path, checked: "CheckedFile") -> dict[str, Any]:
    """Return the report as `--json` prints it."""
    columns = checked.columns
    return {
        "file": str(path),
        "usable": checked.dataset is not None,
        "columns": {"text": columns.text, "label": columns.label, "split": columns.split, "group": columns.group},
        "rows": _rows_by_split(checked),
        "intents": len(checked.dataset.labels) if checked.dataset else None,
        "corrections": corrections_document(checked.dataset.corrections) if checked.dataset else None,
        "findings": [
            {
                "severity": finding.severity,
                "problem": finding.problem,
                "count": finding.count,
                "lines": list(finding.lines),
                "examples": list(finding.examples),
                "remedy": finding.remedy,
            }
            for finding in checked.findings
        ],
    }


def _summary(checked: "CheckedFile") -> str:
    columns = f"text in {checked.columns.text!r}, label in {checked.columns.label!r}"
    if checked.dataset is None:
        return columns
    rows = ", ".join(f"{count} {split}" for split, count in _rows_by_split(checked).items())
    divided = "divided here, near-duplicates kept together" if checked.divided else "divided as the file says"
    return f"{columns}; {len(checked.dataset.labels)} intents; {rows} ({divided})"


def _rows_by_split(checked: "CheckedFile") -> dict[str, int]:
    from models.splitting import SPLITS

    return {split: len(checked.dataset.part(split)) for split in SPLITS} if checked.dataset else {}


def _examples(lines: Sequence[int], examples: Sequence[str]) -> list[str]:
    return [f"line {line}: {text}" for line, text in zip(lines, examples, strict=True)] if lines else list(examples)
