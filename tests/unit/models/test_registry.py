"""The registry: every legal change and no other, a gate before every promotion, and a way back."""

import itertools
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from helpdesk.errors import IllegalTransition, PromotionRefused
from models.gate import Criterion, Verdict
from models.registry import TRANSITIONS, Action, Note, RegisteredVersion, Registry, State

NOTE = Note(at=datetime(2026, 11, 21, tzinfo=UTC), by="ada", reason="a test")


def verdict(candidate: str, live: str | None, *, passed: bool = True) -> Verdict:
    criterion = Criterion(name="accuracy", passed=passed, finding="0.9 against 0.8")
    return Verdict(
        candidate=candidate, checksum=f"sum of {candidate}", live=live, data="test.jsonl", criteria=(criterion,)
    )


def registry(*candidates: str) -> Registry:
    """Return a registry whose version ``a`` is live."""
    found = Registry().register("a", "sum of a", NOTE)
    for name in candidates:
        found = found.register(name, f"sum of {name}", NOTE)
    return found


def promoted(found: Registry, version: str) -> Registry:
    return found.promote(version, verdict(version, found.live), NOTE)


def states(found: Registry) -> dict[str, str]:
    return {name: entry.state.value for name, entry in found.versions.items()}


def test_the_first_version_is_live_and_the_next_ones_are_candidates() -> None:
    assert states(registry("b", "c")) == {"a": "live", "b": "candidate", "c": "candidate"}


def test_a_version_that_nobody_here_trained_is_a_candidate_even_where_none_is_live() -> None:
    received = Registry().register("a", "sum of a", NOTE, adopt=False)
    assert (states(received), received.live) == ({"a": "candidate"}, None)
    assert states(promoted(received, "a")) == {"a": "live"}


def test_the_table_leads_from_candidate_to_archived_and_lets_nothing_else_pass() -> None:
    legal = {(before, after) for before, actions in TRANSITIONS.items() for after in actions.values()}
    assert legal == {
        (None, "candidate"),
        (None, "live"),
        ("candidate", "candidate"),
        ("candidate", "shadow"),
        ("candidate", "live"),
        ("candidate", "archived"),
        ("shadow", "candidate"),
        ("shadow", "live"),
        ("shadow", "archived"),
        ("live", "archived"),
        ("archived", "candidate"),
        ("archived", "live"),
    }
    assert set(TRANSITIONS) == {None, *State}


@pytest.mark.parametrize(("state", "action"), list(itertools.product(State, Action)))
def test_an_action_that_the_table_lacks_is_refused_with_what_would_be_possible(state: State, action: Action) -> None:
    found = Registry(versions={"x": RegisteredVersion(state=state, checksum="")})
    if action in TRANSITIONS[state]:
        assert found.after("x", action) is TRANSITIONS[state][action]
    else:
        with pytest.raises(IllegalTransition, match=f"x is {state}: {action} is not possible"):
            found.after("x", action)


def test_an_unknown_version_is_to_be_registered_first() -> None:
    with pytest.raises(IllegalTransition, match=r"nobody is not registered.*Register it first"):
        promoted(registry(), "nobody")


def test_a_promotion_archives_what_was_live_and_keeps_the_gates_figures() -> None:
    found = promoted(registry("b"), "b")
    assert states(found) == {"a": "archived", "b": "live"}
    superseded, last = found.history[-2:]
    assert (superseded.version, superseded.action) == ("a", "supersede")
    assert (last.version, last.before, last.after) == ("b", "candidate", "live")
    assert (last.note, last.forced) == (NOTE, False)
    assert last.gate == verdict("b", "a")


def test_what_the_gate_refuses_stays_a_candidate_and_each_failure_is_named() -> None:
    with pytest.raises(PromotionRefused, match=r"b does not pass the gate: accuracy: 0\.9 against 0\.8"):
        registry("b").promote("b", verdict("b", "a", passed=False), NOTE)


def test_force_is_recorded_only_where_it_was_needed() -> None:
    against = registry("b").promote("b", verdict("b", "a", passed=False), NOTE, forced=True).history[-1]
    needless = registry("b").promote("b", verdict("b", "a"), NOTE, forced=True).history[-1]
    assert (against.forced, needless.forced) == (True, False)


