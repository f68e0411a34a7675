"""The prediction service over HTTP, believed only when its answer is whole and valid."""

import json
import time
from collections.abc import Sequence

import httpx
from pydantic import ValidationError

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.errors import PredictorUnavailable
from helpdesk.predictions import PredictBatchResponse, Prediction

FAILURES_TO_OPEN = 3
OPEN_S = 2.0
MAX_RESPONSE_BYTES = 4_194_304


class HttpPredictor:
    """Implements ``helpdesk.ports.predictor.Predictor``; safe across threads."""

    def __init__(self, url: str, *, api_key: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._client = httpx.Client(
            base_url=url,
            timeout=timeout_s,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            limits=httpx.Limits(max_keepalive_connections=8),
            trust_env=False,
        )
        self._breaker = CircuitBreaker(failures=FAILURES_TO_OPEN, pause_s=OPEN_S)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """See ``Predictor.predict``."""
        if not self._breaker.allows():
            raise PredictorUnavailable("The prediction service failed repeatedly; the next try is due in seconds.")
        try:
            predictions = self._ask(texts)
        except PredictorUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return predictions

    def check(self) -> None:
        """See ``Predictor.check``; success also closes the circuit."""
        self._fetch("GET", "/ready")
        self._breaker.succeeded()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, texts: Sequence[str]) -> list[Prediction]:
        # A lone surrogate can stand in a str, but in no UTF-8 body.
        tickets = [text.encode("utf-8", "replace").decode() for text in texts]
        body = self._fetch("POST", "/predict/batch", json.dumps({"tickets": tickets}).encode())
        try:
            predictions = PredictBatchResponse.model_validate_json(body).predictions
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise PredictorUnavailable(f"The prediction service answered nonsense: {field}: {first['msg']}.") from error
        if len(predictions) != len(texts):
            raise PredictorUnavailable(
                f"The prediction service answered {len(predictions)} predictions to {len(texts)} tickets."
            )
        return predictions

    def _fetch(self, method: str, path: str, content: bytes | None = None) -> bytes:
        """Return the body of a 200 answer that arrives whole, in time and of sensible size."""
        deadline = time.monotonic() + self._timeout_s
        headers = {"Content-Type": "application/json"} if content is not None else None
        body = bytearray()
        try:
            with self._client.stream(method, path, content=content, headers=headers) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES:
                        raise PredictorUnavailable("The prediction service's answer does not end.")
                    if time.monotonic() > deadline:
                        raise PredictorUnavailable(f"The prediction service took longer than {self._timeout_s:g} s.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise PredictorUnavailable(f"The prediction service cannot be reached: {reason}.") from error
        if response.status_code != httpx.codes.OK:
            raise PredictorUnavailable(f"The prediction service answered {response.status_code}: {_detail(body)}")
        return bytes(body)


def _detail(body: bytes | bytearray) -> str:
    try:
        return str(json.loads(body)["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return "without saying why"
