"""A policy that somebody thinks of: a text, or single changes of the one in force, checked and compared with that."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from helpdesk.errors import InvalidInput
from helpdesk.policy.book import PolicyBook, policy_of
from helpdesk.policy.changes import PolicyChanges, RuleChange, differences, unknown_intents
from helpdesk.policy.rules import Policy, parse_policy
from helpdesk.ports.policies import PolicyVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A policy that is not in force.

    Attributes:
        base: what is in force, and what ``changes`` compares with.
        unknown_intents: intents that it has rules for and that do not exist: such a rule has no effect.
    """

    base: PolicyVersion
    body: str
    policy: Policy
    changes: Sequence[RuleChange]
    unknown_intents: Sequence[str]


def proposed_text(book: PolicyBook, body: str, *, where: str, known: Collection[str]) -> Proposal:
    """Return the proposal that a text is.

    Args:
        where: the text's place, for whoever must correct it.
        known: every intent that there is; empty where nobody knows.

    Raises:
        PolicyRefused: it does not fit.
    """
    policy = parse_policy(body, where=where)
    return _proposal(book.newest(), body, policy, known)


def proposed_changes(book: PolicyBook, changes: PolicyChanges, *, known: Collection[str]) -> Proposal:
    """Return the proposal that single changes make of the policy in force.

    Raises:
        InvalidInput: nothing is to change, or an intent does not exist.
        PolicyRefused: a value does not fit.
    """
    if not changes:
        raise InvalidInput("names no change", field="changes", remedy="give a threshold, an autonomy or a bound")
    for intent in (*changes.autonomy, *changes.thresholds):
        if known and intent not in known and intent != "default":
            near = difflib.get_close_matches(intent, known, n=1)
            remedy = f"write {near[0]}" if near else "name an intent of the classifier"
            raise InvalidInput(f"{intent[:80]!r} is no intent", field="changes", remedy=remedy)
    base = book.newest()
    body = changes.applied_to(base.body)
    return _proposal(base, body, parse_policy(body, where="the changed policy", number=base.number), known)


def _proposal(base: PolicyVersion, body: str, policy: Policy, known: Collection[str]) -> Proposal:
    return Proposal(
        base=base,
        body=body,
        policy=policy,
        changes=differences(policy_of(base), policy),
        unknown_intents=unknown_intents(policy, known),
    )
