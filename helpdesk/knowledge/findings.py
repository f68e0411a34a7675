"""What is wrong with articles: each finding says where, what, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from helpdesk.errors import ArticlesRefused


class Severity(StrEnum):
    """An error stops a load; a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: the kind of finding, the same for all of its kind.
        where: a file with its line, or an article's id.
    """

    severity: Severity
    code: str
    where: str
    problem: str
    remedy: str


def error(code: str, where: str, problem: str, remedy: str) -> Finding:
    """Return a finding that stops a load."""
    return Finding(Severity.ERROR, code, where, problem, remedy)


def warning(code: str, where: str, problem: str, remedy: str) -> Finding:
    """Return a finding that is shown."""
    return Finding(Severity.WARNING, code, where, problem, remedy)


def errors_of(findings: Sequence[Finding]) -> list[Finding]:
    """Return the errors among findings."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise ArticlesRefused where there is an error among the findings."""
    if errors := errors_of(findings):
        raise ArticlesRefused([(finding.where, finding.problem, finding.remedy) for finding in errors])
