"""Likeness of texts is estimated well, in any script, and boilerplate does not make texts alike."""

import random
import time
from collections.abc import Sequence

import pytest

from helpdesk.knowledge.alike import SHINGLE, alike

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("n", "rt", "ss", "le")]


def text(seed: int, words: int = 120) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def jaccard(one: str, other: str) -> float:
    left, right = ({part[at : at + SHINGLE] for at in range(len(part) - SHINGLE + 1)} for part in (one, other))
    return len(left & right) / len(left | right)


def likeness(texts: Sequence[str], at_least: float = 0.3) -> list[tuple[int, int, float]]:
    return list(alike(texts, at_least=at_least))


@pytest.mark.parametrize("changed", [1, 4, 10, 20])
def test_the_estimate_is_near_the_true_share(changed: int) -> None:
    words = text(changed).split()
    other = " ".join(["Zz" if at % (len(words) // changed) == 0 else word for at, word in enumerate(words)]).lower()
    truth = jaccard(" ".join(words), other)
    [(first, second, estimate)] = likeness([" ".join(words), other], at_least=0.2)
    assert (first, second) == (0, 1)
    assert estimate == pytest.approx(truth, abs=0.13)  # three standard errors


def test_unlike_texts_empty_ones_and_single_characters_are_no_pairs() -> None:
    assert likeness([text(1), text(2), "", "", "x", "y"]) == []


def test_equal_texts_are_wholly_alike_whatever_case_and_white_space() -> None:
    assert likeness(["Einmal Größe  M", "einmal\ngröße m"]) == [(0, 1, 1.0)]
    assert likeness(["帐篷怎么搭帐篷怎么搭一下", "帐篷怎么搭帐篷怎么搭一下"]) == [(0, 1, 1.0)]


def test_a_closing_that_all_share_makes_no_pairs() -> None:
    closing = "Kind regards from all of us at the shop, and have a very nice day out in the hills."
    assert likeness([f"{text(seed)} {closing}" for seed in range(100)], at_least=0.5) == []


def test_thousands_of_texts_take_seconds() -> None:
    texts = [text(seed) for seed in range(3000)] + [text(7)]
    started = time.perf_counter()
    assert likeness(texts, at_least=0.6) == [(7, 3000, 1.0)]
    assert time.perf_counter() - started < 20
