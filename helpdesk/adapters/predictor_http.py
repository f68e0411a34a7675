"""The prediction service over HTTP, believed only when its answer is whole and valid."""

import json
import time
from collections.abc import Iterator, Sequence

import httpx
from pydantic import ValidationError

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.errors import PredictionFailed, PredictorUnavailable
from helpdesk.predictions import PredictBatchResponse, Prediction

FAILURES_TO_OPEN = 3
OPEN_S = 2.0
MAX_REQUEST_BYTES = 1_000_000
"""More texts go into another request: the service, or a proxy before it, refuses what is much larger."""
MAX_RESPONSE_BYTES = 4_194_304
_ABOUT_THE_TEXTS = frozenset({400, 413, 422, 500})
"""Statuses that say that this request cannot be answered, and nothing of the next."""


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
        """See ``Predictor.predict``; several requests where the texts are too large for one."""
        return [prediction for body, count in _requests(texts) for prediction in self._predict(body, count)]

    def check(self) -> None:
        """See ``Predictor.check``; success also closes the circuit."""
        self._fetch("GET", "/ready")
        self._breaker.succeeded()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _predict(self, content: bytes, count: int) -> list[Prediction]:
        if not self._breaker.allows():
            raise PredictorUnavailable("The prediction service failed repeatedly; the next try is due in seconds.")
        try:
            predictions = self._ask(content, count)
        except PredictionFailed:
            if count == 1:  # of several texts one may be to blame, and the service well
                self._breaker.failed()
            raise
        except PredictorUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return predictions

    def _ask(self, content: bytes, count: int) -> list[Prediction]:
        body = self._fetch("POST", "/predict/batch", content)
        try:
            predictions = PredictBatchResponse.model_validate_json(body).predictions
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise PredictorUnavailable(f"The prediction service answered nonsense: {field}: {first['msg']}.") from error
        if len(predictions) != count:
            raise PredictorUnavailable(
                f"The prediction service answered {len(predictions)} predictions to {count} tickets."
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
            message = f"The prediction service answered {response.status_code}: {_detail(body)}"
            if response.status_code in _ABOUT_THE_TEXTS and content is not None:
                raise PredictionFailed(message)
            raise PredictorUnavailable(message)
        return bytes(body)


def _requests(texts: Sequence[str]) -> Iterator[tuple[bytes, int]]:
    """Yield request bodies, and how many texts each holds; one over the limit holds a single text."""
    waiting: list[bytes] = []
    size = 0
    for text in texts:
        # A lone surrogate can stand in a str, but in no UTF-8 body; without ASCII escapes, each byte counts once.
        encoded = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False).encode()
        if waiting and size + len(encoded) > MAX_REQUEST_BYTES:
            yield _body(waiting), len(waiting)
            waiting, size = [], 0
        waiting.append(encoded)
        size += len(encoded) + 1
    yield _body(waiting), len(waiting)


def _body(encoded: Sequence[bytes]) -> bytes:
    return b'{"tickets":[' + b",".join(encoded) + b"]}"


def _detail(body: bytes | bytearray) -> str:
    try:
        return str(json.loads(body)["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return "without saying why"
