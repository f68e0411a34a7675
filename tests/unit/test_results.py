"""What became of answers: of several signs the least flattering counts, and nothing is counted twice."""

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.results import NO_INTENT, AnsweredGroup, Kept, PromiseGroup, Result, Tally, tallied
from helpdesk.tickets import Author, SlaState
from tests.factories import NOON

GROUP = AnsweredGroup(
    intent="get_refund",
    author=Author.MACHINE,
    lowest_score=None,
    reopened=False,
    recontacted=False,
    silent=False,
    answers=1,
)
PERIOD = {"since": NOON, "until": NOON + timedelta(days=1), "watched_days": 7}


@pytest.mark.parametrize(
    ("score", "reopened", "recontacted", "silent", "result"),
    [
        (None, False, False, False, Result.OPEN),
        (None, False, False, True, Result.ASSUMED),
        (5, False, False, False, Result.CONFIRMED),
        (4, False, False, True, Result.CONFIRMED),
        (3, False, False, True, Result.ASSUMED),
        (2, False, False, True, Result.UNHELPFUL),
        (1, True, True, True, Result.UNHELPFUL),
        (5, True, True, True, Result.REOPENED),
        (5, False, True, True, Result.RECONTACTED),
        (None, False, True, True, Result.RECONTACTED),
    ],
)
def test_of_several_signs_the_least_flattering_counts(
    score: int | None, reopened: bool, recontacted: bool, silent: bool, result: Result
) -> None:
    group = replace(GROUP, lowest_score=score, reopened=reopened, recontacted=recontacted, silent=silent)
    assert group.result is result


groups = st.builds(
    AnsweredGroup,
    intent=st.sampled_from(["get_refund", "track_order", None]),
    author=st.sampled_from([Author.MACHINE, Author.AGENT]),
    lowest_score=st.none() | st.integers(1, 5),
    reopened=st.booleans(),
    recontacted=st.booleans(),
    silent=st.booleans(),
    answers=st.integers(1, 50),
)


@given(st.lists(groups, max_size=30))
def test_every_answer_is_counted_once_in_its_intent_and_once_in_the_total(found: list[AnsweredGroup]) -> None:
    results = tallied(found, {}, [], **PERIOD)  # type: ignore[arg-type]
    for author, by_intent, total in (
        (Author.MACHINE, results.automatic, results.automatic_total),
        (Author.AGENT, results.people, results.people_total),
    ):
        expected = sum(group.answers for group in found if group.author is author)
        for tallies in (by_intent.values(), [total]):
            assert sum(tally.answers for tally in tallies) == expected
            assert sum(sum(asdict(tally).values()) for tally in tallies) == 2 * expected


def test_hand_overs_stand_beside_the_automatic_answers() -> None:
    results = tallied([GROUP], {"get_refund": 3, None: 2}, [], **PERIOD)  # type: ignore[arg-type]
    assert results.automatic == {
        "get_refund": Tally(answers=1, open=1, handed_over=3),
        NO_INTENT: Tally(handed_over=2),
    }
    assert results.automatic_total == Tally(answers=1, open=1, handed_over=5)
    assert results.people_total == Tally()


def test_a_first_reply_by_the_machine_is_counted_apart_from_a_persons() -> None:
    ok, missed = SlaState.OK, SlaState.BREACHED
    promises = [
        PromiseGroup(replied_by=Author.MACHINE, first_reply=ok, ended=True, resolution=ok, tickets=1),
        PromiseGroup(replied_by=Author.AGENT, first_reply=missed, ended=True, resolution=missed, tickets=2),
        PromiseGroup(replied_by=Author.AGENT, first_reply=ok, ended=False, resolution=SlaState.SOON, tickets=4),
        PromiseGroup(replied_by=None, first_reply=SlaState.SOON, ended=False, resolution=ok, tickets=8),
        PromiseGroup(replied_by=None, first_reply=missed, ended=False, resolution=ok, tickets=16),
    ]
    results = tallied([], {}, promises, **PERIOD)  # type: ignore[arg-type]
    assert results.first_replies_automatic == Kept(in_time=1)
    assert results.first_replies_people == Kept(missed=2, in_time=4)
    assert results.first_replies_owed == Kept(running=8, missed=16)
    assert results.resolutions == Kept(in_time=1, missed=2, running=28)
