"""Sentiment counts only where VADER applies."""

import sys

import pytest

from models.sentiment import SentimentReader


@pytest.fixture(scope="module")
def reader() -> SentimentReader:
    return SentimentReader()


def test_an_upset_customer_is_negative_and_a_happy_one_positive(reader: SentimentReader) -> None:
    upset = reader.read("This is disgusting service, I am furious and I hate your shop!")
    happy = reader.read("Thank you so much, the lamp is wonderful and I love it.")
    assert upset.valid
    assert upset.score < -0.7
    assert happy.valid
    assert happy.score > 0.7
    assert upset.language == happy.language == "en"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Das ist eine Katastrophe, ich bin sehr wütend auf diesen Laden", "de"),
        ("Je suis furieux, ce service est une catastrophe", "fr"),
        ("注文した寝袋をキャンセルしたいのですが、まだ間に合いますか", "ja"),
    ],
)
def test_other_languages_are_named_and_have_no_sentiment(reader: SentimentReader, text: str, language: str) -> None:
    sentiment = reader.read(text)
    assert (sentiment.score, sentiment.valid, sentiment.language) == (0.0, False, language)


@pytest.mark.parametrize("text", ["", "?", "hi", "😡😡😡", "12345 67890", "\n"])
def test_where_there_is_nothing_to_read_it_abstains(reader: SentimentReader, text: str) -> None:
    sentiment = reader.read(text)
    assert (sentiment.score, sentiment.valid, sentiment.language) == (0.0, False, "")


def test_loading_it_leaves_other_packages_importable(reader: SentimentReader) -> None:
    assert sys.modules.get("sklearn", "absent") is not None
    assert sys.modules.get("scipy", "absent") is not None
