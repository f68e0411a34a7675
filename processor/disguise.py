"""Finds what is written so that a filter, or a person, reads something else than what is meant."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_LOOSE_MARKS = re.compile(r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_SPELT_APART = re.compile(
    r"(?<![^\W\d_])(?:[^\W\d_][\W_]{1,3}){4,}[^\W\d_](?![^\W\d_])"  # r e f u n d
    r"|(?<!\S)(?:[.\-_·•]{1,6}[ \t]+){3,}[.\-_·•]{1,6}(?!\S)"  # Morse
)
_LONG_WORD = re.compile(r"[\w+/=]{24,}")
_CODE_WORD = re.compile(r"\b(?=[A-Z\d]*[A-Z])[A-Z\d]{5,}\b")
_MIXED_WORD = re.compile(r"(?<![\w@$])(?=[\w@$]*[a-z])(?=[\w@$]*[0134578@$])[\w@$]{3,}", re.IGNORECASE)
_LEET = str.maketrans("0134578@$", "oieastbas")
_NAME = re.compile(r"\b([A-Z][^\W\d_]+)\s+([A-Z][^\W\d_]+)\b")


def hidden_character(text: str) -> str | None:
    """Return the first character that is not seen, or that strikes others through."""
    found = _HIDDEN.search(text) or _LOOSE_MARKS.search(unicodedata.normalize("NFC", text))
    return found.group() if found else None


def spelt_apart(text: str) -> str | None:
    """Return the first word whose letters stand apart, or that is written in Morse's signs."""
    found = _SPELT_APART.search(text)
    return found.group().strip() if found else None


def without_leet(text: str) -> str:
    """Return the text with letters for the figures and signs that stand for them within a word."""
    return _MIXED_WORD.sub(lambda found: found.group().translate(_LEET), text)


def scripts_of(text: str) -> frozenset[str]:
    """Return the scripts that a text's letters are of, such as ``LATIN``: the first word of a letter's Unicode name."""
    letters = (letter for letter in set(text) if letter.isalpha())
    return frozenset(unicodedata.name(letter, "UNKNOWN").partition(" ")[0] for letter in letters)


def unknown_script(text: str, known: Collection[str]) -> str | None:
    """Return the first word with a letter that is of none of the known scripts."""
    if scripts_of(text) <= set(known):
        return None
    return next(word for word in text.split() if not scripts_of(word) <= set(known))


def unknown_words(text: str, known: Iterable[str]) -> Iterator[str]:
    """Yield words that are no words of a language and stand in no known text: codes, and what is encoded."""
    for found in (*_LONG_WORD.finditer(text), *_CODE_WORD.finditer(text)):
        if not any(found.group() in other for other in known):
            yield found.group()


def unknown_name(text: str, known: Collection[str]) -> str | None:
    """Return the first two words in a row that are written as names and are both none of the known words."""
    for first, last in _NAME.findall(text):
        if first.lower() not in known and last.lower() not in known:
            return f"{first} {last}"
    return None
