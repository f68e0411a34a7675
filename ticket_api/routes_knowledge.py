"""The knowledge base over HTTP, for operators: the same doors, checks and versions as `helpdesk kb`."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from pydantic import AfterValidator, WithJsonSchema

from helpdesk.errors import ArticleNotFound, InvalidInput
from helpdesk.knowledge.changes import Origin
from helpdesk.knowledge.checking import Checked, check_articles, check_sources, make_articles
from helpdesk.knowledge.compiling import changed_fields
from helpdesk.knowledge.standards import Standards
from helpdesk.knowledge.wording import is_usable_id
from helpdesk.ports.knowledge import Question, read_filters
from helpdesk.web.authentication import Caller
from helpdesk.web.problems import problem_responses
from helpdesk.web.texts import Text, Written
from ticket_api.knowledge_bodies import (
    ArticlePage,
    ArticleSummary,
    ArticleView,
    ChangeView,
    CheckView,
    EditArticle,
    KnowledgeVersionList,
    KnowledgeVersionView,
    PassageList,
    PassageView,
    RollBack,
    Upload,
    articles_body,
    uploaded,
)
from ticket_api.services import Operator, Services, Uses

router = APIRouter(
    prefix="/knowledge", tags=["knowledge"], responses=problem_responses(400, 401, 403, 413, 422, 429, 503)
)
UPLOADS = ("/knowledge/load", "/knowledge/check", "/knowledge/articles")
"""Paths that take a whole knowledge base, or large articles of one."""

_MISSING = problem_responses(404)
_CONFLICT = problem_responses(409)
_MISSING_OR_CONFLICT = problem_responses(404, 409)


def _known_shape(article_id: str) -> str:
    if not is_usable_id(article_id):
        raise ArticleNotFound("There is no article of this id; an id is letters, digits, dots, hyphens, underscores.")
    return article_id


ArticleId = Annotated[str, PathParameter(), AfterValidator(_known_shape), WithJsonSchema({"type": "string"})]
Reason = Annotated[Text, Query(max_length=500, description="Why, for the record.")]
Version = Annotated[
    Text, Query(max_length=64, description="As in this version, by name or number (empty: the newest).")
]
Uploaded = Annotated[Upload, Depends(uploaded)]


@router.post("/load", responses=_CONFLICT, openapi_extra=articles_body())
def load(caller: Operator, services: Uses, upload: Uploaded, reason: Reason = "") -> ChangeView:
    """Make the knowledge base hold exactly these articles; an error in one of them refuses all."""
    checked = check_sources(upload.sources(), _standards(services))
    return ChangeView.model_validate(services.knowledge.load(checked, _origin(caller, reason)))


@router.post("/check", openapi_extra=articles_body(may_be_anything=True))
def check_upload(caller: Operator, services: Uses, upload: Uploaded) -> CheckView:
    """Say what is wrong with articles, and whether they could be loaded; nothing is changed."""
    return CheckView.of(check_sources(upload.sources(), _standards(services)))


@router.get("/check")
def check_in_force(caller: Operator, services: Uses) -> CheckView:
    """Say what is wrong with the newest version: articles grow stale, and rules change."""
    articles = services.knowledge.articles()
    return CheckView.of(Checked(tuple(articles), tuple(check_articles(articles, _standards(services)))))


@router.get("/articles", responses=_MISSING)
def list_articles(
    caller: Operator,
    services: Uses,
    version: Version = "",
    after: Annotated[Text, Query(max_length=128, description="Only ids beyond this one.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ArticlePage:
    """List articles in the order of their ids."""
    found = [article for article in services.knowledge.articles(version) if article.article_id > after]
    page = [ArticleSummary.model_validate(article) for article in found[:limit]]
    return ArticlePage(articles=page, next_after=page[-1].article_id if len(found) > limit else None)


@router.post("/articles", status_code=HTTPStatus.CREATED, responses=_CONFLICT, openapi_extra=articles_body())
def add_articles(caller: Operator, services: Uses, upload: Uploaded, reason: Reason = "") -> ChangeView:
    """Add articles to those that are there."""
    standards = _standards(services)
    change = services.knowledge.add(make_articles(upload.sources(), standards), _origin(caller, reason), standards)
    return ChangeView.model_validate(change)


@router.get("/articles/{article_id}", responses=_MISSING)
def show_article(article_id: ArticleId, caller: Operator, services: Uses, version: Version = "") -> ArticleView:
    """Show one article of the newest version, or of the one that a decision names."""
    return ArticleView.model_validate(services.knowledge.article(article_id, version))


@router.patch("/articles/{article_id}", responses=_MISSING_OR_CONFLICT)
def edit_article(
    article_id: ArticleId, caller: Operator, services: Uses, body: EditArticle, reason: Reason = ""
) -> ChangeView:
    """Change fields of an article."""
    if not body.given:
        raise InvalidInput("names no field to change", remedy="send at least one")
    standards = _standards(services)
    before = services.knowledge.article(article_id)
    made = make_articles(changed_fields(before, body.given), standards)
    change = services.knowledge.edit(made, _origin(caller, reason), standards, expected=before)
    return ChangeView.model_validate(change)


@router.delete("/articles/{article_id}", responses=_MISSING_OR_CONFLICT)
def remove_article(article_id: ArticleId, caller: Operator, services: Uses, reason: Reason = "") -> ChangeView:
    """Remove an article; refused while another one links to it."""
    standards = _standards(services)
    return ChangeView.model_validate(services.knowledge.remove([article_id], _origin(caller, reason), standards))


@router.get("/search")
def search(
    caller: Operator,
    services: Uses,
    question: Annotated[Written, Query(max_length=4_000, description="What a customer might write.")],
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
    filter_by: Annotated[
        tuple[str, ...], Query(alias="filter", max_length=8, description="`FIELD=VALUE`, by intent, category or tag.")
    ] = (),
) -> PassageList:
    """Find the articles that fit a question best, as a worker does."""
    opinions = services.opinions.look().by_content
    asked = Question(text=question, filters=read_filters(filter_by), opinions=opinions)
    version = services.index.version()
    [passages] = services.index.search([asked], limit=limit)
    return PassageList(version=version, passages=[PassageView.model_validate(passage) for passage in passages])


@router.get("/versions")
def list_versions(
    caller: Operator, services: Uses, limit: Annotated[int, Query(ge=1, le=1000)] = 20
) -> KnowledgeVersionList:
    """List versions, newest first: what, when, by whom, why, and which one searches see."""
    versions = [KnowledgeVersionView.model_validate(version) for version in services.knowledge.versions(limit=limit)]
    return KnowledgeVersionList(in_force=services.index.version(), versions=versions)


@router.post("/rollback", responses=_MISSING_OR_CONFLICT)
def roll_back(caller: Operator, services: Uses, body: RollBack | None = None, reason: Reason = "") -> ChangeView:
    """Put an earlier version into force again, as a new one with the same articles."""
    change = services.knowledge.roll_back(_origin(caller, reason), to=body.version if body else "")
    return ChangeView.model_validate(change)


def _standards(services: Services) -> Standards:
    return Standards.of(services.settings, today=services.clock().date())


def _origin(caller: Caller, reason: str) -> Origin:
    return Origin(by=caller.name, source="HTTP", reason=reason.strip())
