"""Phrases of the policy and the brand file, as they are found in texts."""

import pytest

from helpdesk.policy.phrases import found_in, groups_in

GROUPS = {"guest": ("guest*", "no account", "don't have an account"), "account": ("account", "signed in")}


@pytest.mark.parametrize(
    ("text", "phrases", "found"),
    [
        ("Talk to a  Human now", ("talk to a human",), "Talk to a  Human"),
        ("my lawyers", ("lawyer*",), "lawyers"),
        ("a flawyer", ("lawyer*",), None),
        ("it is TB-20418835.", ("TB-########",), "TB-20418835"),
        ("it is TB-2041883512", ("TB-########",), None),
        ("c++ (really)", ("c++",), "c++"),
        ("anything", (), None),
    ],
)
def test_phrases_are_whole_words_with_stems_and_digits(text: str, phrases: tuple[str, ...], found: str | None) -> None:
    assert found_in(text, phrases) == found


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("I have no account", {"guest"}),
        ("I don't have an account", {"guest"}),
        ("in my account", {"account"}),
        ("guests with an account", {"guest", "account"}),
        ("neither", set()),
    ],
)
def test_of_two_phrases_at_one_place_the_longer_counts(text: str, groups: set[str]) -> None:
    assert groups_in(text, GROUPS) == groups
