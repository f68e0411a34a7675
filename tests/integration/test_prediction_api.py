"""The prediction API, live: what it answers, whom it admits, and what bad input gets."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from helpdesk.errors import ModelUnavailable
from helpdesk.ports.store import Role
from helpdesk.predictions import MAX_BATCH, MAX_TICKET_CHARACTERS, ModelInfo, PredictBatchResponse, Prediction
from helpdesk.settings import ModelSettings, PredictionApiSettings
from helpdesk.web.keys import new_key
from models.classifier import load_classifier
from prediction_api import serving
from prediction_api.app import ServedModel
from prediction_api.batching import Model
from tests.live_prediction_api import LivePredictionApi, running, shipped_model


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePredictionApi]:
    with running(tmp_path_factory.mktemp("state")) as api:
        yield api


@pytest.fixture
def client(api: LivePredictionApi) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


def test_a_ticket_gets_its_prediction(client: httpx.Client) -> None:
    response = client.post("/predict", json={"ticket": "Where is my parcel? It was due on Monday."})
    assert response.status_code == 200
    prediction = Prediction.model_validate_json(response.content)
    assert prediction.status == "success"
    assert (prediction.predicted_label, prediction.category) == ("track_order", "ORDER")
    assert len(prediction.top_labels) == 3
    assert prediction.sentiment_valid
    assert prediction.language == "en"


def test_a_batch_gets_the_same_predictions_in_order(client: httpx.Client) -> None:
    tickets = [f"Please cancel order {number}" for number in range(MAX_BATCH - 1)] + ["Where is my refund?"]
    response = client.post("/predict/batch", json={"tickets": tickets})
    predictions = PredictBatchResponse.model_validate_json(response.content).predictions
    assert [prediction.predicted_label for prediction in predictions[:-1]] == ["cancel_order"] * (MAX_BATCH - 1)
    assert predictions[-1].predicted_label == "track_refund"
    single = client.post("/predict", json={"ticket": tickets[0]})
    assert Prediction.model_validate_json(single.content) == predictions[0]


def test_concurrent_callers_all_get_their_own_answer(api: LivePredictionApi) -> None:
    wanted = {"Where is my invoice? I need it as a PDF.": "get_invoice", "I forgot my password": "recover_password"}
    with api.client() as client, ThreadPoolExecutor(16) as pool:

        def ask(text: str) -> str:
            return str(client.post("/predict", json={"ticket": text}).json()["predicted_label"])

        texts = list(wanted) * 40
        assert list(pool.map(ask, texts)) == [wanted[text] for text in texts]


def test_the_model_is_described(client: httpx.Client) -> None:
    info = ServedModel.model_validate_json(client.get("/model").content)
    assert len(info.labels) == 27
    assert set(info.categories) == set(info.labels)
    assert info.metrics["accuracy"] > 0.5
    assert client.get("/ready").json() == {"status": "ready", "model_version": info.model_version, "refused": None}
    assert (info.refused, info.shadow_version, info.shadow_refused) == (None, None, None)


def test_health_and_readiness_need_no_key(api: LivePredictionApi) -> None:
    with api.client(None) as client:
        assert client.get("/health").json() == {"status": "alive"}
        assert client.get("/ready").status_code == 200


@pytest.mark.parametrize("path", ["/model", "/metrics"])
def test_everything_else_needs_a_key(api: LivePredictionApi, path: str) -> None:
    with api.client(None) as client:
        assert client.get(path).status_code == 401
        assert client.post("/predict", json={"ticket": "a"}).status_code == 401


@pytest.mark.parametrize(
    ("key", "status"), [("own", 200), ("ml", 200), ("operator", 200), ("agent", 200), ("portal", 403)]
)
def test_keys_are_admitted_by_role(api: LivePredictionApi, key: str, status: int) -> None:
    with api.client(key) as client:
        assert client.post("/predict", json={"ticket": "Where is my parcel?"}).status_code == status
        assert client.get("/metrics").status_code == (403 if key in ("portal", "agent") else 200)


def test_a_revoked_key_stops_within_seconds(api: LivePredictionApi) -> None:
    secret, key = new_key(Role.ML, name="to be revoked")
    with api.store.transaction() as tx:
        tx.add_api_key(key)
    headers = {"X-API-Key": secret}
    assert httpx.get(f"{api.url}/model", headers=headers).status_code == 200
    with api.store.transaction() as tx:
        tx.revoke_api_key(key.key_id, at=datetime.now(UTC))
    time.sleep(0.3)
    assert httpx.get(f"{api.url}/model", headers=headers).status_code == 401


def test_metrics_count_predictions_by_intent(client: httpx.Client) -> None:
    client.post("/predict", json={"ticket": "Where is my parcel?"})
    text = client.get("/metrics").text
    version = client.get("/model").json()["model_version"]
    assert f'helpdesk_predictions_total{{intent="track_order",model_version="{version}",out_of_scope="false"}}' in text
    assert 'helpdesk_http_requests_total{method="POST",route="/predict",status="200"}' in text
    assert "helpdesk_prediction_batch_size_bucket" in text


def test_metrics_show_what_traffic_is_like_by_version(client: httpx.Client) -> None:
    version = client.get("/model").json()["model_version"]

    def series(name: str, **labels: str) -> float:
        wanted = {"model_version": version, **labels}
        for family in text_string_to_metric_families(client.get("/metrics").text):
            for sample in family.samples:
                if sample.name == name and wanted.items() <= sample.labels.items():
                    return sample.value
        return 0.0

    watched = [
        ("helpdesk_prediction_confidence_count", {}),
        ("helpdesk_prediction_confidence_bucket", {"le": "1.0"}),
        ("helpdesk_prediction_languages_total", {"language": "de"}),
        ("helpdesk_prediction_languages_total", {"language": "undetermined"}),
    ]
    before = [series(name, **labels) for name, labels in watched]
    tickets = ["Wo bleibt mein Paket? Ich warte seit zwei Wochen darauf.", "", "?"]
    predictions = client.post("/predict/batch", json={"tickets": tickets}).json()["predictions"]
    assert [prediction["language"] for prediction in predictions] == ["de", "", ""]
    after = [series(name, **labels) for name, labels in watched]
    assert [later - sooner for later, sooner in zip(after, before, strict=True)] == [3, 3, 1, 2]
    foreign = [prediction for prediction in predictions if prediction["out_of_scope"]]
    assert foreign
    intent = foreign[0]["predicted_label"]
    assert series("helpdesk_predictions_total", intent=intent, out_of_scope="true") >= 1


@pytest.mark.parametrize(
    "ticket",
    [
        pytest.param("", id="empty"),
        pytest.param("a", id="one letter"),
        pytest.param("word " * 20_000, id="100 KB"),
        pytest.param("x" * MAX_TICKET_CHARACTERS, id="longest"),
        pytest.param("😡😡😡📦❓", id="emoji"),
        pytest.param("注文した寝袋をキャンセルしたい", id="japanese"),
        pytest.param("مرحبا، نسيت كلمة المرور", id="arabic"),
        pytest.param("a\x00b\x00", id="nul"),
        pytest.param("<div>" * 20_000, id="tags"),
        pytest.param("\n" * 100_000, id="lines"),
        pytest.param("[" * 50_000, id="brackets"),
    ],
)
def test_odd_texts_get_a_prediction_soon(client: httpx.Client, ticket: str) -> None:
    response = client.post("/predict", json={"ticket": ticket})
    assert response.status_code == 200
    Prediction.model_validate_json(response.content)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/predict", {}, "ticket"),
        ("/predict", {"ticket": None}, "ticket"),
        ("/predict", {"ticket": ["a"]}, "ticket"),
        ("/predict", {"ticket": 5}, "ticket"),
        ("/predict", {"ticket": "x" * (MAX_TICKET_CHARACTERS + 1)}, "ticket"),
        ("/predict", {"ticket": "a", "colour": "red"}, "colour"),
        ("/predict", [], ""),
        ("/predict/batch", {"tickets": []}, "tickets"),
        ("/predict/batch", {"tickets": "a"}, "tickets"),
        ("/predict/batch", {"tickets": ["a"] * 10_000}, "tickets"),
        ("/predict/batch", {"tickets": ["a", 5]}, "tickets.1"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_body_gets_422_that_names_the_field(client: httpx.Client, path: str, body: object, field: str) -> None:
    response = client.post(path, json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"] == field
    assert response.json()["errors"][0]["remedy"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b'{"ticket": "\xff"}', b'{"tickets":' + b"[" * 100_000],
    ids=["cut", "no utf-8", "text no utf-8", "brackets"],
)
def test_a_malformed_body_gets_400(client: httpx.Client, body: bytes) -> None:
    response = client.post("/predict/batch", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["type"] == "urn:helpdesk:problem:malformed-body"


def test_a_lone_surrogate_gets_422(client: httpx.Client) -> None:
    response = client.post("/predict", content=b'{"ticket": "\\ud800"}', headers={"Content-Type": "application/json"})
    assert response.status_code == 422


def test_a_body_beyond_the_limit_gets_413(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(80):
            yield b"x" * 65_536

    assert client.post("/predict", content=b"x" * 5_000_000).status_code == 413
    assert client.post("/predict", content=chunks()).status_code == 413
    assert client.get("/health").status_code == 200


def test_a_caller_who_leaves_in_the_middle_of_a_body_disturbs_nobody(
    api: LivePredictionApi, client: httpx.Client
) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
    assert client.post("/predict", json={"ticket": "Where is my parcel?"}).status_code == 200


def test_until_the_model_is_loaded_it_is_alive_but_not_ready(tmp_path: Path) -> None:
    may_load = threading.Event()

    def load() -> Model:
        may_load.wait(10)
        return shipped_model()

    with running(tmp_path, load_model=load, await_ready=False) as api, api.client() as client:
        assert client.get("/health").status_code == 200
        for response in (client.get("/ready"), client.get("/model"), client.post("/predict", json={"ticket": "a"})):
            assert response.status_code == 503
            assert response.headers["retry-after"]
            assert "being loaded" in response.json()["detail"]
        may_load.set()


def test_a_damaged_artifact_is_told_and_a_restored_one_is_picked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "RETRY_LOADING_S", 0.1)
    good, artifacts = ModelSettings().artifacts_dir, tmp_path / "artifacts"

    def load() -> Model:
        return load_classifier(ModelSettings(artifacts_dir=artifacts))

    with running(tmp_path, load_model=load, await_ready=False) as api, api.client() as client:
        _until(lambda: "no model in" in client.get("/ready").json().get("detail", ""))
        artifacts.symlink_to(good)
        _until(lambda: client.get("/ready").status_code == 200)
        assert client.post("/predict", json={"ticket": "Where is my parcel?"}).status_code == 200


def test_a_failing_model_gives_500_without_details_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Fragile:
        def __init__(self, model: Model) -> None:
            self._model = model

        @property
        def info(self) -> ModelInfo:
            return self._model.info

        def predict(self, texts: Sequence[str]) -> list[Prediction]:
            if "boom" in texts:
                raise RuntimeError("secret detail")
            return self._model.predict(texts)

    with running(tmp_path, load_model=lambda: Fragile(shipped_model())) as api, api.client() as client:
        response = client.post("/predict", json={"ticket": "boom"})
        assert response.status_code == 500
        assert "secret" not in response.text
        assert response.json()["type"] == "urn:helpdesk:problem:prediction-failed"
        batch = client.post("/predict/batch", json={"tickets": ["Where is my parcel?", "boom"]})
        assert (batch.status_code, batch.json()["type"]) == (500, "urn:helpdesk:problem:prediction-failed")
        assert "counted from 0: 1" in batch.json()["detail"]
        assert client.post("/predict", json={"ticket": "Where is my parcel?"}).status_code == 200


def test_a_model_that_cannot_be_used_is_an_error_of_ours() -> None:
    with pytest.raises(ModelUnavailable, match="helpdesk train"):
        load_classifier(ModelSettings(artifacts_dir=Path("nowhere")))


def test_beyond_its_rate_a_key_waits(tmp_path: Path) -> None:
    settings = PredictionApiSettings(requests_per_minute=2)
    with running(tmp_path, settings=settings) as api, api.client() as client:
        statuses = [client.post("/predict", json={"ticket": "a"}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_the_openapi_document_declares_what_can_happen(client: httpx.Client) -> None:
    document = json.loads(client.get("/openapi.json").content)
    assert set(document["paths"]) == {"/predict", "/predict/batch", "/health", "/ready", "/model", "/metrics"}
    predict = document["paths"]["/predict"]["post"]
    assert set(predict["responses"]) == {"200", "400", "401", "403", "413", "422", "429", "500", "503"}


def _until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)
