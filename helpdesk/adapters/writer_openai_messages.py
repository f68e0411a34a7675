"""What is said to an OpenAI-compatible model and what it says back: numbered lines, and an answer that names them."""

import re
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ValidationError

from helpdesk.adapters.sentences import sentences, units
from helpdesk.adapters.writer_prompt import INSUFFICIENT, MAX_PASSAGES, printable, ticket_text
from helpdesk.adapters.writer_reply import Piece, Reply, Verdict, paragraphs
from helpdesk.ports.knowledge import Article
from helpdesk.ports.writer import WritingTask
from helpdesk.tickets import Citation

_MARKERS = re.compile(r"(?:[ \t]*[\[【]\s*\d+\.\d+(?:\s*[,;]\s*\d+\.\d+)*\s*[\]】])+")
_NUMBER = re.compile(r"(\d+)\.(\d+)")
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_LINE_ENDS = re.compile(r"(\n+)")
_TAGS = str.maketrans("<>", "‹›")


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None


class _Cached(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Cached | None = None


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None


def user_message(task: WritingTask) -> str:
    """Return the passages, every sentence or step on a line with its number, and then the ticket."""
    passages = [_passage(number, passage.article) for number, passage in enumerate(task.passages[:MAX_PASSAGES], 1)]
    return "\n".join(("<passages>", *passages, "</passages>", ticket_text(task)))


def read_completion(data: object, articles: Sequence[Article]) -> Reply:
    """Return what a response body says. A sentence cites what the markers behind it name, and no other sentence.

    Raises:
        ValueError: the body is no chat completion.
    """
    try:
        completion = _Completion.model_validate(data)
    except ValidationError as error:
        raise ValueError(f"no completion: {error.error_count()} fields do not fit") from error
    usage = _tokens(completion.usage)
    if not completion.choices:
        return Reply(Verdict.UNFINISHED, usage)
    choice = completion.choices[0]
    text = _THOUGHTS.sub("", choice.message.content or "")
    if choice.finish_reason != "stop" or choice.message.refusal:
        return Reply(Verdict.UNFINISHED, usage)
    if INSUFFICIENT in text:
        return Reply(Verdict.INSUFFICIENT, usage)
    blocks = tuple(paragraphs(_pieces(text, articles)))
    return Reply(Verdict.ANSWERED if blocks else Verdict.UNFINISHED, usage, blocks)


def _passage(number: int, article: Article) -> str:
    lines = [f"[{number}.{at}] {_line(unit.text)}" for at, unit in enumerate(units(article.body), start=1)]
    return "\n".join((f'<passage number="{number}">', f"Title: {_line(article.title)}", *lines, "</passage>"))


def _line(text: str) -> str:
    """Return the text on one line, unable to close the element that it stands in."""
    return " ".join(printable(text).translate(_TAGS).split())


def _tokens(usage: _Usage | None) -> dict[str, int]:
    """Return the counts under the names that Claude's have; cached tokens are told apart from the others."""
    if usage is None:
        return {}
    cached = (usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None) or 0
    counts = {"input_tokens": usage.prompt_tokens - cached, "output_tokens": usage.completion_tokens}
    return {**counts, "cache_read_input_tokens": cached} if cached else counts


def _pieces(text: str, articles: Sequence[Article]) -> Iterator[Piece]:
    """Cut the text behind every marker; of what stands before one, only the last sentence is borne out by it."""
    end = 0
    for found in _MARKERS.finditer(text):
        yield from _cited(text[end : found.start()], tuple(_citations(found.group(), articles)))
        end = found.end()
    yield from _cited(text[end:], ())


def _cited(text: str, citations: tuple[Citation, ...]) -> Iterator[Piece]:
    *before, last = _sentences(text) or [text]
    for sentence in before:
        yield Piece(sentence)
    yield Piece(last, citations)


def _sentences(text: str) -> list[str]:
    """Return the sentences and lines of a text with what separates them, so that joined they are the text again."""
    found: list[str] = []
    for part in _LINE_ENDS.split(text):
        if not part.strip():
            found.append(part)
            continue
        for sentence in sentences(part):
            found += [" ", sentence] if found and not found[-1].endswith("\n") else [sentence]
    return [part for part in found if part]


def _citations(markers: str, articles: Sequence[Article]) -> Iterator[Citation]:
    for passage, line in _NUMBER.findall(markers):
        article = articles[int(passage) - 1] if 0 < int(passage) <= len(articles) else None
        lines = units(article.body) if article is not None else []
        if article is None or not 0 < int(line) <= len(lines):
            yield Citation(article_id=f"passage line {passage}.{line}", title="", quote="")
        else:
            quote = lines[int(line) - 1].text
            yield Citation(article_id=article.article_id, title=article.title, quote=quote, url=article.url)
