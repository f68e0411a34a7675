"""What is said to Claude and what it says back: the request's blocks, and its reply as an answer with citations."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from helpdesk.adapters.sentences import units
from helpdesk.ports.knowledge import Article
from helpdesk.ports.writer import AnswerBlock, WritingTask
from helpdesk.tickets import Citation

INSUFFICIENT = "INSUFFICIENT_PASSAGES"
"""What Claude replies where the passages hold no answer."""

MAX_PASSAGES = 5
MAX_CONVERSATION_BYTES = 32_768
"""Of a conversation the newest messages are sent up to this size, and the newest in any case."""

_FINISHED = frozenset({"end_turn", "stop_sequence"})
_FEW_WORDS = 3
_PARAGRAPH = re.compile(r"\n\s*\n")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


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


@dataclass(frozen=True, slots=True)
class Reply:
    """Claude's reply; no blocks where it said that the passages are insufficient, refused, or did not finish."""

    blocks: tuple[AnswerBlock, ...]
    usage: Mapping[str, int]


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
    return [*results, {"type": "text", "text": _ticket(task)}]


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
    if reply.stop_reason not in _FINISHED or INSUFFICIENT in "".join(block.text for block in texts):
        return Reply((), usage)
    return Reply(tuple(_paragraphs(texts, articles)), usage)


def _ticket(task: WritingTask) -> str:
    lines = _newest(
        [f'<message from="{message.author.value}">{_neutral(message.text)}</message>' for message in task.conversation]
    )
    if len(lines) < len(task.conversation):
        lines.insert(0, "(Earlier messages are left out.)")
    subject = f"<subject>{_neutral(task.subject)}</subject>"
    return "\n".join(
        ("<ticket>", subject, *lines, "</ticket>", "Answer what the customer wrote since the last answer.")
    )


def _newest(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    room = MAX_CONVERSATION_BYTES
    for line in reversed(lines):
        room -= len(line.encode("utf-8", "replace"))
        if kept and room < 0:
            break
        kept.append(line)
    return kept[::-1]


def _neutral(text: str) -> str:
    """Return the text unable to close the element that it stands in, or to hide words in unprintable characters."""
    return _UNPRINTABLE.sub("", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _paragraphs(blocks: Sequence[_Block], articles: Sequence[Article]) -> Iterator[AnswerBlock]:
    """Join the pieces that Claude's citations cut the text into.

    A piece of more than a few words that cites nothing stays apart, so that whoever checks the answer sees it.
    """
    text, citations = "", dict[Citation, None]()
    for block in blocks:
        cited = [_citation(one, articles) for one in block.citations or () if one.type == "search_result_location"]
        for number, piece in enumerate(_PARAGRAPH.split(block.text)):
            stands_apart = not cited and len(piece.split()) > _FEW_WORDS
            if (number > 0 or stands_apart) and text.strip():
                yield AnswerBlock(text=text.strip(), citations=tuple(citations))
                text, citations = "", {}
            if stands_apart:
                yield AnswerBlock(text=piece.strip())
            else:
                text += piece
                citations |= dict.fromkeys(cited if piece.strip() else ())
    if text.strip():
        yield AnswerBlock(text=text.strip(), citations=tuple(citations))


def _citation(cited: _Cited, articles: Sequence[Article]) -> Citation:
    if not 0 <= cited.search_result_index < len(articles):
        return Citation(article_id=f"search result {cited.search_result_index}", title="", quote=cited.cited_text)
    article = articles[cited.search_result_index]
    return Citation(article_id=article.article_id, title=article.title, quote=cited.cited_text, url=article.url)
