"""The prediction service around TF-IDF and a linear SVC, trained on our own data when it starts."""

from collections.abc import Sequence

import numpy as np

from benchmarks.intent.corpora import our_own
from benchmarks.intent.measures import with_temperature
from benchmarks.intent.peers import linear_svc
from helpdesk.logs import configure_logging
from helpdesk.predictions import LabelScore, ModelInfo, Prediction
from helpdesk.settings import ModelSettings, load_settings
from models.calibrate import log_softmax
from models.preprocess import readable
from models.sentiment import SentimentReader
from prediction_api import service

VERSION = "svc"


class SvcClassifier:
    """Answers as ``models.classifier.Classifier`` does."""

    def __init__(self) -> None:
        corpus = our_own()
        self._labels = list(corpus.labels)
        self._predict = with_temperature(linear_svc(corpus, 0), corpus)
        self._sentiment = SentimentReader()

    @property
    def info(self) -> ModelInfo:
        """What serves."""
        return ModelInfo(
            model_version=VERSION,
            labels=self._labels,
            categories=dict.fromkeys(self._labels, "ANY"),
            trained_at="",
            metrics={},
            checksum="",
        )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one prediction per raw text, in order."""
        written = [readable(text) for text in texts]
        scores = self._predict(written)
        probabilities = np.exp(log_softmax(scores.logits))
        order = np.argsort(-probabilities, axis=1)[:, :3]
        predictions = []
        for text, row, best, score in zip(written, probabilities, order, scores.out_of_scope.tolist(), strict=True):
            top = [LabelScore(label=self._labels[column], confidence=float(row[column])) for column in best]
            sentiment = self._sentiment.read(text)
            predictions.append(
                Prediction(
                    predicted_label=top[0].label,
                    prediction_confidence=top[0].confidence,
                    confidence_threshold=0.5,
                    category="ANY",
                    top_labels=top,
                    out_of_scope=False,
                    out_of_scope_score=score,
                    out_of_scope_threshold=0.0,
                    sentiment_score=sentiment.score,
                    sentiment_valid=sentiment.valid,
                    language=sentiment.language,
                    model_version=VERSION,
                )
            )
        return predictions


def _load(_: ModelSettings) -> SvcClassifier:
    return SvcClassifier()


if __name__ == "__main__":
    settings = load_settings()
    configure_logging("svc", format=settings.log.format, level=settings.log.level)
    service.serve(settings, load_model=_load)
