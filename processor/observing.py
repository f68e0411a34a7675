"""What the worker counts and measures of decided tickets."""

import time
from collections.abc import Iterable
from datetime import datetime

from helpdesk import metrics
from helpdesk.tickets import answered_last_by
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
            outcome = work.decision.outcome.value
            metrics.decisions.labels(outcome, reason).inc()
            if answered_last_by(work.conversation) is None and any(one.is_question for one in work.conversation):
                metrics.clarified_decisions.labels(outcome).inc()
        metrics.handling_duration.observe(now - work.begun)
        metrics.decision_delay.observe(max(0.0, (at - work.message.submitted_at).total_seconds()))
