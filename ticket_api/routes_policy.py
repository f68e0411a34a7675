"""The policy over HTTP, for operators: the same checks and versions as `helpdesk policy`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from helpdesk.knowledge.standards import known_intents
from helpdesk.policy.book import PolicyOrigin, changes_between
from helpdesk.policy.proposal import Proposal, proposed_changes, proposed_text
from helpdesk.ports.decision_log import DecisionFilter
from helpdesk.web.authentication import Caller
from helpdesk.web.problems import problem_responses
from ticket_api.policy_bodies import (
    ApplyPolicy,
    CheckPolicy,
    PolicyChangeView,
    PolicyVersionList,
    PolicyVersionWithChanges,
    PolicyView,
    ProposalView,
    RollBackPolicy,
    TryPolicy,
    WhatIfView,
)
from ticket_api.services import Analyst, Operator, Services, Uses

router = APIRouter(prefix="/policy", tags=["policy"], responses=problem_responses(400, 401, 403, 413, 422, 429, 503))

_MISSING = problem_responses(404)
_CONFLICT = problem_responses(409)
_MISSING_OR_CONFLICT = problem_responses(404, 409)


@router.get("")
def show_policy(caller: Analyst, services: Uses) -> PolicyView:
    """Show the policy in force."""
    return PolicyView.model_validate(services.policies.version())


@router.get("/versions")
def list_versions(
    caller: Analyst, services: Uses, limit: Annotated[int, Query(ge=1, le=1000)] = 20
) -> PolicyVersionList:
    """List versions, newest first: when, by whom, why, and what each changed."""
    versions = services.policies.versions(limit=limit + 1)
    before = [*versions[1:], None]
    rows = [
        PolicyVersionWithChanges.of(version, changes_between(earlier, version) if earlier else [])
        for version, earlier in zip(versions[:limit], before, strict=False)
    ]
    return PolicyVersionList(in_force=versions[0].number, versions=rows)


@router.get("/versions/{number}", responses=_MISSING)
def show_version(number: Annotated[int, Path(ge=1, le=2**31 - 1)], caller: Analyst, services: Uses) -> PolicyView:
    """Show one version with its text."""
    return PolicyView.model_validate(services.policies.version(number))


@router.post("/check")
def check_policy(body: CheckPolicy, caller: Analyst, services: Uses) -> ProposalView:
    """Say how a policy differs from the one in force; one that does not fit is refused, with each rule's remedy."""
    return ProposalView.of(_proposal(services, body))


@router.post("/whatif")
def what_if(body: TryPolicy, caller: Analyst, services: Uses) -> WhatIfView:
    """Say what a policy would have done to the last decisions; nothing is changed."""
    proposal = _proposal(services, body)
    wanted = DecisionFilter(intent=body.intent, since=body.since)
    found = services.rehearsal.what_if(proposal.policy, last=body.last, wanted=wanted, examples=body.examples)
    return WhatIfView.of(proposal, found)


@router.post("/apply", responses=_CONFLICT)
def apply_policy(body: ApplyPolicy, caller: Operator, services: Uses) -> PolicyChangeView:
    """Put a policy into force, as a new version; workers take it up within seconds."""
    proposal = _proposal(services, body)
    change = services.policies.apply(proposal.body, _origin(caller, body.reason), against=body.against)
    return PolicyChangeView.model_validate(change)


@router.post("/rollback", responses=_MISSING_OR_CONFLICT)
def roll_back(caller: Operator, services: Uses, body: RollBackPolicy | None = None) -> PolicyChangeView:
    """Put an earlier version into force again, as a new one with the same rules."""
    wanted = body or RollBackPolicy()
    origin = _origin(caller, wanted.reason)
    change = services.policies.roll_back(origin, to=wanted.version, against=wanted.against)
    return PolicyChangeView.model_validate(change)


def _proposal(services: Services, body: CheckPolicy | ApplyPolicy | TryPolicy) -> Proposal:
    known = frozenset(known_intents(services.settings.knowledge.intents_file))
    if body.changes is not None:
        return proposed_changes(services.policies, body.changes.parsed(), known=known)
    return proposed_text(services.policies, body.policy or "", where="policy", known=known)


def _origin(caller: Caller, reason: str) -> PolicyOrigin:
    return PolicyOrigin(by=caller.name, source="HTTP", reason=reason)
