"""Search by words finds stems, and is at a loss for nothing."""

from helpdesk.adapters.retrieval.lexical import LexicalIndex, stems

TEXTS = ["Refunds are paid within five days.", "Parcels travel by night.", "Error E77 means that the valve is shut."]


def test_other_forms_of_a_word_are_found() -> None:
    assert LexicalIndex(TEXTS).scores("Was my refund payed? Refunding").argmax() == 0
    assert stems("Cancelling cancelled cancels") == ["cancel"] * 3


def test_a_rare_word_decides() -> None:
    scores = LexicalIndex(TEXTS).scores("parcels and E77 and E77")
    assert scores.argmax() == 2
    assert scores[0] == 0.0


def test_words_that_no_text_has_score_nothing() -> None:
    assert LexicalIndex(TEXTS).scores("zebra").tolist() == [0.0, 0.0, 0.0]
    assert LexicalIndex(TEXTS).scores("").tolist() == [0.0, 0.0, 0.0]
    assert LexicalIndex(TEXTS).scores("???").tolist() == [0.0, 0.0, 0.0]


def test_texts_without_words_can_be_indexed() -> None:
    assert LexicalIndex(["", "the", "!"]).scores("anything").tolist() == [0.0, 0.0, 0.0]
    assert LexicalIndex(["", "tent"]).scores("tents")[1] > 0
