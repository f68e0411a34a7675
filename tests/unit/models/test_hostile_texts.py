"""Whatever the text is, it gets a prediction that is valid, and its neighbours get theirs as if they were alone."""

import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from helpdesk.predictions import MAX_TICKET_CHARACTERS, Prediction
from helpdesk.settings import ModelSettings
from models.classifier import Classifier, load_classifier
from models.preprocess import MAX_CHARACTERS, clean, readable

NEIGHBOURS = ["Where is my parcel? It was due on Monday.", "i forgot my pasword", ""]
UNITS = (
    "\n", "\r", "\t", "\x00", "\x1b[2J", " ", "a", "é", "ß", "İ", "\u0301", "\u200b", "\u202e", "\ufeff", "\ufdfa",
    "\ud800", "\U0001f468\u200d\U0001f469", "\U000e0001", "注", "ا", "<b>", "</b>", "<!--", "<a href='",
    "&#0;", "&#xD800;", "&amp;", "]]>", "{", "[", "\\", '"', "'", "> ", "On a, b wrote:\n", "From: a\n", "-- \n",
    "Best\n", "12.", "€1", "#a", "a@b.cc ", "http://", "[ORDER]", "[PAD]", "[UNK]", "##s", "not ", "but ", "hate ",
)  # fmt: skip
HOSTILE = st.one_of(
    st.text(st.characters(codec=None), max_size=300),
    st.lists(st.sampled_from(UNITS), max_size=40).map("".join),
    st.tuples(st.sampled_from(UNITS), st.integers(1, 40_000)).map(lambda found: found[0] * found[1]),
    st.tuples(st.sampled_from(UNITS), st.sampled_from(NEIGHBOURS)).map(lambda found: found[0].join(found[1])),
)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier(ModelSettings())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=HOSTILE)
@example(text="\ud800" * 100)
@example(text="\u0301" * 100_000)
@example(text="<div>" * 20_000)
@example(text="[PAD][UNK] [ORDER]" * 1_000)
def test_any_text_gets_a_valid_prediction_and_changes_no_neighbours(classifier: Classifier, text: str) -> None:
    first, hostile, *others = classifier.predict([NEIGHBOURS[0], text, *NEIGHBOURS[1:]])
    Prediction.model_validate_json(hostile.model_dump_json())  # what crosses the wire is whole
    assert [first, *others] == [classifier.predict([alone])[0] for alone in NEIGHBOURS]
    assert classifier.predict([text]) == [hostile]


@settings(max_examples=200, deadline=None)
@given(text=HOSTILE)
def test_what_is_read_of_a_text_is_short_and_holds_no_half_characters(text: str) -> None:
    assert len(readable(text)) <= MAX_CHARACTERS
    clean(text).encode()


@pytest.mark.parametrize(
    "text",
    [
        "", " \n\t ", "a", "7", "?", "\x00" * 50, "😡😡😡📦❓", "12345 67890", "!?!?...,,,---", "\u200b\ufeff" * 30,
        "\u0301" * 9, "<b></b>", "<p hidden>Where is my parcel?</p>", "注", "#", "€ 34.90", "\ue000" * 20,
    ],
)  # fmt: skip
def test_where_there_is_no_word_the_model_is_not_believed(classifier: Classifier, text: str) -> None:
    (prediction,) = classifier.predict([text])
    assert prediction.out_of_scope
    assert not prediction.sentiment_valid


@pytest.mark.parametrize("unit", UNITS)
def test_the_longest_text_of_any_kind_takes_no_time(classifier: Classifier, unit: str) -> None:
    text = unit * (MAX_TICKET_CHARACTERS // len(unit))
    began = time.thread_time()
    classifier.predict([text])
    assert time.thread_time() - began < 2.0
