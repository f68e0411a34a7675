"""Corrects slips of the finger towards the words of the training texts, before any stage reads them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

VERSION = 1
"""Part of an artifact's feature signature: raise it whenever the output changes for any text."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_LETTERS = range(2, 25)
"""A single letter has too many neighbours, and nobody means longer words."""
_MAX_CORRECTIONS = 64
_MIN_COUNT = 2
_REPLACED = 0.1
"""Another letter instead of the right one is rarer than one lost, doubled or swapped, and has more candidates."""


class Speller:
    """Replaces a word that nobody knows by the most frequent training word one slip away; leaves all others alone.

    A slip is a letter too many, one missing, one replaced, or two swapped. Words are looked up by what is left of them
    without one letter, so that a text costs the same whatever the vocabulary's size.

    Args:
        counts: how often each word stands in the training texts, in lower case; only these are corrected towards.
        known: further words that are left alone.
    """

    def __init__(self, counts: Mapping[str, int], known: Iterable[str] = ()) -> None:
        self._counts = dict(counts)
        self._known = frozenset(known) | frozenset(counts)
        self._near: dict[str, list[str]] = defaultdict(list)
        for word in sorted(self._counts, key=lambda word: (-self._counts[word], word)):
            if len(word) in _LETTERS:
                for shorter in {word, *_without_one_letter(word)}:
                    self._near[shorter].append(word)

    @property
    def counts(self) -> Mapping[str, int]:
        """The words that texts are corrected towards."""
        return self._counts

    def correct(self, text: str) -> str:
        """Return the text with its slips corrected, at most the first 64 of them."""
        left = _MAX_CORRECTIONS

        def replace(found: re.Match[str]) -> str:
            nonlocal left
            word = found[0].lower()
            if left == 0 or word in self._known or len(word) not in _LETTERS:
                return found[0]
            left -= 1
            return self._nearest(word) or found[0]

        return _WORD.sub(replace, text)

    def _nearest(self, word: str) -> str | None:
        best, best_score = None, 0.0
        for shorter in (word, *_without_one_letter(word)):
            for candidate in self._near.get(shorter, ()):
                score = self._counts[candidate] * _likelihood(word, candidate)
                if score > best_score:
                    best, best_score = candidate, score
        return best


def training_words(texts: Iterable[str]) -> dict[str, int]:
    """Return the words that occur at least twice in normalised texts, with their counts."""
    counts = Counter(found[0].lower() for text in texts for found in _WORD.finditer(text))
    return {word: count for word, count in sorted(counts.items()) if count >= _MIN_COUNT}


def _without_one_letter(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


def _likelihood(word: str, meant: str) -> float:
    """Return how likely a slip is, given that the words agree once each has lost a letter at most; 0: not one slip."""
    if len(word) != len(meant):
        return 1.0  # what the shorter one lacks is the one letter
    places = [place for place in range(len(word)) if word[place] != meant[place]]
    if len(places) == 1:
        return _REPLACED
    swapped = len(places) == 2 and places[1] == places[0] + 1 and word[places[0]] == meant[places[1]]
    return 1.0 if swapped and word[places[1]] == meant[places[0]] else 0.0
