"""Builds the ticket API from its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from helpdesk.clock import Clock, utc_now
from helpdesk.dead_letters import DeadLetters
from helpdesk.desk import Desk
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.opinions import OpinionReader
from helpdesk.policy.book import PolicyBook
from helpdesk.policy.rehearsal import Rehearsal
from helpdesk.ports.broker import Broker
from helpdesk.ports.encoder import Encoder
from helpdesk.ports.knowledge import Knowledge
from helpdesk.ports.predictor import Predictor
from helpdesk.ports.store import Store
from helpdesk.settings import Settings
from helpdesk.web.app import new_app
from helpdesk.web.authentication import KeyChecker, StoredKeys
from ticket_api import (
    routes_decisions,
    routes_desk,
    routes_knowledge,
    routes_knowledge_reports,
    routes_operations,
    routes_policy,
    routes_tickets,
)
from ticket_api.group_commit import GroupCommit
from ticket_api.intents import LiveIntents
from ticket_api.routes_intake import add_intake
from ticket_api.rules_text import excerpt, wording
from ticket_api.services import Services

DESCRIPTION = (
    "Submit support tickets, follow them, work the human queues, look at decisions, keep policy and knowledge base. "
    "A 202 means: it is on disk."
)


def create_app(
    settings: Settings,
    *,
    store: Store,
    broker: Broker,
    index: Knowledge,
    encoder: Encoder,
    predictor: Predictor | None = None,
    keys: KeyChecker | None = None,
    clock: Clock = utc_now,
) -> FastAPI:
    """Return the ticket API over its open parts, which the caller closes after the app has stopped.

    Args:
        index: is opened, and its encoder loaded, by the first request that needs it.
        encoder: of the index; tells which questions ask the same.
        predictor: is asked where a decision is run again (None: none can be).
        keys: who knows the API keys (default: the store).
    """
    intake = GroupCommit(store)
    policies = PolicyBook.of(settings, store, clock=clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        intake.start()
        try:
            yield
        finally:
            await asyncio.to_thread(intake.close)

    app = new_app(
        title="Helpdesk ticket API",
        description=DESCRIPTION,
        settings=settings.ticket_api,
        keys=keys or StoredKeys(store),
        lifespan=lifespan,
        reading_themselves=routes_knowledge.UPLOADS,
    )
    app.state.services = Services(
        settings=settings,
        store=store,
        broker=broker,
        desk=Desk(store, broker, claim_lease_s=settings.ticket_api.claim_lease_s, clock=clock),
        dead_letters=DeadLetters(store, broker, decide_within_s=settings.processor.decide_within_s, clock=clock),
        intake=intake,
        intents=LiveIntents(settings.model),
        index=index,
        encoder=encoder,
        opinions=OpinionReader(store),
        knowledge=KnowledgeBase(store, index, clock=clock),
        policies=policies,
        rehearsal=Rehearsal(store, policies, wording=wording, excerpt=excerpt),
        predictor=predictor,
        clock=clock,
    )
    add_intake(app)
    for routes in (
        routes_tickets,
        routes_desk,
        routes_decisions,
        routes_policy,
        routes_knowledge,
        routes_knowledge_reports,
        routes_operations,
    ):
        app.include_router(routes.router)
    return app
