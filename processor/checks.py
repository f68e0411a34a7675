"""Checks an answer against the passages it was written from: what fails here is never sent to a customer."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from helpdesk.decisions import Reason
from helpdesk.placeholders import find_placeholder
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.tickets import Author, ConversationMessage
from processor import facts, promises

MAX_CHARACTERS = 4_000
_FEW_WORDS = 3
_SUPPORTED_SHARE = 0.4

_COURTESIES = (
    r"(?:hello|hi|dear|good (?:morning|afternoon|evening))(?: [\w.'-]+){0,3}[,!.]?",
    r"thank(?:s| you)(?: very much| for (?:your (?:message|question|patience)|writing|getting in touch))?[.!,]?",
    r"(?:I am|I'm|we are|we're) sorry(?: to hear that| for the (?:trouble|inconvenience))?[.!]?",
    r"(?:I|we) hope (?:that |this )+helps[.!]?",
    r"(?:kind|best|warm) regards[,.]?",
    r"(?:here(?:'s| is| are)|(?:please )?follow these|this is) (?:how|the steps|steps|what to do)(?: \w+){0,5}:",
)
_COURTESY = re.compile("|".join(_COURTESIES), re.IGNORECASE)
_SENTENCE_BREAK = re.compile(r"(?<=[.!?:])\s+|\n+")
_MARKUP = re.compile(r"<\s*/?\s*[a-zA-Z!][^>]*>|!\[[^\]]*\]\(")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_WORD = re.compile(r"[^\W\d_]{4,}")


def check_answer(
    answer: WrittenAnswer,
    passages: Sequence[Passage],
    conversation: Sequence[ConversationMessage] = (),
    *,
    subject: str = "",
) -> list[Reason]:
    """Return why an answer may not be sent; an empty list says that it may.

    Args:
        passages: those that the writer was given.
        conversation: order and invoice numbers of the customer's own messages may be repeated.
        subject: the ticket's; its order and invoice numbers as well.
    """
    if not answer.sufficient:
        text = "The writer found that the articles do not answer the question."
        return [Reason(code="passages_insufficient", text=text)]
    if not answer.text:
        return [Reason(code="answer_empty", text="The writer returned an empty answer.")]
    sources = [_source(passage.article) for passage in passages]
    written = (message.text for message in conversation if message.author is Author.CUSTOMER)
    asked = "\n".join((subject, *written))
    return [*_shape(answer.text), *_grounding(answer.blocks, sources), *_particulars(answer.text, sources, asked)]


@dataclass(frozen=True, slots=True)
class _Source:
    """An article as the checks look it up."""

    article_id: str
    text: str
    prose: str
    squeezed: str
    stems: frozenset[str]


@lru_cache(maxsize=2048)
def _source(article: Article) -> _Source:
    text = facts.plain("\n".join((article.title, article.question, article.body, article.url)))
    return _Source(article.article_id, text, facts.without_links(text), _squeezed(text), _stems(text))


def _shape(text: str) -> Iterator[Reason]:
    if len(text) > MAX_CHARACTERS:
        length = f"The answer has {len(text)} characters; at most {MAX_CHARACTERS} are sent."
        yield Reason(code="answer_too_long", text=length)
    if placeholder := find_placeholder(text):
        yield Reason(code="placeholder", text=f"The answer holds the unresolved placeholder “{placeholder}”.")
    if markup := _MARKUP.search(text):
        yield Reason(code="markup", text=f"The answer holds the markup “{markup.group()}”.")
    if hidden := _HIDDEN.search(text):
        yield Reason(
            code="hidden_characters", text=f"The answer holds the hidden character U+{ord(hidden.group()):04X}."
        )


def _grounding(blocks: Sequence[AnswerBlock], sources: Sequence[_Source]) -> Iterator[Reason]:
    """Every substantive block is cited, from a passage that was given, with words that stand in it."""
    squeezed = {source.article_id: source.squeezed for source in sources}
    vocabulary = frozenset[str]().union(*(source.stems for source in sources))
    for block in blocks:
        text = facts.plain(block.text).strip()
        substantive = _is_substantive(text)
        if substantive and not block.citations:
            yield Reason(code="claim_uncited", text=f"Nothing is cited for “{_excerpt(text)}”.")
        for citation in block.citations:
            quote = _squeezed(facts.plain(citation.quote))
            if citation.article_id not in squeezed:
                unknown = f"The answer cites “{citation.article_id}”, which was not among the passages."
                yield Reason(code="source_unknown", text=unknown)
            elif not quote or quote not in squeezed[citation.article_id]:
                wrong = f"The quote “{_excerpt(citation.quote)}” does not stand in “{citation.article_id}”."
                yield Reason(code="quote_not_in_source", text=wrong)
        stems = _stems(text)
        if substantive and stems and len(stems & vocabulary) < _SUPPORTED_SHARE * len(stems):
            yield Reason(code="claim_unsupported", text=f"The passages say nothing like “{_excerpt(text)}”.")


def _particulars(text: str, sources: Sequence[_Source], asked: str) -> Iterator[Reason]:
    """No link, address, phone number, figure or promise is in the text that the passages lack."""
    text = facts.without_references_of(facts.plain(text), facts.plain(asked))
    said = facts.facts_of(text)
    known = [facts.facts_of(source.text) for source in sources]
    known_links = {form for one in known for link in one.links for form in _ways_to_write(link)}
    lacking: tuple[tuple[str, str, Iterable[str]], ...] = (
        ("link_unknown", "link", said.links - known_links),
        ("email_unknown", "address", said.emails.difference(*(one.emails for one in known))),
        ("phone_unknown", "phone number", said.phones.difference(*(one.phones for one in known))),
        ("number_unknown", "figure", said.numbers.difference(*(one.numbers for one in known))),
    )
    for code, what, values in lacking:
        for value in sorted(values):
            yield Reason(code=code, text=f"The answer names the {what} “{value}”, which no passage has.")
    wordings: tuple[tuple[str, str, Callable[[str, Sequence[str]], str | None]], ...] = (
        ("promise", "claims or promises what no passage says", promises.promise),
        ("asks_for_secret", "asks for something that customers must keep to themselves", promises.request_for_secret),
        ("talks_of_itself", "speaks of its own instructions", promises.talk_of_itself),
    )
    prose, proses = facts.without_links(text), [source.prose for source in sources]
    for code, what, find in wordings:
        if words := find(prose, proses):
            yield Reason(code=code, text=f"The answer {what}: “{_excerpt(words)}”.")


def _ways_to_write(link: str) -> tuple[str, ...]:
    bare = re.sub(r"^https?://", "", link)
    return link, bare, bare.rstrip("/"), bare.partition("/")[0]


def _is_substantive(text: str) -> bool:
    parts = (part.strip() for part in _SENTENCE_BREAK.split(text))
    return any(len(part.split()) > _FEW_WORDS and _COURTESY.fullmatch(part) is None for part in parts)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:5].lower() for word in _WORD.findall(text))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _excerpt(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
