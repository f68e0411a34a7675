"""Batching: concurrent requests share inferences, in order; nobody waits for, or pays for, a neighbour."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from helpdesk.errors import ModelUnavailable, PredictionFailed
from helpdesk.predictions import ModelInfo, Prediction
from prediction_api.batching import MAX_INFERENCE, MAX_WAITING, Batcher
from tests.fakes import make_prediction


class Panic(BaseException):
    """What Rust's panics are in Python: no Exception."""


class RecordingModel:
    """Answers with the text as the label, after the gate opens; keeps the sizes of its batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    @property
    def info(self) -> ModelInfo:
        raise NotImplementedError

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        assert self.gate.wait(10)
        if "boom" in texts:
            raise RuntimeError("boom")
        if "panic" in texts:
            raise Panic
        self.sizes.append(len(texts))
        return [make_prediction(text).model_copy(update={"predicted_label": text}) for text in texts]


def labels(predictions: Sequence[Prediction]) -> list[str]:
    return [prediction.predicted_label for prediction in predictions]


async def settled() -> None:
    """Let everything that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_what_waits_while_an_inference_runs_shares_the_next_one() -> None:
    model = RecordingModel()

    async def scenario() -> list[list[Prediction]]:
        batcher = Batcher(model)
        model.gate.clear()
        first = asyncio.create_task(batcher.predict(["first"]))
        await settled()
        others = [asyncio.create_task(batcher.predict([f"other {number}"])) for number in range(10)]
        await settled()
        model.gate.set()
        results = await asyncio.gather(first, *others)
        await batcher.close()
        return results

    results = asyncio.run(scenario())
    assert model.sizes == [1, 10]
    assert [labels(result) for result in results] == [["first"], *([f"other {number}"] for number in range(10))]


def test_a_large_request_is_cut_and_keeps_its_order() -> None:
    model = RecordingModel()
    texts = [f"text {number}" for number in range(100)]

    async def scenario() -> list[Prediction]:
        batcher = Batcher(model)
        try:
            return await batcher.predict(texts)
        finally:
            await batcher.close()

    assert labels(asyncio.run(scenario())) == texts
    assert max(model.sizes) == MAX_INFERENCE
    assert sum(model.sizes) == 100


@pytest.mark.parametrize("bad", ["boom", "panic"])
def test_a_text_that_fails_costs_its_neighbours_nothing(bad: str) -> None:
    model = RecordingModel()

    async def scenario() -> list[list[Prediction] | BaseException]:
        batcher = Batcher(model)
        model.gate.clear()
        tasks = [asyncio.create_task(batcher.predict([text])) for text in ("first", "good", bad, "better")]
        await settled()
        model.gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await batcher.close()
        return results

    first, good, boom, better = asyncio.run(scenario())
    assert isinstance(boom, PredictionFailed)
    for result, label in ((first, "first"), (good, "good"), (better, "better")):
        assert not isinstance(result, BaseException)
        assert labels(result) == [label]


def test_a_batch_that_holds_a_text_that_fails_is_told_which() -> None:
    async def scenario() -> None:
        batcher = Batcher(RecordingModel())
        try:
            await batcher.predict(["good", "boom", "better"])
        finally:
            await batcher.close()

    with pytest.raises(PredictionFailed, match=r"1 of 3 tickets \(counted from 0: 1\)"):
        asyncio.run(scenario())


def test_a_caller_who_went_away_is_not_computed() -> None:
    model = RecordingModel()

    async def scenario() -> None:
        batcher = Batcher(model)
        model.gate.clear()
        first = asyncio.create_task(batcher.predict(["first"]))
        await settled()
        gone = asyncio.create_task(batcher.predict(["gone"] * 5))
        stays = asyncio.create_task(batcher.predict(["stays"]))
        await settled()
        gone.cancel()
        await settled()
        model.gate.set()
        assert labels(await first + await stays) == ["first", "stays"]
        await batcher.close()

    asyncio.run(scenario())
    assert model.sizes == [1, 1]


def test_beyond_the_limit_of_waiting_tickets_it_refuses() -> None:
    model = RecordingModel()

    async def scenario() -> None:
        batcher = Batcher(model)
        model.gate.clear()
        waiting = asyncio.create_task(batcher.predict(["a"] * (MAX_WAITING - 10)))
        await settled()
        with pytest.raises(ModelUnavailable, match="wait for a prediction"):
            await batcher.predict(["b"] * 256)
        waiting.cancel()
        model.gate.set()
        await batcher.close()

    asyncio.run(scenario())


def test_closing_finishes_what_waits() -> None:
    model = RecordingModel()

    async def scenario() -> list[Prediction]:
        batcher = Batcher(model)
        task = asyncio.create_task(batcher.predict(["last"]))
        await settled()
        await batcher.close()
        return await task

    assert labels(asyncio.run(scenario())) == ["last"]
