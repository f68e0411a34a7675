"""Switching models under load: no request fails, each answer is one version's; a shadow only takes notes."""

import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpdesk.errors import ModelUnavailable
from helpdesk.predictions import PredictBatchResponse, Prediction
from helpdesk.settings import ModelSettings
from models.artifact import FAMILY, load_artifact
from models.gate import Verdict
from models.lite_graph import _WIDTHS
from models.loading import load_cascade
from models.registry_file import FILE, RegistryFile, noted
from models.shadow_log import ShadowLog
from prediction_api.serving import WARMING_TEXTS
from prediction_api.source import Pin, RegistrySource
from tests.integration.test_prediction_api_process import KEY, running
from tests.integration.waiting import until
from tests.live_prediction_api import LivePredictionApi
from tests.live_prediction_api import running as running_here
from tests.model_versions import add_version, change_manifest, replace_file, static_alone
from tests.servers import free_port

CLIENTS = 32
TEXT = "i would like to have smth back that i payed for"


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A folder in which ``old`` is live and ``new``, whose confidence is another, a candidate."""
    folder = tmp_path / "artifacts"
    add_version(folder, "old")
    RegistryFile(folder).settle()
    add_version(folder, "new", static_alone)
    register(folder, "new")
    return folder


def register(folder: Path, version: str) -> None:
    checksum = load_artifact(folder, version).checksum
    RegistryFile(folder).change(lambda before: before.register(version, checksum, noted("test")))


def promote(folder: Path, version: str) -> None:
    file = RegistryFile(folder)
    found = file.read()
    checksum = found.versions[version].checksum
    verdict = Verdict(candidate=version, checksum=checksum, live=found.live, data="", criteria=())
    file.change(lambda before: before.promote(version, verdict, noted("test")))


def roll_back(folder: Path) -> None:
    RegistryFile(folder).change(lambda before: before.roll_back(noted("test")))


def in_shadow(folder: Path, version: str) -> None:
    RegistryFile(folder).change(lambda before: before.put_in_shadow(version, noted("test")))


@contextmanager
def served(folder: Path, state: Path) -> Iterator[LivePredictionApi]:
    """Run the service in this process around a folder of artifacts."""
    source = RegistrySource(ModelSettings(artifacts_dir=folder))
    with running_here(state, source=source) as api:
        yield api


def described(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/model").json()
    return found


def serves(client: httpx.Client, version: str) -> Callable[[], bool]:
    return lambda: described(client)["model_version"] == version


class Clients:
    """Clients that ask without a pause, single tickets and batches, and keep every answer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: list[int] = []
        self.singles: list[Prediction] = []
        self.batches: list[list[Prediction]] = []
        self._stop = threading.Event()

    @contextmanager
    def asking(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            loops = [pool.submit(self._ask, number) for number in range(CLIENTS)]
            try:
                yield
            finally:
                self._stop.set()
            for loop in loops:
                loop.result()

    def _ask(self, number: int) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False) as client:
            while not self._stop.is_set():
                if number % 8:
                    response = client.post("/predict", json={"ticket": TEXT})
                    self.singles.append(Prediction.model_validate_json(response.content))
                else:
                    response = client.post("/predict/batch", json={"tickets": [TEXT] * 40})
                    self.batches.append(PredictBatchResponse.model_validate_json(response.content).predictions)
                self.statuses.append(response.status_code)


