"""What a shadow's records come to: agreement, what it would do otherwise, and how its confidence differs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from helpdesk.corrections import OUT_OF_SCOPE
from models.shadow_log import Judgement, ShadowRecord

_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """Figures over the tickets that both models read.

    Attributes:
        live_versions: every version that was live meanwhile.
        agreement: share of tickets of which both say the same.
        disagreements: (live says, shadow says, tickets), the most frequent first.
        live_automated: share that the live model is sure enough of to answer without a person.
        newly_automated: share of which only the shadow is.
        no_longer_automated: share of which only the live model is.
        confidence_shift: 5 %, 50 % and 95 % quantile of the shadow's confidence less the live one's.
        duration_ms: the same quantiles of the shadow's predictions.
    """

    tickets: int
    live_versions: tuple[str, ...]
    agreement: float
    disagreements: tuple[tuple[str, str, int], ...]
    live_automated: float
    shadow_automated: float
    newly_automated: float
    no_longer_automated: float
    live_confidence: float
    shadow_confidence: float
    confidence_shift: tuple[float, ...]
    duration_ms: tuple[float, ...]


def shadow_report(records: Sequence[ShadowRecord]) -> ShadowReport:
    """Return the figures of at least one record."""
    live, shadow = [record.live for record in records], [record.shadow for record in records]
    both = list(zip(live, shadow, strict=True))
    shifts = [other.confidence - one.confidence for one, other in both]
    pairs = Counter((_said(record.live), _said(record.shadow)) for record in records if not record.agrees)
    return ShadowReport(
        tickets=len(records),
        live_versions=tuple(sorted({one.version for one in live})),
        agreement=_share(record.agrees for record in records),
        disagreements=tuple((one, other, count) for (one, other), count in pairs.most_common()),
        live_automated=_share(one.automated for one in live),
        shadow_automated=_share(other.automated for other in shadow),
        newly_automated=_share(other.automated and not one.automated for one, other in both),
        no_longer_automated=_share(one.automated and not other.automated for one, other in both),
        live_confidence=_share(one.confidence for one in live),
        shadow_confidence=_share(other.confidence for other in shadow),
        confidence_shift=_quantiles(shifts),
        duration_ms=_quantiles([record.duration_ms for record in records]),
    )


def _said(judgement: Judgement) -> str:
    return OUT_OF_SCOPE if judgement.out_of_scope else judgement.label


def _share(values: Iterable[float]) -> float:
    return round(float(np.mean(list(values))), 6)


def _quantiles(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in np.quantile(values, _QUANTILES))
