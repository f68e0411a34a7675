"""The reference of a version: what it said of the held-out rows of its training data, kept beside its weights."""

from collections.abc import Sequence

from pydantic import ValidationError

from helpdesk.errors import ModelUnavailable
from helpdesk.metrics import CONFIDENCE_BOUNDS
from models.artifact import Artifact
from models.prediction_profile import PredictionProfile, ProfileCounter
from models.preprocess import says_something
from models.row_scores import RowScores
from models.sentiment import SentimentReader

REFERENCE = "reference.json"


def reference_profile(
    rows: RowScores, texts: Sequence[str], labels: Sequence[str], out_of_scope_threshold: float
) -> PredictionProfile:
    """Return the profile of a model's scores of readable texts, by the rules of the classifier that serves."""
    counter, reader = ProfileCounter(), SentimentReader()
    for text, column, confidence, foreignness in zip(
        texts, rows.predicted.tolist(), rows.confidences.tolist(), rows.foreignness.tolist(), strict=True
    ):
        counter.add(
            labels[column],
            confidence,
            out_of_scope=foreignness > out_of_scope_threshold or not says_something(text),
            language=reader.read(text).language,
        )
    return counter.profile()


def load_reference(artifact: Artifact) -> PredictionProfile:
    """Return the reference of a version.

    Raises:
        ModelUnavailable: it has none that this code can use; says what to do.
    """
    version = artifact.manifest.version
    if REFERENCE not in artifact.manifest.files:
        raise ModelUnavailable(
            f"The model {version} was trained before its held-out distribution was recorded. Train again with "
            "`helpdesk train`, or compare with earlier traffic: `helpdesk drift --against 30d..7d`."
        )
    try:
        profile = PredictionProfile.model_validate_json(artifact.file(REFERENCE).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelUnavailable(
            f"The file {REFERENCE} of the model {version} cannot be read; restore it, or train again with "
            "`helpdesk train`."
        ) from error
    if profile.bounds != CONFIDENCE_BOUNDS:
        raise ModelUnavailable(
            f"The model {version} recorded its confidence in other bins than this code's; train again with "
            "`helpdesk train`."
        )
    return profile
