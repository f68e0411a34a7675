"""Takes texts apart: an article into sentences and list items, a long ticket into what it asks."""

import re
from dataclasses import dataclass
from enum import StrEnum

_END = re.compile(r"""(?:(?<=[.!?…])|(?<=[.!?…]["”’)]))\s+(?=["“‘(]?[^\W_])""")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|etc|No|Nos|Mr|Mrs|Ms|Dr|St|approx|incl|max|min)\.$")
_STEP = re.compile(r"\d+[.)]\s")
_ITEM = re.compile(r"[-*+•]\s")


class Kind(StrEnum):
    """What a unit of an article is."""

    SENTENCE = "sentence"
    STEP = "step"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest part of an article that can be quoted, as it stands there; steps keep their number."""

    text: str
    kind: Kind
    paragraph: int


def sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph, verbatim but for the white space around them."""
    found: list[str] = []
    for part in _END.split(text.strip()):
        starts_small = bool(found) and part[:1].islower()
        if found and (_ABBREVIATION.search(found[-1]) or starts_small):
            found[-1] = f"{found[-1]} {part}"
        elif part:
            found.append(part)
    return found


def units(body: str) -> list[Unit]:
    """Return the sentences and list items of an article in Markdown, in order; headings are left out."""
    found: list[Unit] = []
    for number, paragraph in enumerate(re.split(r"\n\s*\n", body.strip())):
        prose: list[str] = []
        for line in (raw.strip() for raw in paragraph.splitlines()):
            if kind := _list_kind(line):
                found += _prose(prose, number)
                prose = []
                found.append(Unit(line, kind, number))
            elif line.startswith("#") or not line:
                continue
            elif found and found[-1].paragraph == number and found[-1].kind is not Kind.SENTENCE:
                found[-1] = Unit(f"{found[-1].text} {line}", found[-1].kind, number)
            else:
                prose.append(line)
        found += _prose(prose, number)
    return found


def gist(text: str, *, words: int = 150) -> str:
    """Return a text as it is, or, where it is longer than an encoder reads, its first sentence and what it asks.

    Questions come before other sentences, later ones before earlier ones, until ``words`` are full; what is kept
    stays in its order.
    """
    if len(text.split()) <= words:
        return text
    parts = [part for paragraph in text.splitlines() for part in sentences(paragraph)]
    last_first = sorted(range(1, len(parts)), key=lambda at: ("?" in parts[at], at), reverse=True)
    kept: list[int] = []
    room = words
    for at in (0, *last_first):
        room -= len(parts[at].split())
        if room < 0:
            break
        kept.append(at)
    return " ".join(parts[at] for at in sorted(kept)) or " ".join(text.split()[:words])


def _list_kind(line: str) -> Kind | None:
    if _STEP.match(line):
        return Kind.STEP
    return Kind.ITEM if _ITEM.match(line) else None


def _prose(lines: list[str], paragraph: int) -> list[Unit]:
    return [Unit(sentence, Kind.SENTENCE, paragraph) for sentence in sentences(" ".join(lines))]
