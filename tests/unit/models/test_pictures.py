"""The pictures of an evaluation: small PNGs, the same for the same figures, whatever the labels are called."""

import io
import subprocess
import sys
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from PIL import Image

from models.calibrate import Calibration
from models.evaluate import Evaluation, evaluate_logits
from models.pictures import CONFUSIONS, RELIABILITY, RISK_COVERAGE, pictures

LABELS = ("cancel", "refund", "track<order>")
MAX_BYTES = 80_000


def evaluated(errors: float, *, rows: int = 400, labels: tuple[str, ...] = LABELS) -> Evaluation:
    """Return the evaluation of a model that is wrong on about this share of the same rows."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, len(labels) + 1, rows)
    guesses = np.where(rng.random(rows) < errors, rng.integers(0, len(labels) + 1, rows), targets)
    logits = rng.normal(size=(rows, len(labels) + 1))
    logits[np.arange(rows), guesses] += 4
    return evaluate_logits(logits, targets, labels, Calibration(dict.fromkeys(labels, 0.8), 0.25, 0.0))


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    return image


def test_there_are_three_and_each_is_a_small_png_with_a_description_in_numbers() -> None:
    base = evaluated(0.2)
    drawn = pictures({"old": base, "new": evaluated(0.4)})
    assert list(drawn) == [RELIABILITY, RISK_COVERAGE, CONFUSIONS]
    for picture in drawn.values():
        image = opened(picture.png)
        assert image.format == "PNG"
        assert image.width > picture.width_px > 500
        assert len(picture.png) < MAX_BYTES
    assert f"old: ECE {100 * base.metrics['ece']:.2f} %; new: ECE" in drawn[RELIABILITY].description
    assert f"{100 * base.metrics['coverage_at_98']:.1f} % at 98 % precision" in drawn[RISK_COVERAGE].description
    true, guess, count = base.confusions[0]
    assert f"{true} → {guess}: {count} and" in drawn[CONFUSIONS].description


def test_the_same_figures_give_the_same_bytes_whatever_the_machines_settings_are() -> None:
    first = pictures({"": evaluated(0.2)})
    with matplotlib.rc_context({"figure.facecolor": "black", "font.size": 30, "savefig.dpi": 20}):
        assert pictures({"": evaluated(0.2)}) == first
    assert pictures({"": evaluated(0.3)}) != first


def test_they_hold_nothing_but_the_picture() -> None:
    """No date, no software, no path: an artifact's version is drawn from its content."""
    for picture in pictures({"": evaluated(0.2)}).values():
        assert set(opened(picture.png).info) <= {"transparency"}


@pytest.mark.parametrize(
    "evaluation",
    [
        pytest.param(replace(evaluated(0.0, rows=3), confusions=()), id="no errors"),
        pytest.param(evaluated(1.0), id="no precision reached"),
        pytest.param(evaluated(0.5, rows=1), id="one row"),
        pytest.param(evaluated(0.2, labels=("$a_b$", "x" * 300, "キャンセル")), id="odd names"),
    ],
)
def test_any_evaluation_can_be_drawn(evaluation: Evaluation) -> None:
    for picture in pictures({"": evaluation}).values():
        assert opened(picture.png).width < 4_000


def test_drawing_needs_no_screen_and_opens_no_window() -> None:
    script = (
        "import sys, models.pictures; print([name for name in sys.modules if name.startswith('matplotlib.pyplot')])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
