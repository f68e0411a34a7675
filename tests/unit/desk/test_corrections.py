"""Agents say what a ticket is really about: at any time, over an earlier word, and without touching the ticket."""

import pytest
from prometheus_client import REGISTRY

from helpdesk.corrections import OUT_OF_SCOPE, Verdict
from helpdesk.errors import InvalidInput, TicketNotFound
from tests.desk_shop import DeskShop
from tests.factories import make_decision, make_id

KNOWN = frozenset({"get_refund", "track_order", "track_refund", OUT_OF_SCOPE})


def decided(shop: DeskShop, ticket_id: str, *, turn: int = 1, label: str = "track_order", foreign: bool = False) -> str:
    """Store a decision of this turn that rests on this prediction."""
    with shop.store.transaction() as tx:
        prediction = {"predicted_label": label, "out_of_scope": foreign}
        decision = make_decision(tx.ticket(ticket_id), turn=turn, prediction=prediction, versions={"model": "v7"})
        tx.add_decisions([decision])
    return ticket_id


def count(verdict: Verdict) -> float:
    return REGISTRY.get_sample_value("helpdesk_corrections_total", {"verdict": verdict}) or 0.0


@pytest.mark.parametrize("state", ["submitted", "queued", "claimed", "answered"])
def test_a_ticket_in_any_state_is_corrected_and_stays_as_it_is(shop: DeskShop, state: str) -> None:
    ticket_id = decided(shop, getattr(shop, state)())
    before, waiting = shop.ticket(ticket_id), shop.waiting_in_broker()
    shop.wait(60)
    correction = shop.desk.correct(ticket_id, "omar", intent="get_refund", known=KNOWN, note="Money.")
    assert (correction.intent, correction.predicted, correction.model_version) == ("get_refund", "track_order", "v7")
    assert (correction.author, correction.turn, correction.created_at) == ("omar", 1, shop.now)
    assert (shop.ticket(ticket_id), shop.waiting_in_broker()) == (before, waiting)
    assert shop.history(ticket_id)[-1] == (
        None,
        "omar",
        "The intent is get_refund; the model had said track_order. Money.",
    )


def test_correcting_again_takes_the_first_ones_place_and_both_stay_in_the_record(shop: DeskShop) -> None:
    ticket_id = decided(shop, shop.queued())
    for agent, intent in (("omar", "track_refund"), ("maria", "get_refund")):
        shop.desk.correct(ticket_id, agent, intent=intent, known=KNOWN)
    with shop.store.reading() as tx:
        assert [(made.author, made.intent) for made in tx.corrections(ticket_id)] == [
            ("omar", "track_refund"),
            ("maria", "get_refund"),
        ]
        (standing,) = tx.standing_corrections(limit=9)
    assert (standing.correction.author, standing.correction.intent) == ("maria", "get_refund")
    assert [name for _, name, reason in shop.history(ticket_id) if "intent" in reason] == ["omar", "maria"]


def test_a_repeated_request_is_recorded_and_counted_once(shop: DeskShop) -> None:
    ticket_id = decided(shop, shop.queued())
    before = count(Verdict.WRONG)
    first = shop.desk.correct(ticket_id, "omar", intent="get_refund", known=KNOWN)
    shop.wait(5)
    assert shop.desk.correct(ticket_id, "omar", intent="get_refund", known=KNOWN) == first
    with shop.store.reading() as tx:
        assert tx.corrections(ticket_id) == [first]
    assert count(Verdict.WRONG) - before == 1


@pytest.mark.parametrize(
    ("foreign", "intent", "verdict"),
    [
        (False, "track_order", Verdict.RIGHT),
        (False, "get_refund", Verdict.WRONG),
        (True, "track_order", Verdict.WRONG),
        (True, OUT_OF_SCOPE, Verdict.RIGHT),
    ],
)
def test_what_the_model_had_said_is_counted_as_right_or_wrong(
    shop: DeskShop, foreign: bool, intent: str, verdict: Verdict
) -> None:
    ticket_id = decided(shop, shop.queued(), foreign=foreign)
    before = count(verdict)
    assert shop.desk.correct(ticket_id, "omar", intent=intent, known=KNOWN).verdict is verdict
    assert count(verdict) - before == 1


def test_a_ticket_that_no_model_read_is_corrected_in_its_present_turn(shop: DeskShop) -> None:
    ticket_id = shop.queued()
    shop.desk.add_customer_message(ticket_id, "P.S.", owner=None, decide_within_s=120)
    correction = shop.desk.correct(ticket_id, "omar", intent="get_refund", known=KNOWN)
    assert (correction.turn, correction.predicted, correction.model_version) == (2, None, None)
    assert correction.verdict is Verdict.NO_PREDICTION


def test_the_latest_turn_that_a_model_read_is_meant_unless_another_is_named(shop: DeskShop) -> None:
    ticket_id = decided(shop, shop.queued(), label="track_order")
    for _ in range(2):
        shop.desk.add_customer_message(ticket_id, "And now?", owner=None, decide_within_s=120)
    decided(shop, ticket_id, turn=2, label="track_refund")
    latest = shop.desk.correct(ticket_id, "omar", intent="get_refund", known=KNOWN)
    first = shop.desk.correct(ticket_id, "omar", intent="get_refund", known=KNOWN, turn=1)
    assert (latest.turn, latest.predicted) == (2, "track_refund")
    assert (first.turn, first.predicted) == (1, "track_order")
    with shop.store.reading() as tx:
        assert len(tx.standing_corrections(limit=9)) == 2


def test_what_cannot_be_meant_is_refused_and_nothing_is_stored(shop: DeskShop) -> None:
    ticket_id = decided(shop, shop.queued())
    steps = shop.history(ticket_id)
    with pytest.raises(InvalidInput, match="'getrefund' is no intent of the live model") as unknown:
        shop.desk.correct(ticket_id, "omar", intent="getrefund", known=KNOWN)
    assert (unknown.value.field, "get_refund" in unknown.value.remedy) == ("intent", True)
    with pytest.raises(InvalidInput, match="turn: 2 is none of the ticket's"):
        shop.desk.correct(ticket_id, "omar", intent="get_refund", known=KNOWN, turn=2)
    with pytest.raises(InvalidInput, match="author: is blank"):
        shop.desk.correct(ticket_id, " ", intent="get_refund", known=KNOWN)
    with pytest.raises(TicketNotFound):
        shop.desk.correct(make_id(), "omar", intent="get_refund", known=KNOWN)
    with shop.store.reading() as tx:
        assert tx.corrections(ticket_id) == []
    assert shop.history(ticket_id) == steps


def test_of_many_intents_the_error_names_those_that_are_spelt_alike(shop: DeskShop) -> None:
    many = {f"intent_number_{number}" for number in range(150)} | {"get_refund"}
    with pytest.raises(InvalidInput) as unknown:
        shop.desk.correct(shop.queued(), "omar", intent="get_refnd", known=many)
    assert unknown.value.remedy == "send one of get_refund"