@pytest.mark.parametrize("other", [verdict("b", "c"), verdict("b", None), verdict("c", "a")])
def test_a_verdict_about_other_versions_counts_for_nothing_even_by_force(other: Verdict) -> None:
    with pytest.raises(PromotionRefused, match="promote again"):
        registry("b", "c").promote("b", other, NOTE, forced=True)


def test_a_verdict_about_an_artifact_that_was_exchanged_since_counts_for_nothing() -> None:
    found = registry("b").register("b", "another", NOTE)
    with pytest.raises(PromotionRefused, match="registered anew since the gate examined it"):
        found.promote("b", verdict("b", "a"), NOTE, forced=True)


def test_an_artifact_that_was_exchanged_cannot_come_back_past_the_gate() -> None:
    found = promoted(registry("b"), "b").register("a", "another", NOTE).archive("a", NOTE)
    assert found.earlier == []
    with pytest.raises(IllegalTransition, match="nothing to go back to"):
        found.roll_back(NOTE)
    taken_up = promoted(registry("b"), "b").register("a", "sum of a", NOTE).archive("a", NOTE)
    assert taken_up.roll_back(NOTE).live == "a"


def test_only_one_version_is_in_shadow_at_a_time() -> None:
    found = registry("b", "c").put_in_shadow("b", NOTE).put_in_shadow("c", NOTE)
    assert states(found) == {"a": "live", "b": "candidate", "c": "shadow"}
    assert found.shadow == "c"
    assert found.withdraw(NOTE).shadow is None
    with pytest.raises(IllegalTransition, match="No version is in shadow"):
        found.withdraw(NOTE).withdraw(NOTE)


def test_a_shadow_can_be_promoted_or_archived() -> None:
    found = registry("b").put_in_shadow("b", NOTE)
    assert states(promoted(found, "b")) == {"a": "archived", "b": "live"}
    assert states(found.archive("b", NOTE)) == {"a": "live", "b": "archived"}


def test_the_live_version_is_not_archived_without_another() -> None:
    with pytest.raises(IllegalTransition, match="Promote another version, or roll back"):
        registry().archive("a", NOTE)


def test_going_back_goes_one_step_further_each_time_and_ends_at_the_first() -> None:
    found = promoted(promoted(registry("b", "c"), "b"), "c")
    assert found.earlier == ["a", "b"]
    once = found.roll_back(NOTE)
    assert states(once) == {"a": "archived", "b": "live", "c": "archived"}
    twice = once.roll_back(NOTE)
    assert twice.live == "a"
    with pytest.raises(IllegalTransition, match="nothing to go back to"):
        twice.roll_back(NOTE)


def test_going_back_may_skip_versions_but_not_reach_one_that_was_never_live() -> None:
    found = promoted(promoted(registry("b", "c", "d"), "b"), "c")
    assert found.roll_back(NOTE, to="a").live == "a"
    for never in ("d", "c", "nobody"):
        with pytest.raises(IllegalTransition, match=f"{never} was not live before c; these were: a, b"):
            found.roll_back(NOTE, to=never)


def test_after_going_back_a_new_promotion_returns_to_what_was_live_then() -> None:
    found = promoted(promoted(registry("b", "c"), "b").roll_back(NOTE), "c")
    assert found.earlier == ["a"]


def test_an_archived_version_can_be_taken_up_again() -> None:
    found = registry("b").archive("b", NOTE).register("b", "sum of b", NOTE)
    assert found.state_of("b") is State.CANDIDATE


def test_registering_what_is_registered_changes_nothing() -> None:
    found = registry("b")
    assert found.register("a", "sum of a", NOTE) is found
    assert found.register("b", "sum of b", NOTE) is found


def test_another_artifact_under_a_known_name_is_accepted_for_a_candidate_only() -> None:
    found = registry("b").register("b", "another", NOTE)
    assert found.versions["b"].checksum == "another"
    assert found.history[-1].action == "register"
    with pytest.raises(IllegalTransition, match="not the one that was registered"):
        found.register("a", "another", NOTE)


def test_it_survives_json() -> None:
    found = promoted(registry("b", "c").put_in_shadow("c", NOTE), "b")
    assert Registry.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("state", [State.LIVE, State.SHADOW])
def test_two_live_or_two_in_shadow_are_no_registry(state: State) -> None:
    entry = RegisteredVersion(state=state, checksum="")
    with pytest.raises(ValidationError, match=f"several versions are {state}: x, y"):
        Registry(versions={"x": entry, "y": entry})
