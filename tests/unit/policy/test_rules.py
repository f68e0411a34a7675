"""The policy file: what it may say, and what is said about one that does not fit."""

from pathlib import Path

import pytest

from helpdesk.errors import InvalidData
from helpdesk.policy.rules import Autonomy, load_policy
from helpdesk.settings import ProcessorSettings

SHIPPED = ProcessorSettings().policy_file


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = SHIPPED.read_text()
    assert old in text
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(old, new))
    return path


def test_a_bare_off_in_yaml_is_the_word_off() -> None:
    assert load_policy(SHIPPED).autonomy_of("contact_human_agent") is Autonomy.OFF


def test_an_intent_without_a_rule_has_the_default(tmp_path: Path) -> None:
    path = changed(tmp_path, "default: answer", "default: draft")
    assert load_policy(path).autonomy_of("track_order") is Autonomy.DRAFT


def test_the_name_changes_with_any_byte_of_the_file(tmp_path: Path) -> None:
    path = changed(tmp_path, "evidence_threshold: 0.", "evidence_threshold: 0.1")
    assert load_policy(path).name != load_policy(SHIPPED).name


def test_the_floor_holds_against_a_low_threshold_of_the_model() -> None:
    policy = load_policy(SHIPPED)
    assert policy.threshold_for("track_order", 0.1) == policy.confidence_floor
    assert policy.threshold_for("track_order", 0.93) == 0.93


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("upset_at: -", "upset_at: -9", "upset_at"),
        ("version: 1", "versoin: 1", "versoin"),
        ("default: answer", "default: allways", "autonomy.default"),
        ("languages: [en]", "languages: 7", "languages"),
    ],
)
def test_a_rule_that_does_not_fit_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    with pytest.raises(InvalidData, match=named) as raised:
        load_policy(changed(tmp_path, old, new))
    assert "policy.md" in raised.value.remedy


@pytest.mark.parametrize("content", ["", "- a\n- list", "a: [", "42"])
def test_a_file_that_is_no_policy_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(content)
    with pytest.raises(InvalidData):
        load_policy(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"nowhere\.yaml"):
        load_policy(tmp_path / "nowhere.yaml")
