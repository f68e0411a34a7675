"""Profiles: predictions become counts, in the bins of the metrics, and nothing else of them is kept."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Histogram
from pydantic import ValidationError

from helpdesk.metrics import CONFIDENCE_BOUNDS
from models.prediction_profile import ConfidenceCounts, PredictionProfile, ProfileCounter, profile_window
from tests.fakes import make_prediction


def stored(**changes: Any) -> dict[str, object]:
    """Return a prediction as a decision keeps it."""
    return make_prediction("").model_copy(update={"model_version": "mine"} | changes).model_dump()


@pytest.mark.parametrize("confidence", [0.0, 0.2999, 0.3, 0.95, 0.9500001, 1.0])
def test_a_confidence_falls_into_the_bin_that_prometheus_counts_it_in(confidence: float) -> None:
    registry = CollectorRegistry()
    histogram = Histogram("confidence", "", buckets=CONFIDENCE_BOUNDS, registry=registry)
    histogram.observe(confidence)
    upto = [registry.get_sample_value("confidence_bucket", {"le": str(bound)}) for bound in CONFIDENCE_BOUNDS]
    counter = ProfileCounter()
    counter.add("track_order", confidence, out_of_scope=False, language="en")
    assert counter.profile().said["track_order"].bins.index(1) == upto.index(1.0)


def test_a_confidence_that_rounding_lifts_above_one_still_has_a_bin() -> None:
    counter = ProfileCounter()
    counter.add("track_order", 1.0000000002, out_of_scope=False, language="en")
    assert counter.profile().said["track_order"].bins[-1] == 1


def test_what_is_out_of_scope_counts_as_that_and_not_for_its_likeliest_label() -> None:
    counter = ProfileCounter()
    counter.add("track_order", 0.9, out_of_scope=False, language="en")
    counter.add("track_order", 0.4, out_of_scope=True, language="")
    counter.add("get_refund", 0.2, out_of_scope=True, language="de")
    profile = counter.profile()
    assert (profile.tickets, profile.out_of_scope, profile.labels) == (3, 2, {"track_order": 1})
    assert profile.said["out_of_scope"].total == pytest.approx(0.6)
    assert profile.languages == {"en": 1, "": 1, "de": 1}


def test_a_window_counts_one_version_and_says_what_it_left_out() -> None:
    window = profile_window(
        [stored(), stored(model_version="old"), {}, stored(out_of_scope=True), stored(model_version="old"), {"a": 1}],
        "mine",
    )
    assert (window.profile.tickets, window.profile.out_of_scope) == (2, 1)
    assert (window.other_versions, window.without_prediction) == ({"old": 2}, 2)


def test_an_empty_window_is_a_profile_of_nothing() -> None:
    assert profile_window([], "mine").profile == PredictionProfile(said={}, languages={})


def test_a_profile_comes_back_from_its_file() -> None:
    profile = profile_window([stored(), stored(prediction_confidence=0.1, language="")], "mine").profile
    assert PredictionProfile.model_validate_json(profile.model_dump_json()) == profile


def test_bins_that_do_not_fit_the_bounds_are_refused() -> None:
    with pytest.raises(ValidationError, match="do not fit"):
        PredictionProfile(said={"a": ConfidenceCounts(bins=(1, 2), total=1.0)}, languages={"en": 3})