def test_a_switch_and_the_way_back_under_load_lose_and_mix_nothing(
    artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELPDESK_MODEL__ARTIFACTS_DIR", str(artifacts))
    port = free_port()
    with running(tmp_path, port):
        clients = Clients(f"http://127.0.0.1:{port}")
        operator = httpx.Client(base_url=clients.url, headers={"X-API-Key": KEY}, timeout=60, trust_env=False)
        with operator, clients.asking():
            until(lambda: len(clients.batches) > 4)
            promote(artifacts, "new")
            until(serves(operator, "new"))
            asked = len(clients.batches)
            until(lambda: len(clients.batches) > asked + 4)
            roll_back(artifacts)
            until(serves(operator, "old"))
            asked = len(clients.batches)
            until(lambda: len(clients.batches) > asked + 4)
    assert set(clients.statuses) == {200}
    assert {prediction.model_version for prediction in clients.singles} == {"old", "new"}
    assert all(len({prediction.model_version for prediction in batch}) == 1 for batch in clients.batches)
    answers = [*clients.singles, *(prediction for batch in clients.batches for prediction in batch)]
    said = {(prediction.model_version, prediction.prediction_confidence) for prediction in answers}
    assert len(said) == 2  # each version says one thing of this text
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_promoted_version_that_was_tampered_with_is_refused_and_the_old_one_serves(
    artifacts: Path, tmp_path: Path
) -> None:
    with served(artifacts, tmp_path) as api, api.client() as client:
        change_manifest(artifacts / FAMILY / "new", lambda manifest: manifest.update(out_of_scope_threshold=99.0))
        promote(artifacts, "new")
        until(lambda: described(client)["refused"] is not None)
        assert "new is not the one that was registered" in described(client)["refused"]
        ready = client.get("/ready")
        assert (ready.status_code, ready.json()["model_version"]) == (200, "old")
        assert "not the one that was registered" in ready.json()["refused"]
        assert client.post("/predict", json={"ticket": TEXT}).json()["model_version"] == "old"
        assert 'helpdesk_model_switches_total{outcome="refused"}' in client.get("/metrics").text
        roll_back(artifacts)
        until(lambda: described(client)["refused"] is None)
        assert described(client)["model_version"] == "old"


@pytest.mark.parametrize("damage", ["file", "signature", "labels"])
def test_a_version_that_does_not_fit_is_refused_with_the_reason(artifacts: Path, tmp_path: Path, damage: str) -> None:
    directory = artifacts / FAMILY / "new"
    told = {"file": "head.tflite", "signature": "reads texts as 'bytes'", "labels": "labels, thresholds"}[damage]
    with served(artifacts, tmp_path) as api, api.client() as client:
        match damage:
            case "file":
                (directory / "head.tflite").write_bytes(b"no graph")
            case "signature":
                change_manifest(directory, lambda manifest: manifest.update(feature_signature="bytes"))
            case "labels":
                change_manifest(directory, lambda manifest: manifest.update(labels=["a", "b"]))
        promote(artifacts, "new")
        until(lambda: told in (described(client)["refused"] or ""))
        assert client.post("/predict", json={"ticket": TEXT}).json()["model_version"] == "old"


PANICKING = json.dumps({"type": "Precompiled", "precompiled_charsmap": "AAAA"})
FOREIGN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a tokenizer that panics": (
        "tokenizer.json",
        lambda content: json.dumps(json.loads(content) | {"normalizer": json.loads(PANICKING)}).encode(),
    ),
    "pickled objects": ("static_table.npz", lambda _: pickle.dumps({"values": [1]})),
    "half a table": ("static_table.npz", lambda content: content[: len(content) // 2]),
    "half a graph": ("head.tflite", lambda content: content[: len(content) // 2]),
    "no words": ("words.json", lambda _: b"[]"),
}


@pytest.mark.parametrize(("name", "change"), FOREIGN.values(), ids=FOREIGN)
def test_a_promoted_version_that_is_no_model_is_refused_and_the_next_one_is_followed(
    artifacts: Path, tmp_path: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    """Its checksums are right, so that only loading shows what it is; and that is survived."""
    directory = add_version(artifacts, "foreign")
    replace_file(directory, name, change((directory / name).read_bytes()))
    register(artifacts, "foreign")
    with served(artifacts, tmp_path) as api, api.client() as client:
        before = client.post("/predict", json={"ticket": TEXT}).json()
        promote(artifacts, "foreign")
        until(lambda: "The model foreign cannot be loaded" in (described(client)["refused"] or ""))
        assert client.post("/predict", json={"ticket": TEXT}).json() == before
        assert client.get("/ready").json()["model_version"] == "old"
        promote(artifacts, "new")
        until(serves(client, "new"))
        assert described(client)["refused"] is None


def test_a_registry_that_is_damaged_while_it_serves_is_told_and_changes_nothing(
    artifacts: Path, tmp_path: Path
) -> None:
    path = artifacts / FAMILY / FILE
    good = path.read_bytes()
    with served(artifacts, tmp_path) as api, api.client() as client:
        path.write_bytes(b"{")
        until(lambda: "registry.json is damaged" in (described(client)["refused"] or ""))
        assert client.post("/predict", json={"ticket": TEXT}).json()["model_version"] == "old"
        path.write_bytes(good)
        until(lambda: described(client)["refused"] is None)
        promote(artifacts, "new")
        until(serves(client, "new"))


def test_a_registry_that_is_damaged_at_the_start_is_the_reason_why_it_is_not_ready(
    artifacts: Path, tmp_path: Path
) -> None:
    path = artifacts / FAMILY / FILE
    good = path.read_bytes()
    path.write_bytes(b"{")
    source = RegistrySource(ModelSettings(artifacts_dir=artifacts))
    with running_here(tmp_path, source=source, await_ready=False) as api, api.client() as client:
        until(lambda: "registry.json is damaged" in client.get("/ready").json().get("detail", ""))
        response = client.post("/predict", json={"ticket": TEXT})
        assert response.status_code == 503
        assert "restore it" in response.json()["detail"]
        path.write_bytes(good)
        until(lambda: client.get("/ready").status_code == 200)


def test_a_shadow_records_what_it_would_have_said_and_changes_no_answer(artifacts: Path, tmp_path: Path) -> None:
    with served(artifacts, tmp_path) as api, api.client() as client:
        without = client.post("/predict", json={"ticket": TEXT}).json()
        in_shadow(artifacts, "new")
        until(lambda: described(client)["shadow_version"] == "new")
        assert client.post("/predict", json={"ticket": TEXT}).json() == without
        batch = client.post("/predict/batch", json={"tickets": [TEXT] * 5}).json()["predictions"]
        assert batch == [without] * 5
        log = ShadowLog(tmp_path, "new")
        until(lambda: len(log.read()[0]) == 6)
        text = client.get("/metrics").text
    record = log.read()[0][0]
    assert (record.live.version, record.shadow.version) == ("old", "new")
    assert record.live.confidence == without["prediction_confidence"]
    assert record.shadow.confidence != record.live.confidence
    assert TEXT not in log.path.read_text(encoding="utf-8")
    assert "helpdesk_shadow_predictions_total" in text


def test_a_shadow_that_is_damaged_is_told_and_harms_nothing(artifacts: Path, tmp_path: Path) -> None:
    (artifacts / FAMILY / "new" / "words.json").unlink()
    in_shadow(artifacts, "new")
    with served(artifacts, tmp_path) as api, api.client() as client:
        until(lambda: "lacks its file words.json" in (described(client)["shadow_refused"] or ""))
        assert client.post("/predict", json={"ticket": TEXT}).status_code == 200
        assert client.get("/ready").json()["refused"] is None


def test_a_shadow_whose_records_cannot_be_written_harms_nothing(artifacts: Path, tmp_path: Path) -> None:
    (tmp_path / "shadow").write_text("a file where a folder should be", encoding="utf-8")
    in_shadow(artifacts, "new")
    with served(artifacts, tmp_path) as api, api.client() as client:
        until(lambda: described(client)["shadow_version"] == "new")
        for _ in range(5):
            assert client.post("/predict", json={"ticket": TEXT}).json()["model_version"] == "old"
        until(lambda: "helpdesk_shadow_unrecorded_total 0.0" not in client.get("/metrics").text)


def test_a_version_that_the_settings_name_serves_whatever_the_registry_says(artifacts: Path) -> None:
    (artifacts / FAMILY / FILE).write_bytes(b"{")
    source = RegistrySource(ModelSettings(artifacts_dir=artifacts, version="new"))
    assert source.roles().live == Pin("new")
    assert source.load(source.roles().live).info.model_version == "new"


def test_a_registry_that_disappears_does_not_let_the_newest_version_serve(artifacts: Path) -> None:
    source = RegistrySource(ModelSettings(artifacts_dir=artifacts))
    before, path = source.roles(), artifacts / FAMILY / FILE
    moved = path.rename(path.with_suffix(".away"))
    with pytest.raises(ModelUnavailable, match=r"registry\.json is gone"):
        source.roles()
    moved.rename(path)
    assert source.roles() == before


def test_a_version_is_warmed_at_every_width_of_both_stages() -> None:
    settings = ModelSettings()
    cascade = load_cascade(load_artifact(settings.artifacts_dir), settings.encoder_dir)
    unsure = ~cascade._fusion.is_sure(cascade.static_logits(WARMING_TEXTS) * cascade._fusion.static_temperature)
    assert unsure.all()  # so that the second stage reads them too
    tokens = [len(cascade._static._tokenizer.ids(text)) for text in WARMING_TEXTS]  # type: ignore[attr-defined]
    assert {next(width for width in _WIDTHS if width >= count) for count in tokens} == set(_WIDTHS)


def test_the_registry_is_read_again_only_when_it_has_changed(artifacts: Path) -> None:
    source = RegistrySource(ModelSettings(artifacts_dir=artifacts))
    first = source.roles()
    assert source.roles() is first
    os.utime(artifacts / FAMILY / FILE, ns=(0, 0))
    assert source.roles() is not first
    assert source.roles() == first
    in_shadow(artifacts, "new")
    shadow = source.roles().shadow
    assert shadow is not None
    assert shadow == Pin("new", json.loads((artifacts / FAMILY / FILE).read_bytes())["versions"]["new"]["checksum"])
