"""Division into splits: nothing that says the same stands on both sides, and each intent is held out."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.near_duplicates import near_duplicate_groups, normal_form
from models.splitting import SPLITS, divide


def grouped(texts: list[str], labels: list[str] | None = None) -> list[int]:
    groups = near_duplicate_groups([normal_form(text) for text in texts], labels or ["a"] * len(texts))
    return [groups.of(row) for row in range(len(texts))]


def test_texts_that_read_the_same_are_one_group() -> None:
    assert grouped(["Cancel my order 12345!", "cancel my  order 777-12345", "cancel that order"]) == [0, 0, 2]


def test_one_word_replaced_added_or_left_out_is_near() -> None:
    base = "please cancel the order of yesterday"
    others = [
        "please stop the order of yesterday",
        "please cancel the order of yesterday evening",
        "please cancel the order of",
    ]
    assert grouped([base, *others]) == [0, 0, 0, 0]
    assert grouped([base, "please stop the order of today"]) == [0, 1]


def test_nearness_is_passed_on() -> None:
    assert grouped(["one two three four five", "one two three four six", "one two three seven six"]) == [0, 0, 0]


def test_short_texts_and_other_intents_are_only_near_when_equal() -> None:
    assert grouped(["cancel my order", "refund my order"]) == [0, 1]
    texts = ["how do i cancel my order", "how do i track my order"]
    assert grouped(texts, ["cancel", "track"]) == [0, 1]
    assert grouped(["how do i cancel my order"] * 2, ["cancel", "track"]) == [0, 0]


def test_texts_without_words_are_told_apart() -> None:
    assert grouped(["😡", "👍", "😡"]) == [0, 1, 0]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), min_size=1, max_size=120),
    st.integers(0, 3),
)
def test_groups_stay_whole_and_the_seed_decides(rows: list[tuple[int, str]], seed: int) -> None:
    groups, labels = [group for group, _ in rows], [label for _, label in rows]
    splits = divide(groups, labels, seed=seed)
    assert set(splits) <= set(SPLITS)
    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
    assert divide(groups, labels, seed=seed) == splits


def test_each_intent_is_divided_70_15_15() -> None:
    labels = ["a"] * 200 + ["b"] * 20
    splits = divide(range(220), labels, seed=0)
    assert Counter(splits[:200]) == {"train": 140, "validation": 30, "test": 30}
    assert Counter(splits[200:]) == {"train": 14, "validation": 3, "test": 3}
    assert divide(range(220), labels, seed=1) != splits
