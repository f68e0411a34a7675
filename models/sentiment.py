"""Sentiment by VADER where it applies: English text that a person wrote, with something to read in it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from helpdesk.errors import ModelUnavailable
from models.prose import prose

MAX_CHARACTERS = 4_000
"""VADER walks over every word in Python; the tone of a longer text shows in its beginning."""
MIN_LETTERS = 6
MIN_LANGUAGE_PROBABILITY = 0.5
_LANGUAGES = "en de fr es it nl pt pl cs sv da no fi tr ru uk ar he el hu ro ja zh ko hi th vi id"
"""The languages told apart: with all 140 of the identifier's, short English reads as Wallonian or Pidgin."""


@dataclass(frozen=True, slots=True)
class Sentiment:
    """VADER's compound score, -1 to 1; 0 where it is not valid. ``language`` is empty when undetermined."""

    score: float
    valid: bool
    language: str


class SentimentReader:
    """Reads language and tone. Loading takes a moment, so one object serves the whole process; safe across threads."""

    def __init__(self) -> None:
        self._languages = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self._languages.set_languages(_LANGUAGES.split())
        self._polarity = _vader(_lexicon_file())

    def read(self, text: str) -> Sentiment:
        """Return the sentiment of readable text (see ``models.preprocess.readable``)."""
        text = text[:MAX_CHARACTERS]
        if _letters(text) < MIN_LETTERS:
            return Sentiment(0.0, valid=False, language="")
        language, probability = self._languages.classify(text)
        if probability < MIN_LANGUAGE_PROBABILITY:
            return Sentiment(0.0, valid=False, language="")
        if language != "en":
            return Sentiment(0.0, valid=False, language=language)
        written = prose(text)  # "FATAL: killed" is what a machine says of a machine
        if _letters(written) < MIN_LETTERS:
            return Sentiment(0.0, valid=False, language="en")
        return Sentiment(self._polarity(written), valid=True, language="en")


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text[:200]))


def _lexicon_file() -> Path:
    spec = find_spec("vaderSentiment")
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable("The package vaderSentiment, which holds the sentiment lexicon, is not installed.")
    return Path(spec.submodule_search_locations[0]) / "vader_lexicon.txt"


def _vader(lexicon_file: Path) -> Callable[[str], float]:
    """Return nltk's analyser as text -> compound, over a lexicon that nltk's own loader refuses to read."""
    with _hidden("scipy", "sklearn"):
        from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants

    class Analyser(SentimentIntensityAnalyzer):  # type: ignore[misc]  # nltk has no types
        def __init__(self) -> None:
            self.lexicon_file = lexicon_file.read_text(encoding="utf-8").strip()
            self.lexicon = self.make_lex_dict()
            self.constants = VaderConstants()

    analyser = Analyser()
    return lambda text: float(analyser.polarity_scores(text)["compound"])


@contextmanager
def _hidden(*packages: str) -> Iterator[None]:
    """Make packages look absent: nltk imports them if it can, uses none of them here, and they are most of its time."""
    absent = [package for package in packages if package not in sys.modules]
    for package in absent:
        sys.modules[package] = None  # type: ignore[assignment]  # documented: makes the import fail
    try:
        yield
    finally:
        for package in absent:
            del sys.modules[package]
