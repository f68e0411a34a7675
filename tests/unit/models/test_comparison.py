"""Comparing models on the same rows, and the page that shows it."""

import base64
import re

import numpy as np
import pytest

from models.calibrate import Calibration
from models.comparison import Difference, compare, verdict
from models.evaluate import Evaluation, evaluate_logits
from models.html_report import html_report
from models.pictures import pictures
from models.row_scores import PRECISIONS, metrics_of, reliability, risk_coverage, score_rows

LABELS = ("cancel", "refund", "track<order>")
CALIBRATION = Calibration(dict.fromkeys(LABELS, 0.8), 0.25, 0.0)


def evaluated(errors: float, *, rows: int = 400, seed: int = 0) -> Evaluation:
    """Return the evaluation of a model that is wrong on about this share of the same rows."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, len(LABELS) + 1, rows)
    guesses = np.where(rng.random(rows) < errors, rng.integers(0, len(LABELS) + 1, rows), targets)
    logits = rng.normal(size=(rows, len(LABELS) + 1))
    logits[np.arange(rows), guesses] += 4
    return evaluate_logits(logits, targets, LABELS, CALIBRATION)


@pytest.fixture
def base() -> Evaluation:
    return evaluated(0.2)


def test_a_model_does_not_differ_from_itself() -> None:
    rows = evaluated(0.2).rows
    for item in compare(rows, rows, (3, 3), samples=20):
        assert (item.low, item.high) == (0.0, 0.0)
        assert verdict(item) == "not significant"


def test_a_clear_difference_is_significant_and_a_slight_one_is_not() -> None:
    base = evaluated(0.1)
    for other, expected in ((evaluated(0.4), "worse"), (evaluated(0.105), "not significant")):
        np.testing.assert_array_equal(base.rows.targets, other.rows.targets)
        found = {item.metric: item for item in compare(base.rows, other.rows, (3, 3), samples=100)}
        assert {verdict(found[name]) for name in ("accuracy", "macro_f1", "nll", "oos_auroc")} == {expected}
        assert found["accuracy"].first == pytest.approx(base.metrics["accuracy"], abs=1e-6)
        assert found["accuracy"].low <= found["accuracy"].second - found["accuracy"].first <= found["accuracy"].high


def test_the_seed_decides_the_interval() -> None:
    one, other = evaluated(0.1).rows, evaluated(0.2).rows
    assert compare(one, other, (3, 3), samples=20) == compare(one, other, (3, 3), samples=20)
    assert compare(one, other, (3, 3), samples=20) != compare(one, other, (3, 3), samples=20, seed=1)


def test_columns_in_another_order_change_no_metric() -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(60, 4)), rng.integers(0, 4, 60)
    order = np.array([2, 0, 1, 3])
    turned = score_rows(logits[:, order], np.argsort(order)[targets], 0.25)
    assert metrics_of(turned, 3) == pytest.approx(metrics_of(score_rows(logits, targets, 0.25), 3))


def test_lower_is_better_for_errors() -> None:
    assert verdict(Difference("ece", 0.02, 0.01, -0.02, -0.005)) == "better"
    assert verdict(Difference("accuracy", 0.9, 0.8, -0.2, -0.05)) == "worse"


def test_macro_f1_leaves_out_intents_that_do_not_occur() -> None:
    logits = np.array([[5.0, 0, 0, 0], [0, 5.0, 0, 0]])
    assert metrics_of(score_rows(logits, np.array([0, 1]), 0.0), 3)["macro_f1"] == 1.0


def test_curves_hold_every_row_once() -> None:
    confidences, correct = np.array([0.9, 0.95, 0.1, 0.5]), np.array([True, False, False, True])
    assert sum(rows for *_, rows in reliability(confidences, correct)) == 4
    everything = np.ones(4, dtype=bool)
    curve = risk_coverage(confidences, correct, everything)
    assert curve == [(0.25, 1.0), (0.5, 0.5), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]


def test_an_out_of_scope_answer_adds_to_the_risk_and_not_to_the_coverage() -> None:
    confidences, correct, in_scope = np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), np.array([1, 0, 1]) > 0
    curve = risk_coverage(confidences, correct, in_scope)
    assert curve == [(0.5, 0.0), (0.5, 0.5), (1.0, pytest.approx(1 / 3))]


def test_the_curve_meets_each_precision_where_the_metric_says(base: Evaluation) -> None:
    rows = base.rows
    curve = risk_coverage(rows.confidences, rows.correct, rows.targets < len(LABELS))
    for precision in PRECISIONS:
        reached = max((coverage for coverage, risk in curve if risk <= 1 - precision), default=0.0)
        assert base.metrics[f"coverage_at_{round(100 * precision)}"] == pytest.approx(reached, abs=1e-6)


def test_the_page_holds_figures_verdicts_and_every_intent_with_markup_escaped() -> None:
    base, other = evaluated(0.1), evaluated(0.4)
    page = html_report({"v1": base, "v2": other}, compare(base.rows, other.rows, (3, 3), samples=50), data="a&b.csv")
    assert "400 rows of a&amp;b.csv" in page
    assert f"{base.metrics['accuracy']:.4f}" in page
    assert '<td class="worse">worse</td>' in page
    assert "track&lt;order&gt;" in page
    assert "<order>" not in page
    shown = re.findall(r'<img alt="[^"]+" width="\d+" src="data:image/png;base64,([^"]+)">', page)
    drawn = pictures({"v1": base, "v2": other}).values()
    assert [base64.b64decode(data) for data in shown] == [picture.png for picture in drawn]
    assert not re.search(r'(?:src|href)="(?!data:)', page)  # it needs no other file
    assert "difference" not in html_report({"v1": base}, [], data="a.csv")
