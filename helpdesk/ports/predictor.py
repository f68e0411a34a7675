"""The predictor port: intent, confidence, out-of-scope and sentiment of tickets."""

from collections.abc import Sequence
from typing import Protocol

from helpdesk.predictions import Prediction


class Predictor(Protocol):
    """Asks the prediction service."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one prediction per text, in order; 1..MAX_BATCH texts.

        Raises:
            PredictionFailed: it breaks on one of the texts; ask again singly to learn on which.
            PredictorUnavailable: no valid answer in time (down, slow, not JSON, NaN, another number of predictions).
        """

    def check(self) -> None:
        """Raise PredictorUnavailable unless the service is ready."""

    def close(self) -> None: ...
