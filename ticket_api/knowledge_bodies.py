"""What operators send to and get from the knowledge base."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from helpdesk.errors import InvalidInput
from helpdesk.knowledge.checking import Checked
from helpdesk.knowledge.compiling import FIELDS
from helpdesk.knowledge.findings import Severity
from helpdesk.knowledge.reading import read_upload
from helpdesk.knowledge.sources import Sources
from helpdesk.ports.knowledge_versions import KnowledgeAction
from helpdesk.web.limits import bounded_body
from helpdesk.web.texts import Text, Written
from ticket_api.services import Services

ENDINGS: Mapping[str, str] = {
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "text/csv": ".csv",
    "text/markdown": ".md",
    "text/html": ".html",
}
"""The formats that are taken, as the endings of such files."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Articles as they were sent."""

    ending: str
    content: bytes

    def sources(self) -> Sources:
        """Return what can be read of it.

        Raises:
            InvalidData: it holds nothing.
        """
        return read_upload(self.ending, self.content)


async def uploaded(request: Request) -> Upload:
    """Return the body, whose `Content-Type` says how to read it.

    Raises:
        InvalidInput: it is none of the formats.
        PayloadTooLarge: it is larger than the setting allows.
    """
    services: Services = request.app.state.services
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in ENDINGS:
        problem = f"is {content_type[:80]!r}, no format of articles" if content_type else "is missing"
        raise InvalidInput(problem, field="Content-Type", remedy=f"send one of {', '.join(ENDINGS)}")
    content = await bounded_body(request, services.settings.knowledge.max_load_bytes)
    return Upload(ENDINGS[content_type], content)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EditArticle(_Body):
    """Fields that change; what is left out stays."""

    title: Annotated[Written, Field(max_length=500)] | None = None
    question: Annotated[Text, Field(max_length=500)] | None = None
    also_asked: Annotated[list[Annotated[Text, Field(max_length=500)]], Field(max_length=50)] | None = None
    intent: Annotated[Text, Field(max_length=200)] | None = None
    category: Annotated[Text, Field(max_length=200)] | None = None
    updated: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    tags: Annotated[list[Annotated[Text, Field(max_length=100)]], Field(max_length=50)] | None = None
    url: Annotated[Text, Field(max_length=2_000)] | None = None
    body: Written | None = None

    @property
    def given(self) -> dict[str, object]:
        """The fields that were sent."""
        return {name: value for name, value in self.model_dump(exclude_unset=True).items() if value is not None}


class RollBack(_Body):
    """Which version to go back to."""

    version: Annotated[
        str, Field(max_length=64, description="Its number or name (empty: the one before the newest).")
    ] = ""


_ARTICLE = {
    "type": "object",
    "description": f"The fields are {', '.join(FIELDS)}; a body, and a title or a question, are needed.",
    "example": {
        "id": "gift-wrap",
        "title": "Gift wrap",
        "question": "Do you wrap gifts?",
        "intent": "place_order",
        "updated": "2026-11-21",
        "tags": ["gift"],
        "body": "{{name}} wraps gifts for free.",
    },
}
_JSON = {"anyOf": [_ARTICLE, {"type": "array", "minItems": 1, "items": _ARTICLE}]}


def articles_body(*, may_be_anything: bool = False) -> dict[str, Any]:
    """Return the OpenAPI ``requestBody`` of articles in any of the formats."""
    schemas = {name: {"type": "string", "minLength": 1} for name in ENDINGS} | {"application/json": _JSON}
    content = {name: {"schema": {} if may_be_anything else schema} for name, schema in schemas.items()}
    return {"requestBody": {"required": True, "content": content}}


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class ArticleSummary(_View):
    """An article in a list."""

    article_id: str
    title: str
    question: str
    intent: str
    category: str
    updated: str
    url: str


class ArticleView(ArticleSummary):
    """An article with its text."""

    also_asked: list[str]
    tags: list[str]
    body: str


class ArticlePage(_View):
    """Articles in the order of their ids."""

    articles: list[ArticleSummary]
    next_after: str | None = Field(description="Ask for the next page with `after`; null on the last.")


class PassageView(_View):
    """An article that fits a question."""

    similarity: float = Field(description="The cosine, -1 to 1.")
    opinion: float = Field(description="What is held of it, -1 to 1; 0 says nothing.")
    article: ArticleView


class PassageList(_View):
    """What a worker would find, best first."""

    version: str
    passages: list[PassageView]


class KnowledgeVersionView(_View):
    """A version of the knowledge base."""

    number: int
    version: str = Field(description="The name that decisions carry.")
    checksum: str
    action: KnowledgeAction
    by: str
    source: str
    reason: str
    articles: int
    added: int
    changed: int
    removed: int
    at: datetime


class KnowledgeVersionList(_View):
    """Versions, newest first."""

    in_force: str = Field(description="The name of the version that searches see; empty when nothing is loaded.")
    versions: list[KnowledgeVersionView]


class FindingView(_View):
    """One thing that is wrong with an article."""

    severity: Severity
    code: str
    where: str
    problem: str
    remedy: str


class CheckView(_View):
    """What is wrong with articles."""

    usable: bool
    articles: int
    errors: int
    warnings: int
    findings: list[FindingView]

    @classmethod
    def of(cls, checked: Checked) -> "CheckView":
        """Return the view of a check."""
        findings = [FindingView.model_validate(finding) for finding in checked.findings]
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        return cls(
            usable=checked.usable,
            articles=len(checked.articles),
            errors=errors,
            warnings=len(findings) - errors,
            findings=findings,
        )


class ChangeView(_View):
    """What a change did; the findings are warnings."""

    version: KnowledgeVersionView
    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int
    embedded: int
    collapsed: list[list[str]] = Field(
        description="Groups of articles that mean the same; a search returns one of each."
    )
    findings: list[FindingView]
