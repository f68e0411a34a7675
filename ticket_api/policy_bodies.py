"""What operators send to and get from the policy."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from helpdesk.decisions import Outcome
from helpdesk.policy.changes import PolicyChanges, RuleChange
from helpdesk.policy.proposal import Proposal
from helpdesk.policy.rules import Autonomy
from helpdesk.policy.whatif import Side, WhatIf
from helpdesk.ports.policies import PolicyAction, PolicyVersion
from helpdesk.web.texts import Text, Written
from ticket_api.filters import Moment, Name

MAX_POLICY_CHARACTERS = 50_000
IntentName = Annotated[Written, Field(max_length=200)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
Reason = Annotated[Text, Field(max_length=500, description="Why, for the record.")]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Changes(_Body):
    """Single changes of the policy in force; what is left out stays."""

    autonomy: Annotated[
        dict[IntentName, Autonomy], Field(max_length=200, description="By intent; `default` for all others.")
    ] = {}
    thresholds: Annotated[dict[IntentName, Share], Field(max_length=200, description="Confidence by intent.")] = {}
    confidence_floor: Share | None = None
    evidence_threshold: Share | None = None
    upset_at: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False, strict=True)] | None = None

    def parsed(self) -> PolicyChanges:
        """Return them as the policy takes them."""
        return PolicyChanges(**{name: getattr(self, name) for name in type(self).model_fields})


class _Proposed(_Body):
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["policy"]}, {"required": ["changes"]}]})

    policy: (
        Annotated[Written, Field(max_length=MAX_POLICY_CHARACTERS, description="The whole policy, as YAML.")] | None
    ) = None
    changes: Changes | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.policy is None) is (self.changes is None):
            raise PydanticCustomError(
                "one_of_both", "holds not exactly one of policy and changes", {"remedy": "send one of the two"}
            )
        return self


class CheckPolicy(_Proposed):
    """A policy to look at, whole or as changes."""


class ApplyPolicy(_Proposed):
    """A policy to put into force, whole or as changes."""

    against: Annotated[Number, Field(description="The version in force that it was made from; refused on another.")]
    reason: Annotated[Written, Field(max_length=500, description="Why, for the record.")]


class TryPolicy(_Proposed):
    """A policy to try on decisions that were made, whole or as changes."""

    last: Annotated[int, Field(ge=1, le=10_000, strict=True, description="How many decisions, from the newest.")] = 5000
    intent: Annotated[Name | None, Field(description="Only decisions with this intent.")] = None
    since: Annotated[Moment | None, Field(description="Only decisions from this moment on.")] = None
    examples: Annotated[int, Field(ge=0, le=100, strict=True, description="How many changed tickets to name.")] = 10


class RollBackPolicy(_Body):
    """Which version to go back to."""

    version: Annotated[Number | None, Field(description="Its number (null: the one before).")] = None
    against: Annotated[Number | None, Field(description="The version meant to be in force; refused on another.")] = None
    reason: Reason = ""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class PolicyVersionView(_View):
    """A version of the policy."""

    number: int
    name: str = Field(description="As decisions carry it.")
    checksum: str
    action: PolicyAction
    by: str
    source: str
    reason: str
    at: datetime


class PolicyView(PolicyVersionView):
    """A version with its text."""

    body: str


class RuleChangeView(_View):
    """One difference: null on one side where the rule, or this entry of a list, is not there."""

    path: str
    before: str | bool | int | float | None
    after: str | bool | int | float | None


class PolicyVersionWithChanges(PolicyVersionView):
    """A version, and how it differs from the one before."""

    changes: list[RuleChangeView]

    @classmethod
    def of(cls, version: PolicyVersion, changes: list[RuleChange]) -> Self:
        """Return the view of a version."""
        shown = PolicyVersionView.model_validate(version).model_dump()
        return cls(**shown, changes=[RuleChangeView.model_validate(change) for change in changes])


class PolicyVersionList(_View):
    """Versions, newest first; the first of all is in force."""

    in_force: int
    versions: list[PolicyVersionWithChanges]


class ProposalView(_View):
    """How a policy differs from the one in force."""

    against: int = Field(description="The version that it was compared with; send it along to apply.")
    policy: str = Field(description="Its text.")
    changes: list[RuleChangeView]
    unknown_intents: list[str] = Field(description="Intents that do not exist: rules for them have no effect.")

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        """Return the view of a proposal."""
        return cls(
            against=proposal.base.number,
            policy=proposal.body,
            changes=[RuleChangeView.model_validate(change) for change in proposal.changes],
            unknown_intents=list(proposal.unknown_intents),
        )


class PolicyChangeView(_View):
    """What a change did."""

    version: PolicyVersionView
    is_new: bool = Field(description="False: the same was in force, and nothing was stored.")
    changes: list[RuleChangeView]


class IntervalView(_View):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class SideView(_View):
    """What becomes of the decisions under one policy."""

    outcomes: dict[Outcome, int]
    shares: dict[Outcome, IntervalView]
    unknown: dict[str, int] = Field(description="How many only a run could tell, by what their record lacks.")
    answers_at_most: int
    queues: dict[str, int]
    wrong: IntervalView = Field(description="Answers expected to rest on a wrong intent, by calibrated confidence.")
    corrected: int
    confirmed: int
    unhelpful: int
    helpful: int

    @classmethod
    def of(cls, side: Side) -> Self:
        """Return the view of a side."""
        return cls(
            outcomes={outcome: side.outcomes[outcome] for outcome in Outcome},
            shares={outcome: IntervalView.model_validate(side.share_of(outcome)) for outcome in Outcome},
            unknown={kind.value: count for kind, count in side.unknown.items()},
            answers_at_most=side.answers_at_most,
            queues=dict(side.queues),
            wrong=IntervalView.model_validate(side.wrong),
            corrected=side.corrected,
            confirmed=side.confirmed,
            unhelpful=side.unhelpful,
            helpful=side.helpful,
        )


class ChangedTicketView(_View):
    """A decision that would have been another; null as an outcome: unknown."""

    ticket_id: str
    turn: int
    at: datetime
    intent: str | None
    confidence: float | None
    before: Outcome | None
    before_queue: str | None
    after: Outcome | None
    after_queue: str | None
    reason: str


class WhatIfView(_View):
    """What another policy would have done."""

    proposal: ProposalView
    decisions: int
    since: datetime | None
    until: datetime | None
    before: SideView
    after: SideView
    automatic_difference: IntervalView
    changed: int
    became_unknown: int
    not_by_policy: int
    examples: list[ChangedTicketView]

    @classmethod
    def of(cls, proposal: Proposal, found: WhatIf) -> Self:
        """Return the view of what would have been."""
        return cls(
            proposal=ProposalView.of(proposal),
            decisions=found.total,
            since=found.since,
            until=found.until,
            before=SideView.of(found.before),
            after=SideView.of(found.after),
            automatic_difference=IntervalView.model_validate(found.automatic_difference),
            changed=found.changed,
            became_unknown=found.became_unknown,
            not_by_policy=found.not_by_policy,
            examples=[ChangedTicketView.model_validate(example) for example in found.examples],
        )
