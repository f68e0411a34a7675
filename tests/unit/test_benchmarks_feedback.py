"""The benchmark of feedback: its customers and its interval."""

import numpy as np
import pytest

from benchmarks.feedback.customers import one_customer, one_owner
from benchmarks.feedback.measures import difference
from helpdesk.article_feedback import opinions
from tests.contract.knowledge_contract import LAMP, TENT


def test_a_gain_has_an_interval_over_groups_that_are_drawn_together() -> None:
    before, after = np.zeros((40, 2)), np.zeros((40, 2))
    after[:20, 0] = 1.0
    [gained, unmoved] = difference(before, after, [str(at) for at in range(40)], seed=0)
    assert (gained.before, gained.after) == (0.0, 0.5)
    assert 0.3 < gained.low < 0.5 < gained.high < 0.7
    assert (unmoved.low, unmoved.high) == (0.0, 0.0)
    [together, _] = difference(before, after, ["a"] * 20 + ["b"] * 20, seed=0)
    assert (together.low, together.high) == (0.0, 1.0)


def test_hostile_ratings_are_what_they_are_said_to_be() -> None:
    customer = opinions(one_customer([LAMP, TENT], ratings=50))
    owner = opinions(one_owner([LAMP, TENT], customers=50))
    assert set(customer) == set(owner) == {LAMP.content_digest, TENT.content_digest}
    assert all(held == pytest.approx(min(customer.values()), abs=0.01) for held in customer.values())
    assert max(owner.values()) < min(customer.values()) < 0
