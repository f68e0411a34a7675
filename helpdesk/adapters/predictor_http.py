"""The predictor over HTTP: asks the prediction service, and believes nothing that does not fit its schema."""

from collections.abc import Sequence

import httpx
from pydantic import ValidationError

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.errors import PredictorUnavailable
from helpdesk.predictions import MAX_TICKET_CHARACTERS, PredictBatchResponse, Prediction


class HttpPredictor:
    """Implements the port's ``Predictor`` with one kept-alive client; safe for use by several threads."""

    def __init__(self, url: str, *, api_key: str, timeout_s: float) -> None:
        self._url = url
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=timeout_s)
        self._breaker = CircuitBreaker(failures=5, pause_s=2.0)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one prediction per text, in order."""
        if not self._breaker.allows():
            raise PredictorUnavailable(
                f"The prediction service at {self._url} has failed repeatedly; not asked again yet."
            )
        try:
            predictions = self._ask([text[:MAX_TICKET_CHARACTERS] for text in texts])
        except PredictorUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return predictions

    def check(self) -> None:
        """Raise PredictorUnavailable unless the service is ready."""
        try:
            response = self._client.get("/ready")
        except httpx.HTTPError as error:
            raise PredictorUnavailable(f"The prediction service at {self._url} does not answer: {error!r}") from error
        if response.status_code != httpx.codes.OK:
            raise PredictorUnavailable(f"The prediction service at {self._url} is not ready: {response.status_code}.")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, texts: list[str]) -> list[Prediction]:
        try:
            response = self._client.post("/predict/batch", json={"tickets": texts})
            response.raise_for_status()
            predictions = PredictBatchResponse.model_validate_json(response.content).predictions
        except httpx.HTTPError as error:
            raise PredictorUnavailable(f"The prediction service at {self._url} failed: {error!r}") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            message = f"The prediction service at {self._url} answered nonsense: {where}: {first['msg']}"
            raise PredictorUnavailable(message) from error
        if len(predictions) != len(texts):
            raise PredictorUnavailable(
                f"The prediction service at {self._url} answered {len(predictions)} times for {len(texts)} tickets."
            )
        return predictions
