"""Feedback closes the loop: a rating over the desk changes which article the running worker puts first."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.decisions import DecisionRecord
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.changes import Origin
from helpdesk.knowledge.checking import Checked
from helpdesk.knowledge.opinions import OpinionReader
from processor.following import Follower
from tests.contract.knowledge_contract import WordEncoder, make_article
from tests.shop import Shop

ONE = make_article(
    "cancel-one",
    question="How do I cancel my order?",
    body="You can cancel an order until it is packed. Press this button.",
    intent="cancel_order",
)
OTHER = replace(ONE, article_id="cancel-other", body="You can cancel an order until it is packed. Write one letter.")
QUESTION = "please cancel my order"


@pytest.fixture
def learning_shop(shop: Shop, tmp_path: Path) -> Iterator[Shop]:
    """A shop with two articles that fit alike, in a real index."""
    with closing(ChromaKnowledge(WordEncoder(), path=tmp_path / "knowledge", look_every_s=0.01)) as knowledge:
        KnowledgeBase(shop.store, knowledge).load(Checked((ONE, OTHER), ()), Origin(by="test"))
        shop.knowledge = knowledge
        shop.opinions = OpinionReader(shop.store)
        yield shop


def decided(shop: Shop, *users: str) -> list[DecisionRecord]:
    ticket_ids = [shop.submit(QUESTION, subject="", user=user) for user in users]
    if shop._thread is None:
        shop.start_worker()
    shop.decided(*ticket_ids)
    with shop.store.reading() as tx:
        return [tx.decisions(ticket_id)[0] for ticket_id in ticket_ids]


def first_article(shop: Shop, decision: DecisionRecord) -> str:
    with shop.store.reading() as tx:
        return tx.answers(decision.ticket_id)[0].citations[0].article_id


def test_an_article_that_did_not_help_comes_later_without_a_restart(learning_shop: Shop) -> None:
    shop = learning_shop
    made = decided(shop, *(f"customer {number}" for number in range(6)))
    [before] = {first_article(shop, decision) for decision in made}
    assert "feedback" not in made[0].versions
    assert "opinion" not in made[0].scores
    for decision in made:
        shop.desk.add_feedback(decision.ticket_id, owner=None, score=1, comment="")
    [unread] = decided(shop, "before the look")
    assert first_article(shop, unread) == before
    Follower(KnowledgeBase(shop.store, shop.knowledge), opinions=shop.opinions).look()
    [after] = decided(shop, "after the look")
    assert first_article(shop, after) != before
    with shop.store.reading() as tx:
        assert after.versions["feedback"] == str(tx.last_article_signal())
    assert after.scores["place_without_feedback"] == 2.0
    assert after.scores["opinion"] == 0.0
    assert after.scores["evidence"] <= made[0].scores["evidence"]


def test_what_is_held_is_read_again_only_after_something_new_was_said(learning_shop: Shop) -> None:
    shop = learning_shop
    reader = OpinionReader(shop.store)
    assert (reader.look().version, reader.current().by_content) == ("", {})
    [decision] = decided(shop, "ada")
    shop.desk.add_feedback(decision.ticket_id, owner=None, score=1, comment="")
    held = reader.look()
    assert reader.look() is held
    assert list(held.by_content.values()) == [pytest.approx(-0.7 / 9)]


def test_feedback_on_a_text_ends_with_the_text(learning_shop: Shop) -> None:
    shop = learning_shop
    for decision in decided(shop, *(f"customer {number}" for number in range(6))):
        shop.desk.add_feedback(decision.ticket_id, owner=None, score=1, comment="")
    held = OpinionReader(shop.store).look().by_content
    [rated] = [article for article in (ONE, OTHER) if article.content_digest in held]
    mended = replace(rated, body="Open the order, and then press the button that says Cancel.")
    assert mended.content_digest not in held
    assert replace(rated, updated="2026-11-21", tags=("new",)).content_digest in held
