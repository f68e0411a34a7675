"""When a failed handling is tried again."""

import pytest

from helpdesk.errors import (
    KnowledgeUnavailable,
    PredictorUnavailable,
    StoreUnavailable,
    UndecodableMessage,
    WriterUnavailable,
)
from processor.retry import next_delay_s


def delays(error: Exception) -> list[float | None]:
    return [next_delay_s(attempt, error) for attempt in range(6)]


@pytest.mark.parametrize("error", [PredictorUnavailable("down"), KnowledgeUnavailable("down")])
def test_a_machine_that_is_away_is_waited_for_briefly(error: Exception) -> None:
    assert delays(error) == [1.0, 5.0, 30.0, None, None, None]


def test_a_writer_is_waited_for_even_less() -> None:
    assert delays(WriterUnavailable("slow")) == [1.0, 5.0, None, None, None, None]


def test_the_store_is_waited_for_as_long_as_it_takes() -> None:
    assert delays(StoreUnavailable("locked")) == [1.0, 5.0, 30.0, 300.0, 300.0, 300.0]


def test_what_cannot_be_decoded_never_gets_better() -> None:
    assert delays(UndecodableMessage("no JSON"))[0] is None


def test_an_unexpected_error_climbs_the_whole_ladder_and_ends() -> None:
    assert delays(RuntimeError("bug")) == [1.0, 5.0, 30.0, 300.0, None, None]
