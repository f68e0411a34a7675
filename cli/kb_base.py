"""Opens the knowledge base for the commands that keep it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cli import access
from cli import kb_report as report
from cli.console import CommandFailed, print_json, stdout

if TYPE_CHECKING:
    from helpdesk.knowledge.base import KnowledgeBase
    from helpdesk.knowledge.changes import Origin
    from helpdesk.knowledge.standards import Standards


@contextmanager
def keeping() -> "Iterator[KnowledgeBase]":
    """Yield the knowledge base over store and index."""
    from helpdesk.knowledge.base import KnowledgeBase
    from helpdesk.wiring import open_knowledge

    with closing(access.store()) as store, closing(open_knowledge(access.settings())) as index:
        yield KnowledgeBase(store, index)


@contextmanager
def refusals_shown(*, as_json: bool) -> Iterator[None]:
    """Print all errors of the articles that the block refuses, and end the command with their number."""
    from helpdesk.errors import ArticlesRefused
    from helpdesk.knowledge.findings import error as finding_of

    try:
        yield
    except ArticlesRefused as refused:
        findings = [finding_of("refused", *problem) for problem in refused.problems]
        if as_json:
            print_json({"findings": [asdict(finding) for finding in findings]})
        else:
            report.print_findings(stdout(), findings)
        raise CommandFailed(f"nothing was changed: {report.many(len(findings), 'error')} to correct first") from refused


def standards(brand_file: Path | None = None) -> "Standards":
    """Return what the articles in force are held against."""
    from helpdesk.clock import utc_now
    from helpdesk.knowledge.standards import Standards

    return Standards.of(access.settings(), today=utc_now().date(), brand_file=brand_file)


def origin(source: str, reason: str) -> "Origin":
    """Return who runs this command, for the record."""
    from helpdesk.knowledge.changes import Origin

    return Origin(by=access.user(), source=source, reason=reason.strip())
