"""The object that serves: raw ticket texts to predictions, with calibrated confidence, out-of-scope and sentiment."""

from collections.abc import Sequence

import numpy as np

from helpdesk.predictions import LabelScore, ModelInfo, Prediction
from helpdesk.settings import ModelSettings
from models.artifact import Artifact, load_artifact
from models.calibrate import log_softmax, out_of_scope_scores
from models.cascade import Cascade
from models.loading import load_cascade
from models.preprocess import readable, says_something
from models.registry_file import RegistryFile
from models.sentiment import SentimentReader

_TOP = 3


class Classifier:
    """Classifies tickets with one artifact. Safe across threads."""

    def __init__(self, artifact: Artifact, cascade: Cascade, sentiment: SentimentReader) -> None:
        self._artifact, self._cascade, self._sentiment = artifact, cascade, sentiment

    @property
    def info(self) -> ModelInfo:
        """What serves."""
        manifest = self._artifact.manifest
        return ModelInfo(
            model_version=manifest.version,
            labels=manifest.labels,
            categories=manifest.categories,
            trained_at=manifest.trained_at.isoformat(),
            metrics=manifest.metrics,
            checksum=self._artifact.checksum,
        )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one prediction per raw text, in order; any text has one, the empty one too.

        A text of fewer than two letters is out of scope whatever the model scores.
        """
        if not texts:
            return []
        manifest = self._artifact.manifest
        written = [readable(text) for text in texts]
        logits = self._cascade.logits(written)
        scores = out_of_scope_scores(logits, manifest.out_of_scope_weight)
        probabilities = np.exp(log_softmax(logits))[:, :-1]
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :_TOP]
        predictions = []
        for text, row, best, score in zip(written, probabilities, order, scores.tolist(), strict=True):
            top = [LabelScore(label=manifest.labels[column], confidence=float(row[column])) for column in best]
            sentiment = self._sentiment.read(text)
            predictions.append(
                Prediction(
                    predicted_label=top[0].label,
                    prediction_confidence=top[0].confidence,
                    confidence_threshold=manifest.thresholds[top[0].label],
                    category=manifest.categories[top[0].label],
                    top_labels=top,
                    out_of_scope=score > manifest.out_of_scope_threshold or not says_something(text),
                    out_of_scope_score=score,
                    out_of_scope_threshold=manifest.out_of_scope_threshold,
                    sentiment_score=sentiment.score,
                    sentiment_valid=sentiment.valid,
                    language=sentiment.language,
                    model_version=manifest.version,
                )
            )
        return predictions


def load_classifier(settings: ModelSettings, version: str = "", checksum: str = "") -> Classifier:
    """Return the classifier of a version, or of the one that the settings name, or of the registry's live one.

    Args:
        checksum: what the version's artifact must have, where it is known.

    Raises:
        ModelUnavailable: there is no usable artifact.
    """
    if name := version or settings.version:
        artifact = load_artifact(settings.artifacts_dir, name, checksum)
    else:
        artifact = RegistryFile(settings.artifacts_dir).artifact()
    return Classifier(artifact, load_cascade(artifact, settings.encoder_dir), SentimentReader())
