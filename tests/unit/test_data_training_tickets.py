"""The training tickets come out of the grammar byte for byte, balanced, varied and split by whole templates."""

import json
import random
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from data.generate_tickets import (
    BLOCK,
    OUT_OF_SCOPE,
    OUT_OF_SCOPE_SHARE,
    Accepted,
    Grammar,
    GrammarError,
    Template,
    expand,
    family_of,
    generate,
    heads_of_families,
    load_grammar,
    main,
    misspell,
    normalise,
    split_of,
)
from models.dataset import check_file

DATA = Path(__file__).resolve().parents[2] / "data"
INTENTS = {row["intent"] for row in json.loads((DATA / "intents.json").read_text(encoding="utf-8"))}
MAX_FILE_BYTES = 4_000_000
PARAPHRASES = ("Track my order!", "I would like to track an order, please", "how do i track the order")

Row = dict[str, Any]


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar(DATA / "grammar")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [json.loads(line) for line in (DATA / "training_tickets.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A grammar of one intent with two sound templates, for tests to spoil."""
    (tmp_path / "slots.yaml").write_text("values: {product: [lamp, chair]}\npatterns: {order_number: ['##-%%']}\n")
    (tmp_path / "styles.yaml").write_text(
        "styles: {terse: {register: plain}}\nregisters: {plain: {opener: [], context: [], closer: [], sign_off: []}}\n"
    )
    (tmp_path / "noise.yaml").write_text("share: 0\noperations: {}\n")
    _write_templates(tmp_path, 'terse: "where is {order_number}"', 'terse: "my {product} is [late|lost]"')
    return tmp_path


def _write_templates(folder: Path, *templates: str) -> None:
    lines = "".join(f"  - {template}\n" for template in templates)
    (folder / "track_order.yaml").write_text(f"templates:\n{lines}")


def _fault(folder: Path) -> str:
    with pytest.raises(GrammarError) as caught:
        load_grammar(folder)
    return str(caught.value)


def test_the_committed_file_is_what_the_default_seed_generates(tmp_path: Path) -> None:
    assert main(["--output", str(tmp_path / "again.jsonl")]) == 0
    assert (tmp_path / "again.jsonl").read_bytes() == (DATA / "training_tickets.jsonl").read_bytes()


def test_another_seed_gives_other_texts_and_another_split(grammar: Grammar, rows: list[Row]) -> None:
    others = generate(grammar, seed=8, rows=3_000)
    assert len({row["text"] for row in others} - {row["text"] for row in rows}) > 2_000
    assert {row["template"] for row in others if row["split"] == "test"} != {
        row["template"] for row in rows if row["split"] == "test"
    }


def test_the_file_stays_small_enough_to_commit() -> None:
    assert (DATA / "training_tickets.jsonl").stat().st_size <= MAX_FILE_BYTES


def test_rows_have_the_agreed_keys_and_the_labels_of_the_intent_list(rows: list[Row]) -> None:
    assert {tuple(row) for row in rows} == {("text", "intent", "template", "style", "noise", "split")}
    assert {row["intent"] for row in rows} == INTENTS | {OUT_OF_SCOPE}
    assert all(row["template"].partition("/")[0] == row["intent"] for row in rows)
    assert {type(row["noise"]) for row in rows} == {bool}


def test_no_text_keeps_a_slot_a_group_or_loose_white_space(rows: list[Row]) -> None:
    for row in rows:
        assert not re.search(r"[{}\[\]|]|  |^\s|\s$", row["text"]), row


def test_intents_are_balanced_and_out_of_scope_weighs_as_much_as_several(rows: list[Row]) -> None:
    assert 18_500 <= len(rows) <= 19_500
    counts = Counter(row["intent"] for row in rows)
    (per_intent,) = {counts[intent] for intent in INTENTS}
    assert counts[OUT_OF_SCOPE] == pytest.approx(OUT_OF_SCOPE_SHARE * per_intent, abs=2)


def test_every_intent_is_split_70_15_15_by_rows(rows: list[Row]) -> None:
    counts = Counter((row["intent"], row["split"]) for row in rows)
    for intent in INTENTS | {OUT_OF_SCOPE}:
        total = sum(counts[intent, split] for split in ("train", "validation", "test"))
        assert counts[intent, "train"] / total == pytest.approx(0.70, abs=0.01)
        assert counts[intent, "validation"] / total == pytest.approx(0.15, abs=0.01)


def test_no_template_stands_in_two_splits(rows: list[Row]) -> None:
    splits = defaultdict(set)
    for row in rows:
        splits[row["template"]].add(row["split"])
    assert {len(found) for found in splits.values()} == {1}


def test_templates_that_differ_only_in_framing_words_stand_in_one_split(grammar: Grammar, rows: list[Row]) -> None:
    families = {template.id: family_of(template) for found in grammar.templates.values() for template in found}
    splits = defaultdict(set)
    for row in rows:
        splits[row["intent"], families[row["template"]]].add(row["split"])
    assert [family for family, found in splits.items() if len(found) > 1] == []
    assert len(set(families.values())) < len(families)  # there are such templates, so the rule is put to the test


def test_a_family_is_what_a_template_says_without_its_frame() -> None:
    families = {family_of(Template("track_order", 1, "terse", text)) for text in PARAPHRASES}
    assert families == {frozenset({"track", "order"})}
    assert family_of(Template("track_order", 1, "terse", "can you help me")) == {"can", "you", "help", "me"}


def test_templates_one_word_apart_in_some_wording_are_one_family_and_follow_the_first() -> None:
    texts = [
        "where is the {product} that I ordered [now|today]",
        "track it",
        "where is the parcel that I ordered today",
    ]
    templates = [Template("track_order", number, "terse", text) for number, text in enumerate(texts, start=1)]
    assert [head.number for head in heads_of_families(templates)] == [1, 2, 1]


def test_a_text_near_one_of_another_split_is_refused() -> None:
    accepted = Accepted()
    assert accepted.take("when will order 12345 be delivered", "track_order", "train")
    assert not accepted.take("When will order 777 be delivered?", "track_order", "train")
    assert not accepted.take("when will parcel 12345 be delivered", "track_order", "test")
    assert accepted.take("when will parcel 12345 be delivered", "track_order", "train")
    assert accepted.take("when will goods 12345 be delivered", "delivery_period", "test")


def test_the_check_of_training_data_finds_nothing_wrong_with_the_committed_file() -> None:
    checked = check_file(DATA / "training_tickets.jsonl")
    assert checked.dataset is not None
    assert checked.findings == ()  # above all, no text that is near one of another split


def test_no_text_stands_twice_even_with_other_numbers_case_or_punctuation(rows: list[Row]) -> None:
    assert [text for text, times in Counter(normalise(row["text"]) for row in rows).items() if times > 1] == []


def test_every_template_is_used_and_none_dominates_its_intent(grammar: Grammar, rows: list[Row]) -> None:
    used = Counter(row["template"] for row in rows)
    assert used.keys() == {template.id for templates in grammar.templates.values() for template in templates}
    assert max(used.values()) <= 8


def test_each_intent_has_many_templates_in_many_styles(grammar: Grammar) -> None:
    assert grammar.templates.keys() == INTENTS | {OUT_OF_SCOPE}
    for intent, templates in grammar.templates.items():
        assert len(templates) >= (500 if intent == OUT_OF_SCOPE else 140), intent
        assert len({template.style for template in templates}) >= 15, intent


def test_no_two_templates_of_an_intent_share_most_of_their_words(grammar: Grammar) -> None:
    for templates in grammar.templates.values():
        words = {template.id: set(re.findall(r"\w+", template.text.lower())) for template in templates}
        for one, other in combinations(words, 2):
            overlap = len(words[one] & words[other]) / len(words[one] | words[other])
            assert overlap <= 0.8, (one, other)


def test_about_a_third_of_the_rows_are_noisy_in_every_split(rows: list[Row]) -> None:
    for split in ("train", "validation", "test"):
        flags = [row["noise"] for row in rows if row["split"] == split]
        assert 0.25 <= sum(flags) / len(flags) <= 0.45


def test_typing_errors_spare_numbers_codes_and_addresses(grammar: Grammar) -> None:
    text = "where is order AB-12345 sent to hana88@example.com costing $49.90"
    noisy = [misspell(text, grammar.noise, random.Random(seed)) for seed in range(200)]
    assert all({"AB-12345", "hana88@example.com", "$49.90"} <= set(found.split()) for found in noisy)
    assert 60 <= sum(found != text for found in noisy) < 200


def test_typing_errors_strike_short_and_long_texts_at_the_same_rate(grammar: Grammar) -> None:
    low, high = grammar.noise["misspelt_share"]
    for length in (1, 3, 30):
        words = ["parcel"] * length
        rngs = [random.Random(seed) for seed in range(600)]
        struck = sum(misspell(" ".join(words), grammar.noise, rng).split().count("parcel") for rng in rngs)
        assert low < 1 - struck / (600 * length) < high


def test_a_slot_that_stands_twice_says_two_things_and_articles_fit(grammar: Grammar) -> None:
    for seed in range(200):
        text = expand("from a {account_type} to a {account_type} account", grammar, random.Random(seed))
        first, second = re.findall(r"an? (\w+)", text)
        assert first != second
        product = expand("a {product}", grammar, random.Random(seed))
        assert not re.search(r"\ba [aeiouAEIOU]|\ban [^aeiouAEIOU]", product)


def test_of_every_twenty_templates_three_are_validation_and_three_are_test() -> None:
    for intent in sorted(INTENTS):
        splits = Counter(split_of(Template(intent, number, "terse", ""), seed=7) for number in range(1, BLOCK + 1))
        assert splits == {"train": 14, "validation": 3, "test": 3}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ('terse: "where is my {prodct}"', "track_order/001: unknown slot '{prodct}'"),
        ('terse: "  "', "track_order/001: empty text"),
        ("terse:", "track_order/001: empty text"),
        ('rude: "where is it"', "track_order/001: unknown style 'rude' (known: terse)"),
        ('terse: "[late|lost"', "track_order/001: unbalanced [ or ]"),
        ('terse: "my {product is late"', "track_order/001: stray { or }"),
        ("where is it", "track_order/001: not of the form `style: "),
    ],
)
def test_a_faulty_template_is_named_with_its_fault(folder: Path, template: str, message: str) -> None:
    _write_templates(folder, template)
    assert message in _fault(folder)


def test_all_faults_are_listed_at_once_and_a_duplicate_names_its_original(folder: Path) -> None:
    _write_templates(folder, 'terse: "Where is {product}?"', 'terse: ""', 'terse: "where is {product}"')
    assert _fault(folder).splitlines() == [
        "track_order/003: duplicate of template track_order/001",
        "track_order/002: empty text",
    ]


def test_a_fault_in_a_shared_file_names_that_file(folder: Path) -> None:
    (folder / "slots.yaml").write_text("values: {product: ['{colour} lamp']}\npatterns: {order_number: ['##']}\n")
    assert _fault(folder).startswith("slots.yaml: product: unknown slot '{colour}'")
    (folder / "noise.yaml").write_text("share: [")
    assert _fault(folder).startswith("noise.yaml: no YAML mapping:")
    (folder / "noise.yaml").unlink()
    assert _fault(folder) == f"noise.yaml: missing in {folder}"


def test_a_grammar_with_too_few_variants_says_which_templates_ran_dry(folder: Path) -> None:
    with pytest.raises(GrammarError, match=r"train: \d+ rows short: no new text is left in track_order/001"):
        generate(load_grammar(folder), seed=7, rows=1_000)
