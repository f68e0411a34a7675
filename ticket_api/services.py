"""What the endpoints work with, and who may call them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from helpdesk.clock import Clock
from helpdesk.dead_letters import DeadLetters
from helpdesk.desk import Desk
from helpdesk.errors import NotAuthorised
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.opinions import OpinionReader
from helpdesk.policy.book import PolicyBook
from helpdesk.policy.rehearsal import Rehearsal
from helpdesk.ports.broker import Broker
from helpdesk.ports.encoder import Encoder
from helpdesk.ports.knowledge import Knowledge
from helpdesk.ports.predictor import Predictor
from helpdesk.ports.store import Role, Store
from helpdesk.settings import Settings
from helpdesk.web.authentication import Caller, require
from ticket_api.group_commit import GroupCommit
from ticket_api.intents import LiveIntents


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the endpoints; lies in ``app.state.services``."""

    settings: Settings
    store: Store
    broker: Broker
    desk: Desk
    dead_letters: DeadLetters
    intake: GroupCommit
    intents: LiveIntents
    index: Knowledge
    encoder: Encoder
    opinions: OpinionReader
    knowledge: KnowledgeBase
    policies: PolicyBook
    rehearsal: Rehearsal
    predictor: Predictor | None
    clock: Clock


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Uses = Annotated[Services, Depends(_services)]

CUSTOMER_ROLES = (Role.PORTAL, Role.OPERATOR)
Customer = Annotated[Caller, Depends(require(*CUSTOMER_ROLES))]
"""Writes on behalf of a customer."""

Reader = Annotated[Caller, Depends(require(Role.PORTAL, Role.AGENT, Role.OPERATOR))]
Staff = Annotated[Caller, Depends(require(Role.AGENT, Role.OPERATOR))]
Operator = Annotated[Caller, Depends(require(Role.OPERATOR))]
Analyst = Annotated[Caller, Depends(require(Role.OPERATOR, Role.ML))]
"""Looks at decisions, and at what others would have been."""


def owner_of(caller: Caller) -> str | None:
    """Return whose tickets the caller may see; None means everybody's."""
    return caller.name if caller.role is Role.PORTAL else None


async def _agent(
    caller: Staff,
    x_agent: Annotated[
        str | None,
        Header(
            pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$",
            description="For whom an operator acts; without it, everybody acts under the name of their key.",
        ),
    ] = None,
) -> str:
    if x_agent is None or x_agent == caller.name:
        return caller.name
    if caller.role is not Role.OPERATOR:
        raise NotAuthorised("Only an operator's key may act for another agent; leave X-Agent out.")
    return x_agent


Agent = Annotated[str, Depends(_agent)]
"""The name of the person who acts."""
