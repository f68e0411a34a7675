"""Options of the commands that change or try a policy, and what those commands work with."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli import access

if TYPE_CHECKING:
    from helpdesk.policy.book import PolicyBook
    from helpdesk.policy.changes import PolicyChanges
    from helpdesk.policy.rehearsal import Rehearsal
    from helpdesk.ports.store import Store

Value = TypeVar("Value")

ThresholdOption = Annotated[
    list[str] | None, typer.Option("--threshold", help="INTENT=CONFIDENCE, such as get_refund=0.9; repeatable.")
]
AutonomyOption = Annotated[
    list[str] | None,
    typer.Option("--autonomy", help="INTENT=off, draft or answer; `default` for all others; repeatable."),
]
FloorOption = Annotated[float | None, typer.Option("--floor", help="Another confidence_floor, 0 to 1.")]
EvidenceOption = Annotated[float | None, typer.Option("--evidence", help="Another evidence_threshold, 0 to 1.")]
UpsetOption = Annotated[float | None, typer.Option("--upset-at", help="Another bound of upset_at, -1 to 1.")]
Last = Annotated[int, typer.Option(min=1, max=1_000_000, help="How many decisions, from the newest.")]


def single_changes(
    thresholds: Sequence[str] | None,
    autonomy: Sequence[str] | None,
    floor: float | None,
    evidence: float | None,
    upset_at: float | None,
) -> "PolicyChanges":
    """Return the changes that options say."""
    from helpdesk.policy.changes import PolicyChanges
    from helpdesk.policy.rules import Autonomy

    return PolicyChanges(
        thresholds=_pairs(thresholds or (), float, "--threshold", "get_refund=0.9"),
        autonomy=_pairs(autonomy or (), Autonomy, "--autonomy", "get_refund=draft"),
        confidence_floor=floor,
        evidence_threshold=evidence,
        upset_at=upset_at,
    )


def known_intents() -> frozenset[str]:
    """Return every intent that the settings' file has; none where there is no file."""
    from helpdesk.knowledge.standards import known_intents

    return frozenset(known_intents(access.settings().knowledge.intents_file))


def rehearsal(store: "Store", book: "PolicyBook") -> "Rehearsal":
    """Return the rehearsal that reads tickets as workers do."""
    from helpdesk.policy.rehearsal import Rehearsal
    from models.wording import excerpt, wording

    return Rehearsal(store, book, wording=wording, excerpt=excerpt)


def _pairs(texts: Sequence[str], kind: Callable[[str], Value], option: str, example: str) -> dict[str, Value]:
    pairs: dict[str, Value] = {}
    for text in texts:
        intent, equals, value = text.partition("=")
        try:
            if not intent or not equals or intent in pairs:
                raise ValueError
            pairs[intent] = kind(value)
        except ValueError as error:
            raise typer.BadParameter(f"{option} {text!r}: write it as {example}, each intent once") from error
    return pairs
