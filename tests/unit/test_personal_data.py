"""Personal data is found, masked without a trace, and comes back exactly as it was."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from helpdesk.personal_data import PersonalData
from tests.personal_values import cards, ibans, phones


def masked(text: str) -> str:
    return PersonalData([text]).mask(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card 4111 1111 1111 1111 12/27", "card [CARD_1] 12/27"),
        ("amex 3782-822463-10005, please", "amex [CARD_1], please"),
        ("４１１１１１１１１１１１１１１１", "[CARD_1]"),
        ("with a slip 4111 1111 1111 1112", "with a slip [PHONE_1]"),
        ("IBAN DE89 3704 0044 0532 0130 00 and thanks", "IBAN [IBAN_1] and thanks"),
        ("to gb29nwbk60161331926819.", "to [IBAN_1]."),
        ("write to ada.lovelace+x@mail.example.org!", "write to [EMAIL_1]!"),
        ("or ada (at) gmail (dot) com", "or [EMAIL_1]"),
        ("or ada at gmail dot com", "or [EMAIL_1]"),
        ("ada＠mail.example", "[EMAIL_1]"),
        ("+353 20 915 0142 or 0049 (0)30 1234567", "[PHONE_1] or [PHONE_2]"),
        ("020 9150142, 555-123-4567, 600123456", "[PHONE_1], [PHONE_2], [PHONE_3]"),
        ("call me on 555 1234", "call me on [PHONE_1]"),
    ],
)
def test_what_is_personal_is_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "order TB-20418835 of 2026-11-21 for EUR 49.90",
        "order 20418835, invoice TBI-2026-004417",
        "between 08:00 and 20:00 on 12/11/2026, within 14 days",
        "sizes 38 39 40 and 41",
        "I was at home",
        "at 5 pm @ the shop",
    ],
)
def test_what_a_shop_needs_to_know_stays(text: str) -> None:
    assert masked(text) == text


def test_the_same_value_has_one_token_in_all_texts_also_where_it_is_not_recognised() -> None:
    personal = PersonalData(["call me on 555 1234", "555 1234, and ada@mail.example", "ada@mail.example"])
    assert personal.mask("555 1234, and ada@mail.example") == "[PHONE_1], and [EMAIL_1]"
    assert personal.mask("ada@mail.example") == "[EMAIL_1]"


def test_a_token_that_a_customer_wrote_stands_for_nothing() -> None:
    text = "[EMAIL_1] is what I see, not ada@mail.example"
    personal = PersonalData([text])
    assert personal.mask(text) == "[EMAIL_1] is what I see, not [EMAIL_2]"
    assert personal.restore("Write to [EMAIL_2], not [EMAIL_1] or [EMAIL_3].") == (
        "Write to ada@mail.example, not [EMAIL_1] or [EMAIL_3]."
    )


def test_of_two_values_that_overlap_nothing_is_left_over() -> None:
    assert not any(character.isdigit() for character in masked("12345678901234567 4111111111111111").replace("_1]", ""))


SNIPPETS = st.one_of(
    cards, ibans, phones, st.emails(), st.text(max_size=20), st.sampled_from(["[EMAIL_1]", "[CARD_2]", "[", "_1]", "4"])
)


@given(st.lists(st.lists(SNIPPETS, max_size=6).map(" ".join), max_size=4))
def test_masking_and_restoring_is_the_identity(texts: list[str]) -> None:
    personal = PersonalData(texts)
    assert [personal.restore(personal.mask(text)) for text in texts] == texts


@given(st.one_of(cards, ibans, phones, st.emails()), st.text(max_size=30), st.text(max_size=30))
def test_nothing_of_a_value_stays_whatever_stands_around_it(value: str, before: str, after: str) -> None:
    text = f"{before} {value} {after}"
    assume(not before[-1:].isalnum())
    assert value not in masked(text)


@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    assert PersonalData([text]).restore(masked(text)) == text
