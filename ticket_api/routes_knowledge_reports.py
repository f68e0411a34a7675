"""What the knowledge base has learnt, over HTTP for operators: how articles have done, and what is missing."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from helpdesk.article_feedback import Signal
from helpdesk.errors import KnowledgeUnavailable
from helpdesk.knowledge.article_records import article_records
from helpdesk.knowledge.gaps import find_gaps
from helpdesk.knowledge.unanswered import Why, unanswered
from helpdesk.ports.knowledge import Passage, Question
from helpdesk.web.problems import problem_responses
from models.wording import excerpt_at
from ticket_api.filters import Moment
from ticket_api.knowledge_bodies import PassageView
from ticket_api.services import Operator, Services, Uses

router = APIRouter(prefix="/knowledge", tags=["knowledge"], responses=problem_responses(400, 401, 403, 422, 429, 503))

_FEEDBACK_WINDOW, _GAPS_WINDOW = timedelta(days=90), timedelta(days=30)


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class ArticleRecordView(_View):
    """How one article has done."""

    article_id: str
    title: str
    asked: int = Field(description="Answers and drafts of the window that cite it.")
    signals: dict[Signal, int] = Field(description="What was said in the window of what it says now.")
    opinion: float = Field(description="-1 to 1 against the average article, of all that was said; it orders searches.")


class ArticleRecordList(_View):
    """Articles that were used or spoken of, the worst first."""

    since: datetime
    articles: list[ArticleRecordView]


class GapView(_View):
    """Questions that ask the same and have no good article."""

    size: int
    upset: float = Field(description="Share of the questions that sound so.")
    words: list[str] = Field(description="What sets them apart from the other gaps.")
    examples: list[str] = Field(description="The most central ones, personal data masked.")
    why: dict[Why, int]
    intent: str = Field(description="What most were taken for; empty: none.")
    evidence: float | None = Field(description="Median of what the gate saw; null where it saw none of them.")
    nearest: PassageView | None
    replies: list[str] = Field(description="What agents answered, personal data masked.")


class GapList(_View):
    """Gaps, the largest first."""

    since: datetime
    questions: int = Field(description="How many questions had no good article, in a gap or alone.")
    gaps: list[GapView]


@router.get("/feedback")
def list_article_feedback(
    caller: Operator,
    services: Uses,
    since: Annotated[Moment | None, Query(description="From when on (left out: 90 days).")] = None,
) -> ArticleRecordList:
    """Show how articles have done, the worst first. It reads every answer: ask once in a while."""
    now = services.clock()
    begin = since or now - _FEEDBACK_WINDOW
    records = article_records(services.store, since=begin, until=now)
    return ArticleRecordList(since=begin, articles=[ArticleRecordView.model_validate(record) for record in records])


@router.get("/gaps")
def list_gaps(
    caller: Operator,
    services: Uses,
    since: Annotated[Moment | None, Query(description="From when on (left out: 30 days).")] = None,
    at_least: Annotated[int, Query(ge=1, le=1000, description="How many questions make a gap.")] = 2,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> GapList:
    """Show what is asked for and no article answers. It reads every decision and encodes: ask once in a while."""
    now = services.clock()
    begin = since or now - _GAPS_WINDOW
    questions = unanswered(services.store, since=begin, until=now, wording=excerpt_at)
    gaps = find_gaps(questions, services.encoder.encode, lambda text: _nearest(services, text), at_least=at_least)
    views = [GapView.model_validate(gap) for gap in gaps[:limit]]
    return GapList(since=begin, questions=len(questions), gaps=views)


def _nearest(services: Services, text: str) -> Passage | None:
    try:
        [passages] = services.index.search([Question(text=text)], limit=1)
    except KnowledgeUnavailable:  # an empty knowledge base is one great gap
        return None
    return next(iter(passages), None)
