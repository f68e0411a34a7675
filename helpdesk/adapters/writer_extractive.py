"""The writer that needs no model behind a key: it answers with an article's own sentences and steps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpdesk.adapters.sentences import Kind, Unit, gist, units
from helpdesk.errors import KnowledgeUnavailable, WriterUnavailable
from helpdesk.ports.encoder import Encoder
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.ports.writer import AnswerBlock, WritingTask, WrittenAnswer
from helpdesk.tickets import Author, Citation, unanswered

_FEW_WORDS = 5
_LEAD_BY = 0.12
_NOTE_WITHIN = 0.20
_NOTES = 3
_NO_OPENING = re.compile(r"(?:if|when|once|unless|until|after|before|for (?:a|an|the)|to)\b", re.IGNORECASE)
_LEANS_ON_PREVIOUS = re.compile(
    r"(?:it|its|this|that|these|those|they|their|then|there|both|such|so|but|and|yet|however|otherwise|also|before that"
    r"|after that|until then|in that case|the same|the latter|the second)\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(r"\b(?:until|before|by|since) then\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Read:
    """An article's units with their likeness to the question."""

    article: Article
    units: Sequence[Unit]
    likeness: NDArray[np.float32]


class ExtractiveWriter:
    """Chooses and orders an article's own words; it cannot say what the article does not.

    Args:
        encoder: tells how alike texts are; the threshold below is MiniLM's.
        language: the language of the knowledge base; a question in another one gets no answer.
        min_similarity: below this cosine, between the question and the best of what an article says, nothing fits.
        min_lead: where the passage is not this much more like the question than every other one, it may as well be
            another that answers; what was written is then only fit for a person. See retrieval/LOG.md.
    """

    is_remote = False
    version = "extractive-2"

    def __init__(
        self, encoder: Encoder, *, language: str = "en", min_similarity: float = 0.40, min_lead: float = 0.03
    ) -> None:
        self._encoder = encoder
        self._language = language
        self._min_similarity = min_similarity
        self._min_lead = min_lead

    def write(self, task: WritingTask) -> WrittenAnswer:
        """Write an answer from the passage that fits best; say so where none does, or none clearly more than others."""
        question = _question(task)
        if not question or not task.passages or not self._reads(task.language):
            return _answer(())
        try:
            read, fit, lead = self._best(question, task.passages)
        except KnowledgeUnavailable as error:
            raise WriterUnavailable(str(error)) from error
        blocks = _blocks(read) if fit >= self._min_similarity else ()
        return _answer(blocks, is_sure=lead >= self._min_lead)

    def close(self) -> None:
        """Nothing is held."""

    def _reads(self, language: str) -> bool:
        return not language or language.lower().split("-")[0] == self._language

    def _best(self, question: str, passages: Sequence[Passage]) -> tuple[_Read, float, float]:
        """Return the passage to answer from, how well it fits, and its lead over the others.

        The retriever's order is kept unless another passage's own question fits much better.
        """
        articles = [passage.article for passage in passages]
        (asked,) = self._encoder.encode([question])
        titles = self._encoder.encode([article.question for article in articles]) @ asked
        ranked = [passage.similarity + float(own) for passage, own in zip(passages, titles, strict=True)]
        chosen = 0 if max(ranked) - ranked[0] < _LEAD_BY else int(np.argmax(ranked))
        found = units(articles[chosen].body)
        likeness = self._encoder.encode([unit.text for unit in found]) @ asked
        fit = max(passages[chosen].similarity, float(titles[chosen]), float(likeness.max(initial=-1.0)))
        others = [passage.similarity for at, passage in enumerate(passages) if at != chosen]
        lead = passages[chosen].similarity - max(others, default=-1.0)
        return _Read(articles[chosen], found, likeness), fit, lead


def _question(task: WritingTask) -> str:
    """Return what the customer wrote since the last answer, the subject before the first of all.

    A few words alone lean on the message before them.
    """
    written = [message.text.strip() for message in task.conversation if message.author is Author.CUSTOMER]
    asked = [message.text.strip() for message in unanswered(task.conversation)]
    if len(asked) == len(written):
        asked.insert(0, task.subject.strip())
    elif len(" ".join(asked).split()) < _FEW_WORDS:
        asked.insert(0, written[-len(asked) - 1])
    return gist("\n".join(asked).strip())


def _blocks(read: _Read) -> tuple[AnswerBlock, ...]:
    """Lay an answer out: what answers directly, the steps whole and in order, what else matters, where to read on."""
    prose = [at for at, unit in enumerate(read.units) if unit.kind is Kind.SENTENCE]
    lead = _lead(read, prose)
    listed = _list(read)
    notes = _notes(read, [at for at in prose if at not in lead], bound=max(read.likeness[at] for at in lead))
    blocks = [_block(read, lead, " ")]
    if listed:
        blocks.append(_block(read, listed, "\n"))
    if notes:
        blocks.append(_block(read, notes, " "))
    if read.article.url:
        pointer = f"Read more: {read.article.title}\n{read.article.url}"
        blocks.append(AnswerBlock(text=pointer, citations=(_citation(read.article, read.article.title),)))
    return tuple(blocks)


def _lead(read: _Read, prose: Sequence[int]) -> list[int]:
    """Return the opening sentence, after another one that answers the question far more directly."""
    if not prose:
        return [int(np.argmax(read.likeness))]
    opening = prose[0]
    others = [at for at in prose[1:] if not _NO_OPENING.match(text := read.units[at].text) and not _leans(text)]
    direct = max(others, key=lambda at: read.likeness[at], default=opening)
    if read.likeness[direct] - read.likeness[opening] >= _LEAD_BY:
        return [direct, opening]
    return [opening]


def _list(read: _Read) -> list[int]:
    """Return the article's first list: steps mean nothing by halves, and a few items are read faster than missed."""
    first = next((unit for unit in read.units if unit.kind is not Kind.SENTENCE), None)
    if first is None:
        return []
    return [at for at, unit in enumerate(read.units) if unit.paragraph == first.paragraph and unit.kind is first.kind]


def _notes(read: _Read, candidates: Sequence[int], *, bound: float) -> list[int]:
    """Return the sentences that the question calls for, in their order; none stands without what it leans on."""
    chosen: set[int] = set()
    for at in sorted(candidates, key=lambda at: read.likeness[at], reverse=True):
        if len(chosen) >= _NOTES or read.likeness[at] < bound - _NOTE_WITHIN:
            break
        chain = [at]
        while _leans(read.units[chain[0]].text) and chain[0] - 1 in candidates:
            chain.insert(0, chain[0] - 1)
        if _leans(read.units[chain[0]].text) or len(chosen | set(chain)) > _NOTES:
            continue
        chosen.update(chain)
    return sorted(chosen)


def _leans(text: str) -> bool:
    return _LEANS_ON_PREVIOUS.match(text) is not None or _POINTS_BACK.search(text) is not None


def _block(read: _Read, chosen: Sequence[int], separator: str) -> AnswerBlock:
    texts = [read.units[at].text for at in chosen]
    return AnswerBlock(text=separator.join(texts), citations=tuple(_citation(read.article, text) for text in texts))


def _citation(article: Article, quote: str) -> Citation:
    return Citation(article_id=article.article_id, title=article.title, quote=quote, url=article.url)


def _answer(blocks: tuple[AnswerBlock, ...], *, is_sure: bool = True) -> WrittenAnswer:
    return WrittenAnswer(
        blocks=blocks, sufficient=bool(blocks) and is_sure, writer="extractive", prompt_version=ExtractiveWriter.version
    )
