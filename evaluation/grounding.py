"""What an answer rests on, measured apart from the checks that let it pass: citations, claims, placeholders.

A claim is a sentence or list item that is no courtesy. It is unsupported where the articles that its own block cites

- lack a figure, link, e-mail address or phone number that it names (the customer's order numbers aside),
- do not make the promise that it makes, or
- hold fewer than six in ten of the stems of its content words.

The checks before sending are wider: they look into all passages that the writer was given, and ask for four in ten.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from helpdesk.placeholders import find_placeholder
from helpdesk.policy.phrases import plain
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.tickets import Citation
from processor import facts, promises
from processor.checks import is_substantive, sentences, stems

CONTENT_SHARE = 0.6
_SHARED_WITH_QUOTE = 0.3
_LIST_MARKER = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*+•])\s+")


@dataclass(frozen=True, slots=True)
class Grounding:
    """How well an answer is grounded.

    Attributes:
        uncited: what stands in it without a citation.
        citations: how many it has; ``wrong`` says which of them do not hold, and why.
        claims: how many it makes; ``unsupported`` says which of them nothing bears out, and why.
        placeholder: the first that was left open; empty: none.
    """

    uncited: tuple[str, ...]
    citations: int
    wrong: tuple[str, ...]
    claims: int
    unsupported: tuple[str, ...]
    placeholder: str

    @property
    def is_cited(self) -> bool:
        """Whether every part of the answer cites, and every citation holds."""
        return not self.uncited and not self.wrong


def ground(answer: WrittenAnswer, passages: Sequence[Passage], ticket: str) -> Grounding:
    """Return how well an answer is grounded in the passages that its writer was given.

    Args:
        ticket: what the customer wrote; its order numbers may be repeated.
    """
    given = {passage.article.article_id: passage.article for passage in passages}
    return Grounding(
        uncited=tuple(block.text for block in answer.blocks if _lacks_citation(block)),
        citations=sum(len(block.citations) for block in answer.blocks),
        wrong=tuple(_wrong(answer.blocks, given)),
        claims=sum(len(_claims(block)) for block in answer.blocks),
        unsupported=tuple(_unsupported(answer.blocks, given, plain(ticket))),
        placeholder=find_placeholder(answer.text) or "",
    )


def _lacks_citation(block: AnswerBlock) -> bool:
    return not block.citations and is_substantive(plain(block.text).strip())


def _wrong(blocks: Sequence[AnswerBlock], given: dict[str, Article]) -> Iterator[str]:
    for block in blocks:
        for citation in block.citations:
            article = given.get(citation.article_id)
            if article is None:
                yield f"cites “{citation.article_id}”, which the writer was not given"
            elif not (quote := _squeezed(citation.quote)) or quote not in _squeezed(_text(article)):
                yield f"quotes “{citation.quote}”, which does not stand in “{citation.article_id}”"
            elif not _supports(citation, block):
                yield f"cites “{citation.quote}” for something else: “{block.text}”"


def _supports(citation: Citation, block: AnswerBlock) -> bool:
    said, quoted = stems(plain(block.text)), stems(plain(citation.quote))
    fewer = min(len(said), len(quoted))
    return _squeezed(citation.quote) in _squeezed(block.text) or len(said & quoted) >= _SHARED_WITH_QUOTE * fewer


def _unsupported(blocks: Sequence[AnswerBlock], given: dict[str, Article], ticket: str) -> Iterator[str]:
    for block in blocks:
        cited = {citation.article_id for citation in block.citations}
        sources = [plain(_text(given[name])) for name in cited if name in given]
        for claim in _claims(block):
            if lack := _lack(facts.without_references_of(claim, ticket), sources):
                yield f"{lack}: “{claim}”"


def _claims(block: AnswerBlock) -> list[str]:
    lines = (_LIST_MARKER.sub("", line) for line in plain(block.text).splitlines())
    return [claim for line in lines for claim in sentences(line)]


def _lack(claim: str, sources: Sequence[str]) -> str:
    """Return what of a claim no source bears out; empty: all of it is borne out."""
    said, known = facts.facts_of(claim), [facts.facts_of(source) for source in sources]
    for what, values, sets in (
        ("figure", said.numbers, [one.numbers for one in known]),
        ("link", said.links, [one.links for one in known]),
        ("address", said.emails, [one.emails for one in known]),
        ("phone number", said.phones, [one.phones for one in known]),
    ):
        if lacking := sorted(values.difference(*sets)):
            return f"{what} {lacking[0]}"
    if promise := promises.promise(facts.without_links(claim), [facts.without_links(source) for source in sources]):
        return f"promise “{promise}”"
    content, vocabulary = stems(claim), frozenset[str]().union(*map(stems, sources))
    return "content" if len(content & vocabulary) < CONTENT_SHARE * len(content) else ""


def _text(article: Article) -> str:
    return "\n".join((article.title, article.question, article.body, article.url))


def _squeezed(text: str) -> str:
    return "".join(plain(text).split())
