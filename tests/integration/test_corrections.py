"""What is trained on is what the worker sent to be predicted, whatever was written before and after."""

from models.corrections import corrected_tickets
from tests.shop import Shop

KNOWN = frozenset({"cancel_order", "get_refund"})


def test_each_turns_training_text_is_the_one_that_was_predicted(shop: Shop) -> None:
    ticket_id = shop.submit("nothing-found here? please cancel\n\nKind regards\nAda", subject="Order #81723")
    shop.desk.add_customer_message(
        ticket_id, "On Monday Bo wrote:\n> hello\nAnd quickly.", owner=None, decide_within_s=60
    )
    shop.relay.run_once()
    shop.start_worker()
    shop.decided(ticket_id)
    shop.desk.claim(ticket_id, "ada")
    shop.desk.reply(ticket_id, "ada", "There you are.")
    shop.desk.add_customer_message(ticket_id, "please cancel the other", owner=None, decide_within_s=60)
    shop.relay.run_once()
    shop.decided(ticket_id)
    shop.desk.claim(ticket_id, "ada")
    shop.desk.add_customer_message(ticket_id, "Never mind.", owner=None, decide_within_s=60)

    for turn in (2, 3):
        shop.desk.correct(ticket_id, "ada", intent="get_refund", known=KNOWN, turn=turn)
    with shop.store.reading() as tx:
        predictions = {decision.turn: decision.prediction for decision in tx.decisions(ticket_id)}
    assert set(predictions) == {2, 3}
    predicted = [text for texts in shop.predictor.calls for text in texts]
    assert [item.text for item in corrected_tickets(shop.store)] == predicted
    assert predicted[0].startswith("Order #81723\nnothing-found here? please cancel")
    assert [item.correction.predicted for item in corrected_tickets(shop.store)] == ["cancel_order"] * 2
