"""Following a source: a new version takes over without a lost or mixed answer; what cannot be used changes nothing."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from helpdesk import metrics
from helpdesk.errors import ModelUnavailable
from helpdesk.predictions import ModelInfo, Prediction
from prediction_api import serving as module
from prediction_api.batching import Model
from prediction_api.serving import ServingModel
from prediction_api.shadow import Shadow
from prediction_api.source import Pin, Roles
from tests.fakes import make_prediction


class Panic(BaseException):
    """What Rust's panics are in Python: no Exception."""


class NamedModel:
    """Answers with its name as the version; a gate holds it up."""

    def __init__(self, name: str, *, fails: bool = False) -> None:
        self.name, self.fails = name, fails
        self.gate = threading.Event()
        self.gate.set()

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            model_version=self.name, labels=[], categories={}, trained_at="", metrics={}, checksum=self.name
        )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        assert self.gate.wait(10)
        if self.fails:
            raise RuntimeError("no such tensor")
        return [make_prediction(text).model_copy(update={"model_version": self.name}) for text in texts]


class ScriptedSource:
    """Names what the test says, and loads what the test made."""

    def __init__(self, **models: NamedModel | BaseException) -> None:
        self.models = models
        self.named: Roles | Exception = Roles(Pin(next(iter(models))))
        self.loads: list[str] = []

    def roles(self) -> Roles:
        if isinstance(self.named, Exception):
            raise self.named
        return self.named

    def load(self, pin: Pin) -> Model:
        self.loads.append(pin.version)
        found = self.models[pin.version]
        if isinstance(found, BaseException):
            raise found
        return found


class SilentLog:
    def append(self, records: object) -> None: ...


def open_shadow(model: Model, is_busy: Callable[[], bool]) -> Shadow:
    return Shadow(model, SilentLog(), is_busy=is_busy)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLLOW_EVERY_S", 0.01)
    monkeypatch.setattr(module, "RETRY_LOADING_S", 0.01)


@asynccontextmanager
async def following(source: ScriptedSource) -> Any:
    serving = ServingModel(source, open_shadow=open_shadow)
    task = asyncio.create_task(serving.follow())
    try:
        yield serving
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await serving.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario(), 20)

    asyncio.run(limited())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def serves(serving: ServingModel, version: str) -> Callable[[], bool]:
    def so() -> bool:
        try:
            return serving.info.model_version == version
        except ModelUnavailable:
            return False

    return so


async def answered_by(serving: ServingModel) -> set[str]:
    return {prediction.model_version for prediction in await serving.predict(["a", "b"])}


def switches(outcome: str) -> float:
    return float(metrics.model_switches.labels(outcome)._value.get())


def test_a_named_version_takes_over_and_the_way_back_is_the_same() -> None:
    source = ScriptedSource(old=NamedModel("old"), new=NamedModel("new"))
    before = switches("switched")

    async def scenario() -> None:
        async with following(source) as serving:
            for version in ("old", "new", "old"):
                source.named = Roles(Pin(version))
                await until(serves(serving, version))
                assert await answered_by(serving) == {version}

    run(scenario)
    assert switches("switched") == before + 2


