"""What is said to Claude and what it says back: the request's blocks, and its reply as an answer with citations."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from helpdesk.adapters.sentences import units
from helpdesk.adapters.writer_prompt import INSUFFICIENT, MAX_PASSAGES, ticket_text
from helpdesk.adapters.writer_reply import Piece, Reply, Verdict, paragraphs
from helpdesk.ports.knowledge import Article
from helpdesk.ports.writer import WritingTask
from helpdesk.tickets import Citation

_FINISHED = frozenset({"end_turn", "stop_sequence"})


class _Cited(BaseModel):
    type: str
    cited_text: str = ""
    search_result_index: int = -1


class _Block(BaseModel):
    type: str
    text: str = ""
    citations: list[_Cited] | None = None


class _Reply(BaseModel):
    stop_reason: str | None
    content: list[_Block]
    usage: dict[str, Any] = {}


def request_content(task: WritingTask) -> list[dict[str, Any]]:
    """Return the user message: every article as a search result, a text block per sentence or step; then the ticket."""
    results: list[dict[str, Any]] = [
        {
            "type": "search_result",
            "source": passage.article.url or passage.article.article_id,
            "title": passage.article.title,
            "content": [{"type": "text", "text": unit.text} for unit in units(passage.article.body)],
            "citations": {"enabled": True},
        }
        for passage in task.passages[:MAX_PASSAGES]
    ]
    return [*results, {"type": "text", "text": ticket_text(task)}]


def read_reply(data: object, articles: Sequence[Article]) -> Reply:
    """Return what a response body says; blocks and citations of types unknown here are left out.

    Raises:
        ValueError: the body is no message.
    """
    try:
        reply = _Reply.model_validate(data)
    except ValidationError as error:
        raise ValueError(f"no message: {error.error_count()} fields do not fit") from error
    usage = {name: value for name, value in reply.usage.items() if name.endswith("_tokens") and type(value) is int}
    texts = [block for block in reply.content if block.type == "text"]
    if reply.stop_reason not in _FINISHED:
        return Reply(Verdict.UNFINISHED, usage)
    if INSUFFICIENT in "".join(block.text for block in texts):
        return Reply(Verdict.INSUFFICIENT, usage)
    blocks = tuple(paragraphs(_piece(block, articles) for block in texts))
    return Reply(Verdict.ANSWERED if blocks else Verdict.UNFINISHED, usage, blocks)


def _piece(block: _Block, articles: Sequence[Article]) -> Piece:
    cited = [one for one in block.citations or () if one.type == "search_result_location"]
    return Piece(block.text, tuple(_citation(one, articles) for one in cited))


def _citation(cited: _Cited, articles: Sequence[Article]) -> Citation:
    if not 0 <= cited.search_result_index < len(articles):
        return Citation(article_id=f"search result {cited.search_result_index}", title="", quote=cited.cited_text)
    article = articles[cited.search_result_index]
    return Citation(article_id=article.article_id, title=article.title, quote=cited.cited_text, url=article.url)
