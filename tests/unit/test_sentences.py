"""Texts are taken apart where a reader would: at sentences and list items, and a long letter at what it asks."""

import pytest

from helpdesk.adapters.sentences import Kind, gist, sentences, units
from helpdesk.placeholders import find_placeholder


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It costs EUR 4.90. Pay at https://a.example/pay.now today.", 2),
        ('Select "Save." Then wait.', 2),
        ("Use a tool, e.g. a hammer. Done.", 2),
        ("Is it late? Yes! Wait.", 3),
        ("", 0),
    ],
)
def test_sentences_end_where_they_end(text: str, parts: int) -> None:
    found = sentences(text)
    assert len(found) == parts
    assert " ".join(found) == text


def test_an_article_falls_into_sentences_and_list_items_without_its_headings() -> None:
    body = "# Tents\nFirst. Second\nline.\n\n1. Push\n   the poles.\n2. Peg it.\n\n- One\n- Two\n\nLast."
    assert [(unit.kind, unit.text, unit.paragraph) for unit in units(body)] == [
        (Kind.SENTENCE, "First.", 0),
        (Kind.SENTENCE, "Second line.", 0),
        (Kind.STEP, "1. Push the poles.", 1),
        (Kind.STEP, "2. Peg it.", 1),
        (Kind.ITEM, "- One", 2),
        (Kind.ITEM, "- Two", 2),
        (Kind.SENTENCE, "Last.", 3),
    ]


def test_a_short_text_is_its_own_gist() -> None:
    assert gist("My parcel is late.\nWhere is it?") == "My parcel is late.\nWhere is it?"


def test_the_gist_of_a_long_letter_is_its_beginning_and_its_questions() -> None:
    letter = "Dear all. " + "It rained again today. " * 100 + "Where is my parcel? Regards, Ada."
    short = gist(letter, words=30)
    assert len(short.split()) <= 30
    assert short.startswith("Dear all.")
    assert "Where is my parcel?" in short


def test_a_long_text_without_sentences_is_cut() -> None:
    assert gist("word " * 500, words=20) == " ".join(["word"] * 20)


@pytest.mark.parametrize(
    "text",
    [
        "{{name}}",
        "{order_number}",
        "${order}",
        "<order number>",
        "[CUSTOMER NAME]",
        "[insert date]",
        "TODO",
        "%(name)s",
    ],
)
def test_what_a_template_left_open_is_found(text: str) -> None:
    assert find_placeholder(f"Write to {text} today.") == text


@pytest.mark.parametrize("text", ["[your account](https://a.example)", "<https://a.example>", "5 < 6 > 4", "[1]"])
def test_what_only_looks_alike_is_no_placeholder(text: str) -> None:
    assert find_placeholder(text) is None