def test_a_request_that_has_begun_is_finished_by_the_version_that_began_it() -> None:
    old = NamedModel("old")
    source = ScriptedSource(old=old, new=NamedModel("new"))

    async def scenario() -> None:
        async with following(source) as serving:
            await until(serves(serving, "old"))
            old.gate.clear()
            begun = asyncio.create_task(serving.predict(["text"] * 200))  # several inferences long
            await asyncio.sleep(0)
            source.named = Roles(Pin("new"))
            await until(serves(serving, "new"))
            assert await answered_by(serving) == {"new"}
            assert not begun.done()
            old.gate.set()
            predictions = await begun
            assert len(predictions) == 200
            assert {prediction.model_version for prediction in predictions} == {"old"}

    run(scenario)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (ModelUnavailable("head.tflite is damaged"), "head.tflite is damaged"),
        (MemoryError("secret"), "The model cannot be loaded: MemoryError."),
        (NamedModel("bad", fails=True), "The model cannot be loaded: RuntimeError."),
        (Panic("secret"), "The model cannot be loaded: RuntimeError."),
    ],
    ids=["refused", "unexpected", "fails when it is first used", "panics"],
)
def test_a_version_that_cannot_be_used_is_told_and_the_old_one_goes_on(
    bad: NamedModel | BaseException, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = ScriptedSource(old=NamedModel("old"), bad=bad, new=NamedModel("new"))
    before = switches("refused")

    async def scenario() -> None:
        async with following(source) as serving:
            await until(serves(serving, "old"))
            source.named = Roles(Pin("bad"))
            await until(lambda: source.loads.count("bad") >= 3)
            assert serving.refused == reason
            assert await answered_by(serving) == {"old"}
            source.named = Roles(Pin("new"))
            await until(serves(serving, "new"))
            assert serving.refused is None

    run(scenario)
    assert switches("refused") == before + 1
    assert caplog.messages.count("model unavailable") == 1


def test_a_registry_that_cannot_be_read_is_told_and_what_serves_goes_on() -> None:
    source = ScriptedSource(old=NamedModel("old"))

    async def scenario() -> None:
        async with following(source) as serving:
            await until(serves(serving, "old"))
            source.named = ModelUnavailable("registry.json is damaged")
            await until(lambda: serving.refused == "registry.json is damaged")
            assert await answered_by(serving) == {"old"}
            source.named = Roles(Pin("old"))
            await until(lambda: serving.refused is None)
            assert source.loads == ["old"]

    run(scenario)


def test_at_the_start_an_unreadable_registry_is_the_reason_why_nothing_serves() -> None:
    source = ScriptedSource(old=NamedModel("old"))
    source.named = ModelUnavailable("registry.json is damaged")

    async def scenario() -> None:
        async with following(source) as serving:
            await until(lambda: serving.refused is not None)
            with pytest.raises(ModelUnavailable, match="is damaged"):
                await serving.predict(["a"])
            source.named = Roles(Pin("old"))
            await until(serves(serving, "old"))

    run(scenario)


def test_the_same_version_with_another_checksum_is_loaded_again() -> None:
    source = ScriptedSource(old=NamedModel("old"))

    async def scenario() -> None:
        async with following(source) as serving:
            await until(serves(serving, "old"))
            source.named = Roles(Pin("old", "another"))
            await until(lambda: source.loads == ["old", "old"])

    run(scenario)


def test_a_shadow_begins_ends_and_is_replaced_as_the_source_says() -> None:
    source = ScriptedSource(live=NamedModel("live"), one=NamedModel("one"), two=NamedModel("two"))

    async def scenario() -> None:
        async with following(source) as serving:
            for shadow in ("one", "two", None):
                source.named = Roles(Pin("live"), Pin(shadow) if shadow else None)
                await until(lambda shadow=shadow: serving.shadow_version == shadow)  # type: ignore[misc]
                assert await answered_by(serving) == {"live"}
            assert source.loads == ["live", "one", "two"]

    run(scenario)


def test_a_shadow_that_cannot_be_loaded_is_told_and_the_live_model_does_not_care() -> None:
    source = ScriptedSource(live=NamedModel("live"), bad=ModelUnavailable("foreign"))

    async def scenario() -> None:
        async with following(source) as serving:
            source.named = Roles(Pin("live"), Pin("bad"))
            await until(lambda: serving.shadow_refused == "foreign")
            assert (serving.refused, serving.shadow_version) == (None, None)
            assert await answered_by(serving) == {"live"}
            source.named = Roles(Pin("live"))
            await until(lambda: serving.shadow_refused is None)

    run(scenario)


def test_a_shadow_that_is_promoted_serves_and_is_in_shadow_no_more() -> None:
    source = ScriptedSource(live=NamedModel("live"), new=NamedModel("new"))

    async def scenario() -> None:
        async with following(source) as serving:
            source.named = Roles(Pin("live"), Pin("new"))
            await until(lambda: serving.shadow_version == "new")
            source.named = Roles(Pin("new"))
            await until(serves(serving, "new"))
            assert serving.shadow_version is None

    run(scenario)
