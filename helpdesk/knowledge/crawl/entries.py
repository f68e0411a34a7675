"""A question with its answer, as a page has it."""

import re
from dataclasses import dataclass

from bs4 import BeautifulSoup

_QUESTION = re.compile(r"[?？؟]\s*$")
_TAG = re.compile(r"<[^<>]*>")
_LINK = re.compile(r"<a\b[^<>]*>.*?</a>", re.DOTALL)
_MIN_ANSWER_WORDS = 3
_MAX_QUESTION_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One question of a page.

    Attributes:
        answer: HTML.
        language: such as ``en``; empty where the page does not say.
        updated: an ISO date; empty where the page does not say.
    """

    question: str
    answer: str
    language: str = ""
    updated: str = ""


def is_question(text: str) -> bool:
    """Say whether a text is written as a question."""
    return len(text) <= _MAX_QUESTION_CHARACTERS and _QUESTION.search(text) is not None


def is_answer(answer: str) -> bool:
    """Say whether HTML says something, rather than lead elsewhere: most of its text is outside of links.

    Args:
        answer: as Beautiful Soup writes it, so that each link is closed and each sign in a text is escaped.
    """
    text = _text(answer)
    linked = sum(len(_text(link)) for link in _LINK.findall(answer))
    long_enough = len(text.split()) >= _MIN_ANSWER_WORDS or len(text) >= 4 * _MIN_ANSWER_WORDS
    return long_enough and 2 * linked < len(text)


def _text(markup: str) -> str:
    return " ".join(_TAG.sub(" ", markup).split())


def parsed(fragment: str) -> BeautifulSoup:
    """Return a piece of HTML as a page."""
    return BeautifulSoup(f"<!doctype html><body>{fragment}", "lxml")
