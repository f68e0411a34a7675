"""What is held of an article: bounded, monotone, nobody's alone, and nothing where nobody said anything."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.article_feedback import ArticleSignal, Signal, opinions, signal_of_rating, standing
from helpdesk.tickets import Author
from tests.factories import NOON, make_signal

CONTENTS = ("a", "b", "c")


@st.composite
def votes(draw: st.DrawFn) -> ArticleSignal:
    """One vote of one of a few people, on its own ticket."""
    is_agent = draw(st.booleans())
    return make_signal(
        content=draw(st.sampled_from(CONTENTS)),
        signal=draw(st.sampled_from(Signal)),
        share=draw(st.sampled_from([0.25, 0.5, 1.0])),
        author=Author.AGENT if is_agent else Author.CUSTOMER,
        owner="" if is_agent else draw(st.sampled_from(["shop", "other"])),
        author_name=f"person {draw(st.integers(0, 15))}",
    )


CAST = st.lists(votes(), max_size=60)


def of(signals: Sequence[ArticleSignal], content: str = "a") -> float:
    return opinions(signals).get(content, 0.0)


def vote(signal: Signal = Signal.HELPED, **fields: Any) -> ArticleSignal:
    return make_signal(**{"content": "a", "signal": signal, **fields})


@given(CAST)
def test_an_opinion_is_never_beyond_one(cast: list[ArticleSignal]) -> None:
    assert all(-1 <= held <= 1 for held in opinions(cast).values())


@given(CAST, votes())
def test_a_success_never_lowers_an_opinion_and_a_failure_never_raises_it(
    cast: list[ArticleSignal], more: ArticleSignal
) -> None:
    before = of(cast, more.content)
    assert of([*cast, replace(more, signal=Signal.HELPED)], more.content) >= before - 1e-12
    assert of([*cast, replace(more, signal=Signal.DID_NOT_HELP)], more.content) <= before + 1e-12


@given(CAST, votes())
def test_a_single_rating_moves_no_opinion_by_more_than_a_ninth(cast: list[ArticleSignal], more: ArticleSignal) -> None:
    rating = replace(more, author=Author.CUSTOMER, signal=Signal.DID_NOT_HELP, share=1.0)
    before, after = opinions(cast), opinions([*cast, rating])
    assert all(abs(after[content] - before.get(content, 0.0)) <= 1 / 9 + 1e-12 for content in after)


@given(CAST)
def test_the_order_of_different_votes_does_not_matter(cast: list[ArticleSignal]) -> None:
    backwards = opinions(cast[::-1])
    assert {content: pytest.approx(held) for content, held in opinions(cast).items()} == backwards


def test_nobody_has_said_anything() -> None:
    assert opinions([]) == {}


def test_a_customer_counts_once_however_often_they_rate() -> None:
    once = [vote(Signal.DID_NOT_HELP, author_name="ada")]
    often = [vote(Signal.DID_NOT_HELP, author_name="ada") for _ in range(100)]
    assert of(often) == pytest.approx(of(once))
    assert abs(of(once)) <= 1 / 9


def test_a_portal_weighs_at_most_ten_customers() -> None:
    ten = [vote(Signal.DID_NOT_HELP, author_name=f"{number}") for number in range(10)]
    thousand = [vote(Signal.DID_NOT_HELP, author_name=f"{number}") for number in range(1000)]
    assert of(thousand) == pytest.approx(of(ten))
    honest = [vote(author_name=f"{number}", owner=f"portal {number % 4}") for number in range(40)]
    assert of([*honest, *thousand]) > of([*honest[:8], *thousand])


def test_a_mark_by_an_agent_weighs_more_than_a_rating() -> None:
    agent: dict[str, Any] = {"author": Author.AGENT, "owner": "", "author_name": "maria"}
    assert of([vote(Signal.MARKED_WRONG, **agent)]) < of([vote(Signal.DISCARDED, **agent)])


def test_an_article_is_measured_against_the_others() -> None:
    def cast(content: str, good: int, bad: int) -> list[ArticleSignal]:
        said = [Signal.HELPED] * good + [Signal.DID_NOT_HELP] * bad
        return [vote(one, content=content, author_name=f"{at}") for at, one in enumerate(said)]

    held = opinions([*cast("a", 9, 1), *cast("b", 5, 5), *cast("c", 1, 9)])
    assert held["a"] > 0.1
    assert held["c"] < -0.1
    assert held["c"] < held["b"] < held["a"]


def test_another_text_starts_anew() -> None:
    old = [vote(Signal.DID_NOT_HELP, content="old", author_name=f"{number}") for number in range(9)]
    assert "new" not in opinions(old)


def test_the_latest_word_of_the_same_person_on_the_same_answer_stands() -> None:
    first = vote(Signal.DID_NOT_HELP)
    later = replace(first, signal=Signal.HELPED, at=NOON + timedelta(minutes=1))
    assert standing([first, later]) == [later]
    assert of([first, later]) == of([later])


def test_using_a_draft_and_marking_its_article_are_two_words() -> None:
    used = vote(Signal.DISCARDED, author=Author.AGENT)
    assert len(standing([used, replace(used, signal=Signal.MARKED_WRONG)])) == 2


def test_a_score_says_whether_it_helped() -> None:
    assert [signal_of_rating(score).value for score in range(1, 6)] == [
        "did_not_help",
        "did_not_help",
        "helped_partly",
        "helped",
        "helped",
    ]
