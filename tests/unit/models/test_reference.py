"""The reference: recorded at training, it is what the service says of the held-out rows; without it one is told."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpdesk.errors import ModelUnavailable
from models.artifact import Artifact
from models.classifier import Classifier
from models.dataset import load_held_out
from models.loading import load_cascade
from models.prediction_profile import profile_window
from models.reference import REFERENCE, load_reference, reference_profile
from models.row_scores import RowScores
from models.sentiment import SentimentReader
from models.train import TrainedModel
from tests.unit.models.conftest import ENCODER_DIR


def with_reference(artifact: Artifact, directory: Path, content: str) -> Artifact:
    """Return the artifact as if this had been recorded."""
    (directory / REFERENCE).write_text(content, encoding="utf-8")
    return replace(artifact, directory=directory)


def test_it_is_what_the_service_says_of_the_held_out_rows(trained: TrainedModel, small_data: Path) -> None:
    classifier = Classifier(trained.artifact, load_cascade(trained.artifact, ENCODER_DIR), SentimentReader())
    predictions = classifier.predict([ticket.text for ticket in load_held_out(small_data, split="test")])
    version = trained.artifact.manifest.version
    served = profile_window([prediction.model_dump() for prediction in predictions], version).profile
    assert load_reference(trained.artifact) == served
    assert served.tickets == trained.evaluation.metrics["rows"]
    assert 0 < served.out_of_scope < served.tickets


def test_it_is_among_the_files_whose_checksums_are_verified(trained: TrainedModel) -> None:
    content = trained.artifact.file(REFERENCE).read_bytes()
    assert trained.artifact.manifest.files[REFERENCE] == hashlib.sha256(content).hexdigest()


def test_a_version_from_before_says_what_to_do(trained: TrainedModel) -> None:
    manifest = trained.artifact.manifest
    files = {name: digest for name, digest in manifest.files.items() if name != REFERENCE}
    older = replace(trained.artifact, manifest=manifest.model_copy(update={"files": files}))
    with pytest.raises(ModelUnavailable, match=r"trained before .*`helpdesk train`.*--against 30d\.\.7d"):
        load_reference(older)


def test_one_in_other_bins_is_refused(trained: TrainedModel, tmp_path: Path) -> None:
    other = json.dumps({"bounds": [0.5, 1.0], "said": {"a": {"bins": [1, 2], "total": 2.5}}, "languages": {"en": 3}})
    with pytest.raises(ModelUnavailable, match="in other bins"):
        load_reference(with_reference(trained.artifact, tmp_path, other))


@pytest.mark.parametrize("content", ["", "{", '{"said": {}}', '{"said": {"a": {"bins": [1], "total": 1}}}'])
def test_one_that_cannot_be_read_is_an_error_of_ours(trained: TrainedModel, tmp_path: Path, content: str) -> None:
    with pytest.raises(ModelUnavailable, match=r"reference\.json .* cannot be read"):
        load_reference(with_reference(trained.artifact, tmp_path, content))


def test_a_text_that_says_nothing_is_out_of_scope_as_it_is_for_the_service() -> None:
    sure = RowScores(np.array([0, 0]), np.array([0, 0]), np.array([0.9, 0.9]), np.array([-5.0, -5.0]), np.zeros(2))
    profile = reference_profile(sure, ["where is it", "?"], ["track_order"], out_of_scope_threshold=0.0)
    assert (profile.labels, profile.out_of_scope) == ({"track_order": 1}, 1)
