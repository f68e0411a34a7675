"""Corrections: what they say of the model, and what none may lack."""

import pytest

from helpdesk.corrections import OUT_OF_SCOPE, Verdict, predicted_intent
from helpdesk.errors import InvalidInput
from tests.factories import make_correction, make_ticket

TICKET = make_ticket()


@pytest.mark.parametrize(
    ("predicted", "verdict", "sentence"),
    [
        ("get_refund", Verdict.RIGHT, "The intent is get_refund, as the model had said. Sure."),
        ("track_order", Verdict.WRONG, "The intent is get_refund; the model had said track_order. Sure."),
        (None, Verdict.NO_PREDICTION, "The intent is get_refund; no model had read the ticket. Sure."),
    ],
)
def test_a_correction_says_whether_the_model_had_been_right(
    predicted: str | None, verdict: Verdict, sentence: str
) -> None:
    correction = make_correction(TICKET, predicted=predicted, note="Sure.")
    assert (correction.verdict, correction.sentence) == (verdict, sentence)


@pytest.mark.parametrize("field", ["author", "intent"])
@pytest.mark.parametrize("value", ["", " \t"])
def test_nobody_corrects_without_a_name_or_an_intent(field: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="is blank") as refused:
        make_correction(TICKET, **{field: value})
    assert refused.value.field == field


def test_a_ticket_that_was_taken_for_foreign_was_predicted_to_be_out_of_scope() -> None:
    assert predicted_intent({"predicted_label": "get_refund", "out_of_scope": True}) == OUT_OF_SCOPE
    assert predicted_intent({"predicted_label": "get_refund", "out_of_scope": False}) == "get_refund"
    assert predicted_intent({}) is None
