"""A model's reply as an answer: pieces of text with what they cite, joined into paragraphs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from helpdesk.ports.writer import AnswerBlock
from helpdesk.tickets import Citation

_FEW_WORDS = 3
_PARAGRAPH = re.compile(r"\n\s*\n")


class Verdict(StrEnum):
    """What a model made of the passages."""

    ANSWERED = "answered"
    INSUFFICIENT = "insufficient"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply; blocks only where it answered. Refused or cut short, it is unfinished."""

    verdict: Verdict
    usage: Mapping[str, int]
    blocks: tuple[AnswerBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, and what it cites."""

    text: str
    citations: tuple[Citation, ...] = ()


def paragraphs(pieces: Iterable[Piece]) -> Iterator[AnswerBlock]:
    """Join the pieces that citations cut a text into.

    A piece of more than a few words that cites nothing stays apart, so that whoever checks the answer sees it.
    """
    text, citations = "", dict[Citation, None]()
    for piece in pieces:
        for number, part in enumerate(_PARAGRAPH.split(piece.text)):
            stands_apart = not piece.citations and len(part.split()) > _FEW_WORDS
            if (number > 0 or stands_apart) and text.strip():
                yield AnswerBlock(text=text.strip(), citations=tuple(citations))
                text, citations = "", {}
            if stands_apart:
                yield AnswerBlock(text=part.strip())
            else:
                text += part
                citations |= dict.fromkeys(piece.citations if part.strip() else ())
    if text.strip():
        yield AnswerBlock(text=text.strip(), citations=tuple(citations))
