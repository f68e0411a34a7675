"""What the worker counts and measures of decided tickets."""

import time
from collections.abc import Iterable
from datetime import datetime

from helpdesk import metrics
from processor.work import Work


def count_decisions(works: Iterable[Work], *, at: datetime) -> None:
    """Count decisions that took effect, and how long they took.

    Args:
        at: the time of their commit.
    """
    now = time.perf_counter()
    for work in works:
        if work.decision is not None:
            reason = work.decision.reasons[-1].code if work.decision.reasons else ""
            metrics.decisions.labels(work.decision.outcome.value, reason).inc()
        metrics.handling_duration.observe(now - work.begun)
        metrics.decision_delay.observe(max(0.0, (at - work.message.submitted_at).total_seconds()))
