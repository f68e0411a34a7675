"""Policies as people write them: single edits that keep the rest, and problems that say what to do."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.errors import InvalidInput, PolicyRefused
from helpdesk.policy.changes import PolicyChanges, differences, unknown_intents
from helpdesk.policy.rules import Autonomy, parse_policy
from helpdesk.policy.writing import edited
from tests.policies import FILE, SHIPPED, changed_policy

BODY = FILE.read_text(encoding="utf-8")
INTENTS = st.sampled_from(["get_refund", "complaint", "delete_account", "cancel_order", "default"])
changes = st.builds(
    PolicyChanges,
    autonomy=st.dictionaries(INTENTS, st.sampled_from(Autonomy), max_size=3),
    thresholds=st.dictionaries(INTENTS.filter(lambda name: name != "default"), st.floats(0, 1), max_size=3),
    confidence_floor=st.none() | st.floats(0, 1),
    evidence_threshold=st.none() | st.floats(0, 1),
    upset_at=st.none() | st.floats(-1, 1),
)


@settings(deadline=None, max_examples=30)
@given(wanted=changes)
def test_single_changes_do_what_they_say_and_keep_every_comment(wanted: PolicyChanges) -> None:
    text = wanted.applied_to(BODY)
    policy = parse_policy(text, where="a test")
    for intent, autonomy in wanted.autonomy.items():
        assert policy.autonomy_of("nameless" if intent == "default" else intent) is autonomy
    for intent, threshold in wanted.thresholds.items():
        assert policy.confidence_thresholds[intent] == threshold
    for name in ("confidence_floor", "evidence_threshold", "upset_at"):
        if (value := getattr(wanted, name)) is not None:
            assert getattr(policy, name) == value
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in BODY.splitlines() if line.startswith("#")
    ]
    touched = {change.path.partition(".")[0] for change in differences(SHIPPED, policy)}
    assert touched <= {"autonomy", "confidence_thresholds", "confidence_floor", "evidence_threshold", "upset_at"}


@pytest.mark.parametrize(
    "body",
    [
        '{"version": 1, "autonomy": {"default": "answer", "intents": {}}}',
        "version: 1\nautonomy:\n  default: answer\n  intents:\n    a: draft",
        "version: 1\nautonomy: {default: answer, intents: {a: draft,}}\n",
        "version: 1\nautonomy:\n  default: answer # why\n",
        "version: 1\n",
        "version: 1\nautonomy:\n  intents:\n    a: draft   # because\n\n  default: answer\n",
    ],
)
def test_an_entry_is_added_to_whatever_the_text_looks_like(body: str) -> None:
    text = edited(body, ("autonomy", "intents", "get_refund"), "off")
    before, after = yaml.safe_load(body), yaml.safe_load(text)
    assert after["autonomy"]["intents"].pop("get_refund") == "off"
    assert after["autonomy"]["intents"] == before.get("autonomy", {}).get("intents", {})


def problems(text: str) -> dict[str, tuple[str, str]]:
    with pytest.raises(PolicyRefused) as refused:
        parse_policy(text, where="mine.yaml")
    assert "mine.yaml" in str(refused.value)
    return {path: (problem, remedy) for path, problem, remedy in refused.value.problems}


@pytest.mark.parametrize(
    ("old", "new", "path", "problem", "remedy"),
    [
        (
            "complaint: draft",
            "complaint: drafft",
            "autonomy.intents.complaint",
            "'drafft'",
            "'off', 'draft' or 'answer'",
        ),
        ("upset_at: -0.65", "upset_at: -7", "upset_at", "-7", "-1.0 or more"),
        ("upset_at: -0.65", "upset_at: .nan", "upset_at", "nan", ""),
        ("evidence_threshold:", "evidence_treshold:", "evidence_treshold", "no rule", "write evidence_threshold"),
        ("evidence_threshold:", "evidence_treshold:", "evidence_threshold", "missing", "add it"),
        ("languages: [en]", "languages: [en, no]", "languages.1", "False", "quotes"),
        ("press: [journalist*", "empty: []\n  press: [journalist*", "reserved_topics.empty", "[]", "leave the whole"),
        ("press: [journalist*", "press: ['*', journalist*", "reserved_topics.press.0", "'*'", "one letter"),
        ("languages: [en]", "languages: en", "languages", "'en'", "list"),
    ],
)
def test_a_rule_that_does_not_fit_is_named_with_its_value_and_what_to_do(
    old: str, new: str, path: str, problem: str, remedy: str
) -> None:
    assert old in BODY
    found = problems(BODY.replace(old, new))
    assert path in found, found
    assert problem in found[path][0]
    assert remedy in found[path][1]


def test_all_problems_are_named_at_once() -> None:
    found = problems(BODY.replace("upset_at: -0.65", "upset_at: x").replace("default: answer", "default: often"))
    assert set(found) == {"upset_at", "autonomy.default"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "a: [",
        "a: *b",
        "[" * 5_000,
        "a: !!python/object:os.system x",
        BODY + "upset_at: -0.5\n",
        "\0",
        "? []\n: 1",
    ],
)
def test_what_is_no_policy_is_refused_as_such(text: str) -> None:
    assert "" in problems(text) or problems(text)


def test_a_rule_that_stands_twice_is_refused_where_yaml_would_let_the_last_one_win() -> None:
    assert "“upset_at” stands twice" in problems(BODY + "upset_at: -0.5\n")[""][0]


def test_a_nest_of_references_is_refused_without_being_unfolded() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + depth)}: &{chr(98 + depth)} [{', '.join([f'*{chr(97 + depth)}'] * 8)}]\n" for depth in range(12)
    )
    assert all(len(problem) < 500 for problem, _ in problems(bomb).values())


def test_differences_name_rules_entries_and_both_values() -> None:
    other = changed_policy(
        upset_at=-0.5,
        autonomy={"default": "draft", "intents": {"complaint": "draft", "get_refund": "answer"}},
        languages=["en", "de"],
        reserved_topics={"legal": ["lawyer*"]},
    )
    found = {(change.path, change.before, change.after) for change in differences(SHIPPED, other)}
    assert ("upset_at", -0.65, -0.5) in found
    assert ("autonomy.default", "answer", "draft") in found
    assert ("autonomy.intents.get_refund", None, "answer") in found
    assert ("autonomy.intents.delete_account", "draft", None) in found
    assert ("languages", None, "de") in found
    assert ("reserved_topics.press", "news article", None) in found
    assert ("reserved_topics.legal", "chargeback*", None) in found
    assert not any(path in ("version", "digest") for path, _, _ in found)
    assert differences(SHIPPED, SHIPPED) == []


def test_rules_for_intents_that_do_not_exist_are_named() -> None:
    policy = changed_policy(confidence_thresholds={"cancle_order": 0.9, "get_refund": 0.9}, clarify=None)
    known = {"get_refund", "complaint", "contact_human_agent", "delete_account"}
    assert unknown_intents(policy, known) == ["cancle_order"]
    assert unknown_intents(policy, ()) == []
    fact = {"intents": ["track_oder"], "needed_where": ["order"], "words": ["##"], "question": {"en": "Which order?"}}
    asking = changed_policy(clarify={"wait_hours": 1, "facts": {"order": fact}})
    assert unknown_intents(asking, known) == ["track_oder"]


def test_no_change_is_no_change() -> None:
    assert not PolicyChanges()
    assert PolicyChanges(upset_at=0.0)
    assert PolicyChanges().applied_to(BODY) == BODY
    assert issubclass(PolicyRefused, InvalidInput)
