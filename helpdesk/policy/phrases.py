"""Phrases as policy and brand file write them: plain words, found in any case and with any space between them.

``*`` ends a word stem, and ``#`` is one digit.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

_ONE_WAY = str.maketrans("’‘“”‑–。｡", "''\"\"--..", "\u00ad")


def found_in(text: str, phrases: Iterable[str]) -> str | None:
    """Return the first words of the text that one of the phrases names."""
    found = _pattern(tuple(phrases)).search(text)
    return found.group(0) if found else None


def groups_in(text: str, groups: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return the groups whose phrases the text names; “no account” names its group, and not that of “account”."""
    group_of = {phrase: name for name, phrases in groups.items() for phrase in phrases}
    phrases = tuple(sorted(group_of, key=len, reverse=True))
    found = _pattern(phrases).finditer(text)
    return frozenset(group_of[phrases[one.lastindex - 1]] for one in found if one.lastindex)


def plain(text: str) -> str:
    """Return the text in one way of writing: compatibility forms, straight quotes, ordinary spaces and hyphens."""
    folded = unicodedata.normalize("NFKC", text)
    return folded.translate(_ONE_WAY)


@lru_cache(maxsize=256)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern with one capturing group per phrase; without phrases it finds nothing."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(_words, phrases)) or '(?!)'})(?!\w)", re.IGNORECASE)


def _words(phrase: str) -> str:
    stem = phrase.removesuffix("*")
    words = r"\s+".join(re.escape(word).replace(r"\#", r"\d") for word in stem.split())
    ending = r"\w*" if phrase.endswith("*") else ""
    return f"({words}{ending})"
