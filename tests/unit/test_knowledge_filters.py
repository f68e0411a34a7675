"""Filters are read from words, and what is not understood is refused."""

import pytest

from helpdesk.errors import InvalidInput
from helpdesk.ports.knowledge import read_filters


def test_filters_are_written_as_field_and_value() -> None:
    assert read_filters(["category=REFUND", "tag=a=b"]) == {"category": "REFUND", "tag": "a=b"}
    assert read_filters([]) == {}


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        (["category"], "no filter"),
        (["category="], "no filter"),
        (["catgory=REFUND"], "catgory"),
        (["Category=REFUND"], "Category"),
        (["=REFUND"], "narrowed by ''"),
        (["tag=a", "tag=b"], "twice"),
    ],
)
def test_a_filter_that_is_not_understood_is_refused(filters: list[str], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read_filters(filters)
