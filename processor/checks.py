"""Checks an answer against the passages it was written from: what fails here is never sent to a customer."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from helpdesk.decisions import Reason
from helpdesk.placeholders import find_placeholder
from helpdesk.policy.phrases import found_in, plain
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.tickets import Author, ConversationMessage
from processor import disguise, facts, promises
from processor.injection import instruction_in

MAX_CHARACTERS = 4_000
_FEW_WORDS = 3
_SUPPORTED_SHARE = 0.4

_COURTESIES = (
    r"(?:hello|hi|dear|good (?:morning|afternoon|evening))(?: [\w.'-]+){0,3}[,!.]?",
    r"thank(?:s| you)(?: very much| for (?:your (?:message|question|patience)|writing|getting in touch))?[.!,]?",
    r"(?:I am|I'm|we are|we're) sorry(?: to hear that| for the (?:trouble|inconvenience))?[.!]?",
    r"(?:I|we) hope (?:that |this )+helps[.!]?",
    r"(?:kind|best|warm) regards[,.]?",
    r"(?:read more|more (?:on|about) this|see also):",
    r"(?:here(?:'s| is| are)|(?:please )?follow these|this is) (?:how|the steps|steps|what to do)(?: \w+){0,5}:",
)
_COURTESY = re.compile("|".join(_COURTESIES), re.IGNORECASE)
_SENTENCE_BREAK = re.compile(r"(?<=[.!?:])\s+|\n+")
_MARKUP = re.compile(
    r"<\s*/?\s*[a-zA-Z!][^>]*>|!\[[^\]]*\]\(|&(?:#x?[0-9a-f]+|[a-z]+);|\]\([^)\s]*\)|\]\s?\[|^\s*\[[^\]]+\]:",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_SAYS_NOTHING = re.compile(
    r"also|another|been|before|both|choose|each|even|every|first|from|have|here|into|just|like|make|more|most|must|need"
    r"|only|open|other|please|same|should|some|such|sure|than|that|their|them|then|there|these|they|this|those|under"
    r"|until|want|well|were|what|when|where|which|while|will|with|would|yours?"
)
"""Words that neither bear a claim out nor make one."""


def check_answer(
    answer: WrittenAnswer,
    passages: Sequence[Passage],
    conversation: Sequence[ConversationMessage] = (),
    *,
    subject: str = "",
    link_hosts: Collection[str] = (),
    forbidden_words: Iterable[str] = (),
) -> list[Reason]:
    """Return why an answer may not be sent; an empty list says that it may.

    Args:
        passages: those that the writer was given.
        conversation: order and invoice numbers of the customer's own messages may be repeated.
        subject: the ticket's; its order and invoice numbers as well.
        link_hosts: hosts that links and addresses may lead to, with their subdomains, besides the articles' own; none
            given: those that the passages name.
        forbidden_words: phrases that the shop never uses.
    """
    if not answer.sufficient:
        text = "The writer found that the articles do not answer the question."
        if answer.blocks:
            text = "The writer is not sure which article answers the question; what it wrote is a draft."
        return [Reason(code="passages_insufficient", text=text)]
    if not answer.text:
        return [Reason(code="answer_empty", text="The writer returned an empty answer.")]
    sources = [_source(passage.article) for passage in passages]
    written = (message.text for message in conversation if message.author is Author.CUSTOMER)
    asked = "\n".join((subject, *written))
    return [
        *_shape(answer.text),
        *_tampering(passages),
        *_grounding(answer.blocks, sources),
        *_words(answer.text, sources),
        *_voice(answer.text, forbidden_words),
        *_particulars(answer.text, sources, asked),
        *_destinations(answer.text, passages, link_hosts),
    ]


@dataclass(frozen=True, slots=True)
class _Source:
    """An article as the checks look it up."""

    article_id: str
    text: str
    prose: str
    squeezed: str
    stems: frozenset[str]
    words: frozenset[str]
    scripts: frozenset[str]


@lru_cache(maxsize=2048)
def _source(article: Article) -> _Source:
    text = plain("\n".join((article.title, article.question, article.body, article.url)))
    return _Source(
        article_id=article.article_id,
        text=text,
        prose=facts.without_links(text),
        squeezed=_squeezed(text),
        stems=stems(text),
        words=frozenset(re.findall(r"\w+", text.lower())),
        scripts=disguise.scripts_of(text),
    )


def _shape(text: str) -> Iterator[Reason]:
    if len(text) > MAX_CHARACTERS:
        length = f"The answer has {len(text)} characters; at most {MAX_CHARACTERS} are sent."
        yield Reason(code="answer_too_long", text=length)
    if placeholder := find_placeholder(text):
        yield Reason(code="placeholder", text=f"The answer holds the unresolved placeholder “{placeholder}”.")
    if markup := _MARKUP.search(text):
        yield Reason(code="markup", text=f"The answer holds the markup “{markup.group()}”.")
    if hidden := disguise.hidden_character(text):
        yield Reason(code="hidden_characters", text=f"The answer holds the hidden character U+{ord(hidden):04X}.")
    if apart := disguise.spelt_apart(plain(text)):
        yield Reason(code="spelt_apart", text=f"The answer spells “{_excerpt(apart)}” apart.")


def _tampering(passages: Sequence[Passage]) -> Iterator[Reason]:
    """No passage speaks to machines: an answer from one that does would be whoever wrote that."""
    for passage in passages:
        article = passage.article
        if words := _instruction_in(article):
            told = f"The article “{article.article_id}” speaks to machines instead of customers: “{_excerpt(words)}”."
            yield Reason(code="passage_instructs", text=told)


@lru_cache(maxsize=2048)
def _instruction_in(article: Article) -> str | None:
    return instruction_in("\n".join((article.title, article.question, article.body)))


def _words(text: str, sources: Sequence[_Source]) -> Iterator[Reason]:
    """No script, code or name is in the text that the passages lack."""
    prose = facts.without_links(plain(text))
    if word := disguise.unknown_script(prose, frozenset[str]().union(*(source.scripts for source in sources))):
        yield Reason(code="script_unknown", text=f"No passage is written in the letters of “{_excerpt(word)}”.")
    for word in disguise.unknown_words(prose, [source.text for source in sources]):
        yield Reason(code="word_unknown", text=f"The answer holds “{_excerpt(word)}”, which no passage has.")
    words = frozenset[str]().union(*(source.words for source in sources))
    for sentence in sentences(prose):
        if name := disguise.unknown_name(sentence, words):
            yield Reason(code="name_unknown", text=f"The answer names “{name}”, which no passage has.")


def _voice(text: str, forbidden_words: Iterable[str]) -> Iterator[Reason]:
    if word := found_in(facts.without_links(plain(text)), forbidden_words):
        yield Reason(code="forbidden_word", text=f"The answer says “{word}”, which the shop's voice forbids.")


def _grounding(blocks: Sequence[AnswerBlock], sources: Sequence[_Source]) -> Iterator[Reason]:
    """Every substantive block is cited, from a passage that was given, with words that stand in it."""
    squeezed = {source.article_id: source.squeezed for source in sources}
    vocabulary = frozenset[str]().union(*(source.stems for source in sources))
    for block in blocks:
        text = plain(block.text).strip()
        substantive = is_substantive(text)
        if substantive and not block.citations:
            yield Reason(code="claim_uncited", text=f"Nothing is cited for “{_excerpt(text)}”.")
        for citation in block.citations:
            quote = _squeezed(plain(citation.quote))
            if citation.article_id not in squeezed:
                unknown = f"The answer cites “{citation.article_id}”, which was not among the passages."
                yield Reason(code="source_unknown", text=unknown)
            elif not quote or quote not in squeezed[citation.article_id]:
                wrong = f"The quote “{_excerpt(citation.quote)}” does not stand in “{citation.article_id}”."
                yield Reason(code="quote_not_in_source", text=wrong)
        for sentence in sentences(text):
            content = stems(sentence)
            if content and len(content & vocabulary) < _SUPPORTED_SHARE * len(content):
                yield Reason(code="claim_unsupported", text=f"The passages say nothing like “{_excerpt(sentence)}”.")


def _particulars(text: str, sources: Sequence[_Source], asked: str) -> Iterator[Reason]:
    """No link, address, phone number, figure or promise is in the text that the passages lack."""
    text = facts.without_references_of(plain(text), plain(asked))
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
    prose, proses = disguise.without_leet(facts.without_links(text)), [source.prose for source in sources]
    for code, what, find in wordings:
        if words := find(prose, proses):
            yield Reason(code=code, text=f"The answer {what}: “{_excerpt(words)}”.")


def _destinations(text: str, passages: Sequence[Passage], link_hosts: Collection[str]) -> Iterator[Reason]:
    """Links and addresses lead to the shop, even where a passage names another place."""
    if not link_hosts:
        return
    allowed = {*link_hosts, *(facts.host_of(passage.article.url) for passage in passages)} - {""}
    said = facts.facts_of(plain(text))
    for place in sorted((*said.links, *said.emails)):
        host = facts.host_of(place)
        if not any(host == one or host.endswith(f".{one}") for one in allowed):
            elsewhere = f"The answer leads to “{place}”; the policy's link_hosts do not list “{host or place}”."
            yield Reason(code="link_not_allowed", text=elsewhere)


def _ways_to_write(link: str) -> tuple[str, ...]:
    bare = re.sub(r"^https?://", "", link)
    return link, bare, bare.rstrip("/"), bare.partition("/")[0]


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences and lines of a text that are no courtesies."""
    parts = (part.strip() for part in _SENTENCE_BREAK.split(text))
    return (part for part in parts if part and _COURTESY.fullmatch(part) is None)


def is_substantive(text: str) -> bool:
    """Whether a text says enough that something must be cited for it."""
    return any(len(sentence.split()) > _FEW_WORDS for sentence in sentences(text))


def stems(text: str) -> frozenset[str]:
    """Return the first letters of each word that bears a claim out or makes one, without links."""
    words = (word.lower() for word in _WORD.findall(facts.without_links(text)))
    return frozenset(word[:5] for word in words if not _SAYS_NOTHING.fullmatch(word))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _excerpt(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
