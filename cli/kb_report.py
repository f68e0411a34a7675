"""What a check found and what a change did, as tables for people and as documents for programs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from cli.console import program, table

if TYPE_CHECKING:
    from helpdesk.knowledge.changes import Change
    from helpdesk.knowledge.checking import Checked
    from helpdesk.knowledge.findings import Finding
    from helpdesk.ports.knowledge_versions import KnowledgeVersion

SHOWN_OF_A_KIND = 3
SHOWN_GROUPS = 5
SHOWN_NAMES = 8
_STYLES = {"error": "bold red", "warning": "yellow"}


def print_check(console: Console, checked: "Checked") -> None:
    """Print what was found, and whether the articles may be loaded."""
    print_findings(console, checked.findings)
    counts = _counts(checked.findings)
    verdict = Text("They can be loaded.", "green") if checked.usable else Text("They cannot be loaded.", "bold red")
    said = f"{many(len(checked.articles), 'article')}: {many(counts['error'], 'error')}, "
    console.print(Text.assemble(said, f"{many(counts['warning'], 'warning')}. ", verdict))


def print_findings(console: Console, findings: Sequence["Finding"]) -> None:
    """Print findings, errors first; of each kind the first few, and how many more there are."""
    if not findings:
        return
    kinds: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda finding: (finding.severity, finding.code)):
        kinds[finding.severity, finding.code].append(finding)
    listing = table("", "where", "what is wrong, and what to do")
    listing.columns[1].overflow = "fold"
    listing.columns[1].max_width = 36
    for (severity, code), group in kinds.items():
        for finding in group[:SHOWN_OF_A_KIND]:
            what = Text.assemble(visible(finding.problem), "\n", (f"→ {visible(finding.remedy)}", "bright_black"))
            listing.add_row(Text(severity, _STYLES[severity]), Text(visible(finding.where)), what)
        if len(group) > SHOWN_OF_A_KIND:
            more = f"… and {len(group) - SHOWN_OF_A_KIND:,} more of this kind ({code})"
            listing.add_row(Text(severity, _STYLES[severity]), "", Text(more, "bright_black"))
    console.print(listing)


def print_change(console: Console, change: "Change") -> None:
    """Print what a change did."""
    print_findings(console, change.findings)
    counts = [
        f"{len(names)} {done}{named(names)}"
        for done, names in (("added", change.added), ("changed", change.changed), ("removed", change.removed))
        if names
    ]
    counts.append(f"{change.unchanged} unchanged")
    version = change.version
    if change.added or change.changed or change.removed:
        head = f"Version {version.number} is in force ({version.version})"
    else:
        head = f"Nothing changes: version {version.number} is in force ({version.version})"
    console.print(Text.assemble((head, "bold"), f": {', '.join(counts)}."), soft_wrap=True)
    if change.embedded:
        console.print(Text(f"{many(change.embedded, 'article')} embedded.", "bright_black"))
    for group in change.collapsed[:SHOWN_GROUPS]:
        console.print(Text(f"The same to search: {', '.join(group)}; it shows one of them.", "yellow"), soft_wrap=True)
    if len(change.collapsed) > SHOWN_GROUPS:
        console.print(Text(f"… and {len(change.collapsed) - SHOWN_GROUPS} more such groups.", "yellow"))


def print_versions(console: Console, versions: Sequence["KnowledgeVersion"], in_force: str) -> None:
    """Print versions, newest first, and mark the one that searches see."""
    listing = table("version", "name", "when", "by", "what", "articles", "changes", "from, and why")
    for column in (0, 5):
        listing.columns[column].justify = "right"
    for column in (1, 2):
        listing.columns[column].no_wrap = True
    current = next((version.number for version in versions if version.version == in_force), None)
    for version in versions:
        counts = ((version.added, "+"), (version.changed, "~"), (version.removed, "−"))
        changes = " ".join(f"{sign}{count}" for count, sign in counts if count)
        facts = (str(version.number), version.version, f"{version.at:%Y-%m-%d %H:%M}", version.by, version.action)
        origin = " · ".join(part for part in (version.source, version.reason) if part)
        cells = (*facts, f"{version.articles:,}", changes, origin)
        listing.add_row(
            *(Text(visible(cell)) for cell in cells), style="bold green" if version.number == current else ""
        )
    console.print(listing)
    if current == versions[0].number:
        console.print(Text(f"Version {current} is in force.", "green"))
        return
    said = f"version {current}" if current else f"a version of another list ({in_force})" if in_force else "none"
    heal = f"a running worker, a start of the services or `{program()} kb load` puts the newest into force."
    console.print(Text(f"In force is {said}: {heal}", "yellow"))


def check_document(checked: "Checked") -> dict[str, Any]:
    """Return a check as `--json` prints it."""
    counts = _counts(checked.findings)
    return {
        "usable": checked.usable,
        "articles": len(checked.articles),
        "errors": counts["error"],
        "warnings": counts["warning"],
        "findings": [asdict(finding) for finding in checked.findings],
    }


def change_document(change: "Change") -> dict[str, Any]:
    """Return a change as `--json` prints it."""
    return {
        "version": change.version.version,
        "number": change.version.number,
        **{name: len(getattr(change, name)) for name in ("added", "changed", "removed")},
        "unchanged": change.unchanged,
        "ids": {name: list(getattr(change, name)) for name in ("added", "changed", "removed")},
        "embedded": change.embedded,
        "collapsed": [list(group) for group in change.collapsed],
        "findings": [asdict(finding) for finding in change.findings],
    }


def version_document(version: "KnowledgeVersion") -> dict[str, Any]:
    """Return a version as `--json` prints it."""
    return {**asdict(version), "at": version.at.isoformat()}


def error_count(checked: "Checked") -> str:
    """Return how many errors there are, with the noun."""
    return many(_counts(checked.findings)["error"], "error")


def _counts(findings: Sequence["Finding"]) -> dict[str, int]:
    return {severity: sum(finding.severity == severity for finding in findings) for severity in _STYLES}


def many(count: int, noun: str) -> str:
    """Return a count with its noun, such as ``3 errors``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def named(names: Sequence[str]) -> str:
    """Return names in brackets, unless there are too many to read."""
    return f" ({', '.join(names)})" if len(names) <= SHOWN_NAMES else ""


def visible(text: str) -> str:
    """Return a text whose control characters can be seen, so that no article drives the terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
