"""The gate before a promotion: a candidate passes that is not worse than the live model and keeps its promises."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from models.comparison import Difference, compare, verdict
from models.evaluate import Evaluation

COMPARED = ("accuracy", "macro_f1", "nll", "coverage_at_98", "oos_auroc")
"""Metrics in which a candidate may lie behind the live model only as far as luck explains."""
MIN_ROWS = 200
"""On fewer in-scope rows every interval is so wide that anything would pass."""
MAX_FALSE_REJECTIONS = 0.06
MAX_AUTOMATION_LOSS = 0.05


class Bounds(BaseModel):
    """What a candidate must keep whatever the live model does, as shares of one.

    Attributes:
        max_ece: largest expected calibration error.
        min_precision: least share of right answers among those above their thresholds.
    """

    model_config = ConfigDict(frozen=True)

    max_ece: float
    min_precision: float


class Criterion(BaseModel):
    """One thing that was asked of a candidate.

    Attributes:
        finding: a sentence with the figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    passed: bool
    finding: str


class Verdict(BaseModel):
    """What the gate says.

    Attributes:
        candidate: the version that was examined.
        checksum: of its artifact as it was then.
        live: the version that it was compared with; None where none was live.
        data: what both were measured on: the file's name, and the beginning of its SHA-256.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: str
    checksum: str
    live: str | None
    data: str
    criteria: tuple[Criterion, ...]

    @property
    def passed(self) -> bool:
        """Whether every criterion is met."""
        return all(criterion.passed for criterion in self.criteria)

    @property
    def failures(self) -> list[Criterion]:
        """The criteria that are not met."""
        return [criterion for criterion in self.criteria if not criterion.passed]


def judge(candidate: Evaluation, live: Evaluation | None, bounds: Bounds) -> list[Criterion]:
    """Return every criterion for a candidate, both models being evaluated on the same rows in the same order.

    Args:
        live: None where there is nothing to compare with; then the bounds alone count.
    """
    return [*_enough_rows(candidate), *_within_bounds(candidate, bounds), *_not_worse(candidate, live)]


def _enough_rows(candidate: Evaluation) -> Iterator[Criterion]:
    rows = sum(result.rows for result in candidate.intents)
    yield Criterion(
        name="rows", passed=rows >= MIN_ROWS, finding=f"measured on {rows} in-scope tickets; {MIN_ROWS} are needed"
    )


def _within_bounds(candidate: Evaluation, bounds: Bounds) -> Iterator[Criterion]:
    metrics = candidate.metrics
    yield _at_most("ece", metrics["ece"], bounds.max_ece)
    precision = metrics["automated_precision"]
    # A model that automates nothing has no precision to break; what it loses is seen below.
    kept = precision >= bounds.min_precision or metrics["automated"] == 0
    finding = f"{precision:.4f}; at least {bounds.min_precision:.4f} is needed"
    yield Criterion(name="automated_precision", passed=kept, finding=finding)
    if "oos_false_rejections" in metrics:
        yield _at_most("oos_false_rejections", metrics["oos_false_rejections"], MAX_FALSE_REJECTIONS)


def _not_worse(candidate: Evaluation, live: Evaluation | None) -> Iterator[Criterion]:
    if live is None:
        return
    labels = len(live.intents), len(candidate.intents)
    differences = {item.metric: item for item in compare(live.rows, candidate.rows, labels)}
    for name in COMPARED:
        if name in differences:
            yield _compared(differences[name])
    before, after = live.metrics["automated"], candidate.metrics["automated"]
    yield Criterion(
        name="automated",
        passed=after >= before - MAX_AUTOMATION_LOSS,
        finding=f"{after:.4f} against {before:.4f}; {MAX_AUTOMATION_LOSS:.4f} less is allowed",
    )


def _compared(item: Difference) -> Criterion:
    finding = f"{item.second:.4f} against {item.first:.4f}; 95 % of draws: {item.low:+.4f} to {item.high:+.4f}"
    return Criterion(name=item.metric, passed=verdict(item) != "worse", finding=finding)


def _at_most(name: str, value: float, limit: float) -> Criterion:
    return Criterion(name=name, passed=value <= limit, finding=f"{value:.4f}; at most {limit:.4f} is allowed")
