"""What is done at the desk speaks for or against the articles behind an answer, once for each person and answer."""

from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from helpdesk.article_feedback import Signal
from helpdesk.decisions import Outcome
from helpdesk.desk.article_feedback import use_of
from helpdesk.errors import InvalidInput, TicketNotFound
from helpdesk.ports.knowledge import Article
from helpdesk.tickets import Action, Author
from tests.contract.store_contract_knowledge import make_version
from tests.desk_shop import DeskShop
from tests.factories import make_answer, make_citation, make_decision, make_id

LAMP = Article(article_id="lamp", title="Lamp", question="How do I charge it?", body="Use the cable in the box.")
TENT = replace(LAMP, article_id="tent", title="Tent", body="Push the poles in first.")
VERSION = make_version(1, LAMP, TENT)
DRAFT = "Use the cable in the box, and charge the lamp for two hours before its first use."
CITED = (make_citation(article_id="lamp"), make_citation(article_id="lamp"), make_citation(article_id="tent"))


@pytest.fixture(autouse=True)
def _knowledge(shop: DeskShop) -> None:
    with shop.store.transaction() as tx:
        tx.add_knowledge_version(VERSION, {"lamp": LAMP, "tent": TENT})


def answered(shop: DeskShop, *, version: str = VERSION.version) -> str:
    """Let the machine send an answer that rests on both articles."""
    ticket_id = shop.submitted()
    with shop.store.transaction() as tx:
        ticket = tx.ticket(ticket_id).after(Action.ANSWER, at=shop.now)
        tx.save([ticket])
        tx.add_answers([make_answer(ticket, citations=CITED)])
        tx.add_decisions([make_decision(ticket, versions={"knowledge": version})])
    return ticket_id


def drafted(shop: DeskShop, *, outcome: Outcome = Outcome.DRAFT, author: Author = Author.MACHINE) -> str:
    """Let an agent hold a ticket with a draft that rests on the lamp's article."""
    ticket_id = shop.claimed()
    with shop.store.transaction() as tx:
        ticket = tx.ticket(ticket_id)
        citations = (make_citation(article_id="lamp"),)
        tx.add_answers([make_answer(ticket, sent=False, text=DRAFT, citations=citations, author=author)])
        tx.add_decisions([make_decision(ticket, outcome=outcome, versions={"knowledge": VERSION.version})])
    return ticket_id


def signals(shop: DeskShop, ticket_id: str) -> list[tuple[str, Signal, float]]:
    with shop.store.reading() as tx:
        return [(made.article_id, made.signal, made.share) for made in tx.article_signals_of(ticket_id)]


def count(signal: Signal) -> float:
    return REGISTRY.get_sample_value("helpdesk_article_signals_total", {"signal": signal}) or 0.0


def rate(shop: DeskShop, ticket_id: str, score: int) -> None:
    shop.desk.add_feedback(ticket_id, owner="shop", score=score, comment="")


def test_a_rating_counts_for_each_article_by_its_share_of_the_answer(shop: DeskShop) -> None:
    ticket_id, before = answered(shop), count(Signal.HELPED)
    rate(shop, ticket_id, 5)
    assert signals(shop, ticket_id) == [("lamp", Signal.HELPED, 2 / 3), ("tent", Signal.HELPED, 1 / 3)]
    with shop.store.reading() as tx:
        [lamp, _] = tx.article_signals()
    assert (lamp.content, lamp.author, lamp.owner, lamp.turn) == (LAMP.content_digest, Author.CUSTOMER, "shop", 1)
    assert lamp.author_name == "ada@example.org"
    assert count(Signal.HELPED) - before == 2


def test_the_same_rating_again_is_one_and_another_is_recorded_after_it(shop: DeskShop) -> None:
    ticket_id = answered(shop)
    for score in (4, 5, 1):
        rate(shop, ticket_id, score)
    assert [(name, said) for name, said, _ in signals(shop, ticket_id) if name == "lamp"] == [
        ("lamp", Signal.HELPED),
        ("lamp", Signal.DID_NOT_HELP),
    ]


