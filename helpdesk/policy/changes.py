"""Changes of a policy: single ones that somebody tries or saves, and how two policies differ."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from helpdesk.policy.rules import Autonomy, Policy
from helpdesk.policy.writing import edited

Value = str | float | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanges:
    """Single changes; what is None or empty stays as it is.

    Attributes:
        autonomy: by intent; ``default`` stands for the intents that have none of their own.
        thresholds: confidence by intent, 0 to 1.
    """

    autonomy: Mapping[str, Autonomy] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    confidence_floor: float | None = None
    evidence_threshold: float | None = None
    upset_at: float | None = None

    def __bool__(self) -> bool:
        return any(True for _ in self._paths())

    def applied_to(self, body: str) -> str:
        """Return a policy's text with these changes; they are checked when it is parsed."""
        for path, value in self._paths():
            body = edited(body, path, value)
        return body

    def _paths(self) -> Iterator[tuple[tuple[str, ...], Value]]:
        for intent, autonomy in self.autonomy.items():
            yield ("autonomy", "default") if intent == "default" else ("autonomy", "intents", intent), autonomy.value
        for intent, threshold in self.thresholds.items():
            yield ("confidence_thresholds", intent), threshold
        for name in ("confidence_floor", "evidence_threshold", "upset_at"):
            if (value := getattr(self, name)) is not None:
                yield (name,), value


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One difference between two policies; None on one side: the rule, or this entry of a list, is not there."""

    path: str
    before: Value
    after: Value


def differences(before: Policy, after: Policy) -> list[RuleChange]:
    """Return what differs, rule by rule and entry by entry; the version's number does not count."""
    first, second = (policy.model_dump(mode="json", exclude={"version", "digest"}) for policy in (before, after))
    return list(_differing("", first, second))


def unknown_intents(policy: Policy, known: Collection[str]) -> list[str]:
    """Return the intents that the policy has rules for and that do not exist: such a rule has no effect.

    Args:
        known: every intent that there is; empty where nobody knows.
    """
    asked_about = policy.clarify.intents if policy.clarify is not None else ()
    named = {*policy.autonomy.intents, *policy.confidence_thresholds, *asked_about}
    return sorted(named - set(known)) if known else []


def _differing(path: str, before: object, after: object) -> Iterator[RuleChange]:
    match before, after:
        case ((dict() | None), (dict() | None)):
            first, second = before or {}, after or {}
            for name in sorted(first.keys() | second.keys()):
                yield from _differing(f"{path}.{name}" if path else str(name), first.get(name), second.get(name))
        case ((list() | None), (list() | None)):
            gone = [str(item) for item in before or () if item not in (after or ())]
            new = [str(item) for item in after or () if item not in (before or ())]
            yield from (RuleChange(path=path, before=item, after=None) for item in sorted(gone))
            yield from (RuleChange(path=path, before=None, after=item) for item in sorted(new))
        case _ if before != after:
            yield RuleChange(path=path, before=_value(before), after=_value(after))


def _value(value: object) -> Value:
    return value if value is None or isinstance(value, str | float | int | bool) else str(value)
