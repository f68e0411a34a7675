"""The client of the prediction service believes only whole, valid answers in time, and fails fast when it is down."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from helpdesk.adapters.predictor_http import FAILURES_TO_OPEN, HttpPredictor
from helpdesk.errors import PredictionFailed, PredictorUnavailable
from helpdesk.predictions import MAX_BATCH, ModelInfo, PredictBatchResponse, Prediction
from tests.fakes import make_prediction
from tests.live_prediction_api import running

GOOD = PredictBatchResponse(predictions=[make_prediction("a")]).model_dump_json().encode()


class Echo:
    """A model that answers with a text's first word."""

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            model_version="echo", labels=["a"], categories={"a": "A"}, trained_at="", metrics={}, checksum=""
        )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return [make_prediction(text).model_copy(update={"predicted_label": text.split()[0]}) for text in texts]


def http(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


@dataclass
class Script:
    """What the service sends to the next requests (the last answer repeats), and what it was sent."""

    answers: list[bytes]
    delay_s: float = 0.0
    drip: bool = False
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    script: Script


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        script = self.server.script
        script.connections += 1
        while request := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                request += header
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            script.requests.append(request + self.rfile.read(length))
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            time.sleep(script.delay_s)
            if not answer:
                return
            try:
                head, _, body = answer.partition(b"\r\n\r\n")
                parts = [head + b"\r\n\r\n", *(bytes([byte]) for byte in body)] if script.drip else [answer]
                for part in parts:
                    self.wfile.write(part)
                    if script.drip:
                        time.sleep(0.02)
            except OSError:
                return


@contextmanager
def serving(script: Script) -> Iterator[str]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = script
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def predicting(script: Script, timeout_s: float = 5.0) -> Iterator[HttpPredictor]:
    with serving(script) as url, closing(HttpPredictor(url, api_key="secret", timeout_s=timeout_s)) as predictor:
        yield predictor


def test_predictions_come_back_typed_over_one_kept_connection_with_the_key() -> None:
    script = Script([http(GOOD)])
    with predicting(script) as predictor:
        assert predictor.predict(["a"]) == [make_prediction("a")]
        assert predictor.predict(["Zelt ⛺ \ud800"]) == [make_prediction("a")]
    assert script.connections == 1
    assert b"authorization: bearer secret" in script.requests[0].lower()
    assert json.loads(script.requests[1][script.requests[1].index(b"{") :]) == {"tickets": ["Zelt ⛺ ?"]}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http(b"not json"), id="no json"),
        pytest.param(http(b"<html>"), id="html"),
        pytest.param(http(b""), id="empty"),
        pytest.param(http(b"[]"), id="list"),
        pytest.param(http(GOOD.replace(b'"status"', b'"state"', 1)), id="unknown field"),
        pytest.param(http(GOOD.replace(b'"out_of_scope":false', b'"out_of_scope":null')), id="null"),
        pytest.param(http(json.dumps({"status": "success", "predictions": []}).encode()), id="too few"),
        pytest.param(http(b"{}", status="502 Bad Gateway"), id="502"),
        pytest.param(http(b'{"detail": "no model"}', status="503 Service Unavailable"), id="503"),
        pytest.param(http(b"{}", status="401 Unauthorized"), id="401"),
        pytest.param(http(b"", status="302 Found"), id="redirect"),
        pytest.param(http(GOOD, length=len(GOOD) + 10), id="cut"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", id="bad length"),
        pytest.param(b"garbage\r\n\r\n", id="no http"),
        pytest.param(b"", id="closed"),
    ],
)
def test_nonsense_is_an_unavailable_predictor(answer: bytes) -> None:
    with predicting(Script([answer]), timeout_s=0.5) as predictor, pytest.raises(PredictorUnavailable):
        predictor.predict(["a"])


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"1.5", b"-0.1", b'"high"'])
def test_a_confidence_that_is_no_probability_is_not_believed(value: bytes) -> None:
    prediction = make_prediction("a")
    exact = f'"prediction_confidence":{prediction.prediction_confidence}'.encode()
    assert exact in GOOD
    answer = http(GOOD.replace(exact, b'"prediction_confidence":' + value))
    with predicting(Script([answer])) as predictor, pytest.raises(PredictorUnavailable, match="nonsense"):
        predictor.predict(["a"])


@pytest.mark.parametrize("drip", [False, True], ids=["late", "dripping"])
def test_a_slow_answer_is_given_up_in_time(drip: bool) -> None:
    script = Script([http(GOOD)], delay_s=0.0 if drip else 2.0, drip=drip)
    with predicting(script, timeout_s=0.4) as predictor:
        began = time.monotonic()
        with pytest.raises(PredictorUnavailable):
            predictor.predict(["a"])
        assert time.monotonic() - began < 1.5


def test_a_service_that_is_down_fails_at_once_after_a_few_tries_and_is_tried_again_later() -> None:
    script = Script([http(b"{}", status="503 Oops")] * FAILURES_TO_OPEN + [http(GOOD)])
    with predicting(script) as predictor:
        for _ in range(FAILURES_TO_OPEN + 5):
            with pytest.raises(PredictorUnavailable):
                predictor.predict(["a"])
        assert len(script.requests) == FAILURES_TO_OPEN
        predictor.check()  # the service says that it is ready again
        assert len(predictor.predict(["a"])) == 1


def test_an_address_where_nobody_listens_is_an_unavailable_predictor() -> None:
    with closing(HttpPredictor("http://127.0.0.1:9", api_key="", timeout_s=1)) as predictor:
        with pytest.raises(PredictorUnavailable, match="cannot be reached"):
            predictor.predict(["a"])
        with pytest.raises(PredictorUnavailable, match="cannot be reached"):
            predictor.check()


@pytest.mark.parametrize("status", ["400 Bad Request", "413 Too Large", "422 Unprocessable", "500 Oops"])
def test_a_batch_that_cannot_be_predicted_says_so_and_does_not_open_the_circuit(status: str) -> None:
    script = Script([http(b"{}", status=status)] * (FAILURES_TO_OPEN + 2) + [http(GOOD)])
    with predicting(script) as predictor:
        for _ in range(FAILURES_TO_OPEN + 2):
            with pytest.raises(PredictionFailed):
                predictor.predict(["a", "b"])
        assert len(predictor.predict(["a"])) == 1


def test_a_service_that_fails_on_every_single_text_counts_as_down() -> None:
    with predicting(Script([http(b"{}", status="500 Oops")])) as predictor:
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(PredictionFailed):
                predictor.predict(["a"])
        with pytest.raises(PredictorUnavailable, match="repeatedly"):
            predictor.predict(["a"])


def test_a_large_batch_of_long_texts_in_any_script_goes_in_parts_and_comes_back_in_order(tmp_path: Path) -> None:
    texts = [f"{number} " + "帳篷壞了。" * 1_090 for number in range(MAX_BATCH)]  # 16 KiB each in UTF-8
    with (
        running(tmp_path, load_model=Echo) as api,
        closing(HttpPredictor(api.url, api_key=api.keys["own"], timeout_s=30)) as predictor,
    ):
        predictions = predictor.predict(texts)
    assert [prediction.predicted_label for prediction in predictions] == [str(number) for number in range(MAX_BATCH)]