def test_a_rating_of_a_persons_answer_says_nothing_of_an_article(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    shop.desk.reply(ticket_id, "maria", "Please use the cable.")
    rate(shop, ticket_id, 1)
    assert signals(shop, ticket_id) == []


def test_what_an_unrecorded_version_said_is_not_known_and_counts_nothing(shop: DeskShop) -> None:
    ticket_id = answered(shop, version="0123456789ab")
    rate(shop, ticket_id, 1)
    assert signals(shop, ticket_id) == []
    with pytest.raises(InvalidInput, match="no record"):
        shop.desk.mark_wrong(ticket_id, "maria", article_id="lamp")


@pytest.mark.parametrize(
    ("reply", "signal"),
    [
        (DRAFT, Signal.USED),
        (f"Hello Ada,\n\n{DRAFT.upper()}\n\nKind regards, Maria", Signal.USED),
        ("Hi Ada, use the cable in the box, and charge the lamp tonight; that is enough.", Signal.EDITED),
        ("I am sorry, the lamp cannot be charged. We send you a new one.", Signal.DISCARDED),
    ],
)
def test_a_reply_says_what_became_of_the_draft(shop: DeskShop, reply: str, signal: Signal) -> None:
    ticket_id = drafted(shop)
    shop.desk.reply(ticket_id, "maria", reply)
    assert signals(shop, ticket_id) == [("lamp", signal, 1.0)]
    with shop.store.reading() as tx:
        [made] = tx.article_signals()
    assert (made.author, made.author_name, made.owner) == (Author.AGENT, "maria", "")


def test_a_draft_that_the_machine_did_not_stand_by_says_nothing(shop: DeskShop) -> None:
    ticket_id = drafted(shop, outcome=Outcome.ROUTE)
    shop.desk.reply(ticket_id, "maria", "Something else.")
    assert signals(shop, ticket_id) == []


def test_a_draft_for_what_the_customer_wrote_before_says_nothing(shop: DeskShop) -> None:
    ticket_id = drafted(shop)
    shop.desk.add_customer_message(ticket_id, "And something else!", owner=None, decide_within_s=60)
    shop.desk.reply(ticket_id, "maria", "Something else.")
    assert signals(shop, ticket_id) == []


def test_an_article_is_marked_wrong_once_and_the_ticket_stays_as_it_is(shop: DeskShop) -> None:
    ticket_id = answered(shop)
    before = shop.ticket(ticket_id)
    for _ in range(2):
        mark = shop.desk.mark_wrong(ticket_id, "maria", article_id="tent", note="There are no poles.")
    assert (mark.signal, mark.share, mark.content) == (Signal.MARKED_WRONG, 1.0, TENT.content_digest)
    assert signals(shop, ticket_id) == [("tent", Signal.MARKED_WRONG, 1.0)]
    assert shop.ticket(ticket_id) == before
    steps = [step for step in shop.history(ticket_id) if step[1] == "maria"]
    assert steps == [(None, "maria", "The article tent is wrong. There are no poles.")]


def test_only_an_article_behind_the_answer_can_be_marked(shop: DeskShop) -> None:
    with pytest.raises(InvalidInput, match="behind no answer") as refused:
        shop.desk.mark_wrong(answered(shop), "maria", article_id="rope")
    assert refused.value.remedy == "send one of lamp, tent"
    with pytest.raises(InvalidInput, match="behind no answer"):
        shop.desk.mark_wrong(shop.queued(), "maria", article_id="lamp")
    with pytest.raises(TicketNotFound):
        shop.desk.mark_wrong(make_id(), "maria", article_id="lamp")


@pytest.mark.parametrize(
    ("draft", "reply", "signal"),
    [
        ("", "", Signal.DISCARDED),
        ("Yes.", "Yes, gladly.", Signal.USED),
        ("a b c d e f", "f e d c b a", Signal.DISCARDED),
        ("word " * 5000, "word " * 5000, Signal.USED),
    ],
)
def test_odd_texts_are_compared(draft: str, reply: str, signal: Signal) -> None:
    assert use_of(draft, reply) is signal
