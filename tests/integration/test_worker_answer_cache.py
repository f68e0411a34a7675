"""Tickets that ask the same get a checked answer again; a case of its own never does."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.decisions import DecisionRecord
from helpdesk.ports.writer import ModelCall
from helpdesk.tickets import Status
from processor.answer_cache import AnswerCache, same_question
from tests.fakes import codes
from tests.shop import Shop

CALL = ModelCall(model="paid-model", usage={"input_tokens": 900}, cost_usd=0.04)
QUESTION = "Hello, how do I cancel my order?"


@pytest.fixture
def cached_shop(remote_shop: Shop) -> Shop:
    remote_shop.cache = AnswerCache(remote_shop.store, writer_version="fake 0", keep_days=7)
    remote_shop.writer.calls = (CALL,)
    return remote_shop


def answered(shop: Shop, *texts: str, **ticket: str) -> list[DecisionRecord]:
    """Submit the texts one after the other, and return their decisions."""
    decisions: list[DecisionRecord] = []
    for text in texts:
        ticket_id = shop.submit(text, **{"subject": "", **ticket})
        if shop._thread is None:
            shop.start_worker()
        [decided] = shop.decided(ticket_id)
        assert decided.status is Status.ANSWERED
        with shop.store.reading() as tx:
            decisions += tx.decisions(ticket_id)
    return decisions


def test_the_same_question_is_written_and_paid_once(cached_shop: Shop) -> None:
    first, again = answered(cached_shop, QUESTION, "how do i cancel MY order -- please?? Many thanks!")
    assert len(cached_shop.writer.tasks) == 1
    assert codes(first.reasons) == ["confident_and_grounded"]
    assert codes(again.reasons) == ["confident_and_grounded", "answer_reused"]
    assert (first.cost_usd, again.cost_usd, again.usage) == (0.04, 0.0, {})
    assert again.versions == first.versions
    with cached_shop.store.reading() as tx:
        one, other = (tx.answers(decision.ticket_id)[0] for decision in (first, again))
    assert (one.text, one.citations) == (other.text, other.citations)


@pytest.mark.parametrize(
    "other",
    [
        "Hello, how do I not cancel my order?",
        "Hello, how do I cancel my order TB-20418835?",
        "Hello, how do I cancel my order? I am ada@mail.example",
    ],
)
def test_another_question_or_a_case_of_its_own_is_written(cached_shop: Shop, other: str) -> None:
    answered(cached_shop, QUESTION, other, other)
    assert len(cached_shop.writer.tasks) == (2 if "not" in other else 3)


def test_an_answer_with_a_name_in_it_is_not_kept(cached_shop: Shop) -> None:
    cached_shop.writer.text = "You can cancel an order until it is packed, Ada."
    answered(cached_shop, QUESTION, QUESTION)
    assert len(cached_shop.writer.tasks) == 2


def test_after_an_answer_the_same_words_are_a_case_of_their_own(cached_shop: Shop) -> None:
    [first] = answered(cached_shop, QUESTION)
    cached_shop.write_again(first.ticket_id, QUESTION)
    cached_shop.decided(first.ticket_id)
    assert len(cached_shop.writer.tasks) == 2


def test_an_answer_that_fails_the_checks_is_not_kept(cached_shop: Shop) -> None:
    cached_shop.writer.text = "Your order has been cancelled."
    for _ in range(2):
        ticket_id = cached_shop.submit(QUESTION, subject="")
        if cached_shop._thread is None:
            cached_shop.start_worker()
        [ticket] = cached_shop.decided(ticket_id)
        assert ticket.status is Status.QUEUED
    assert len(cached_shop.writer.tasks) == 2


def test_another_version_of_the_writer_writes_anew(cached_shop: Shop) -> None:
    answered(cached_shop, QUESTION)
    other = AnswerCache(cached_shop.store, writer_version="fake 1", keep_days=7)
    cached_shop.consideration._cache = other
    answered(cached_shop, QUESTION)
    assert len(cached_shop.writer.tasks) == 2


def test_an_answer_that_is_too_old_is_written_anew(cached_shop: Shop) -> None:
    later = datetime.now(UTC) + timedelta(days=8)
    answered(cached_shop, QUESTION)
    cached_shop.consideration._cache = AnswerCache(
        cached_shop.store, writer_version="fake 0", keep_days=7, clock=lambda: later
    )
    answered(cached_shop, QUESTION)
    assert len(cached_shop.writer.tasks) == 2


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Hi there, please cancel it. Thank you!", "cancel it"),
        ("Good morning team! How do I  return   it?", "how do i return it"),
        ("Don’t cancel it", "don't cancel it"),
        ("Thanks", ""),
    ],
)
def test_greeting_thanks_case_and_punctuation_make_no_other_question(text: str, same: str) -> None:
    assert same_question(text) == same
