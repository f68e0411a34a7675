"""The shadow reads what was answered; it may be slow, raise or lose its disk, and nobody notices."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from helpdesk import metrics
from helpdesk.predictions import ModelInfo, Prediction
from models.shadow_log import ShadowRecord
from prediction_api import shadow as module
from prediction_api.shadow import MAX_WAITING, Shadow
from tests.fakes import make_prediction


class ScriptedModel:
    """Answers after the gate opens; raises for ``boom``."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.read: list[str] = []

    @property
    def info(self) -> ModelInfo:
        raise NotImplementedError

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        assert self.gate.wait(10)
        self.read += texts
        if "boom" in texts:
            raise RuntimeError("a secret of the ticket")
        return [make_prediction(text).model_copy(update={"model_version": "shadow"}) for text in texts]


class ListLog:
    def __init__(self) -> None:
        self.records: list[ShadowRecord] = []
        self.full = False

    def append(self, records: Sequence[ShadowRecord]) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.records += records


@contextmanager
def running(model: ScriptedModel, log: ListLog, *, is_busy: Callable[[], bool] = lambda: False) -> Iterator[Shadow]:
    shadow = Shadow(model, log, is_busy=is_busy)
    try:
        yield shadow
    finally:
        model.gate.set()
        shadow.close()


def offer(shadow: Shadow, *texts: str) -> None:
    shadow.offer(texts, [make_prediction(text) for text in texts])


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.005)


def counted(outcome: str) -> float:
    return float(metrics.shadow_predictions.labels(outcome)._value.get())


def test_every_ticket_is_read_once_and_recorded() -> None:
    model, log = ScriptedModel(), ListLog()
    agreed = counted("agreed")
    with running(model, log) as shadow:
        offer(shadow, "one", "two")
        offer(shadow, "three")
        until(lambda: len(log.records) == 3)
    assert model.read == ["one", "two", "three"]
    assert {(record.live.version, record.shadow.version) for record in log.records} == {("fake", "shadow")}
    assert counted("agreed") == agreed + 3


def test_a_ticket_that_it_fails_on_is_counted_and_the_next_one_is_read(caplog: pytest.LogCaptureFixture) -> None:
    model, log = ScriptedModel(), ListLog()
    failed = counted("failed")
    with running(model, log) as shadow:
        offer(shadow, "boom", "boom", "good")
        until(lambda: len(log.records) == 1)
    assert counted("failed") == failed + 2
    assert caplog.messages == ["the version in shadow failed"]
    assert "secret" not in caplog.text


def test_where_it_is_too_slow_tickets_are_dropped_and_counted_and_nobody_waits() -> None:
    model, log = ScriptedModel(), ListLog()
    model.gate.clear()
    dropped = counted("dropped")
    with running(model, log) as shadow:
        for _ in range(MAX_WAITING + 200):
            offer(shadow, "more")
        assert counted("dropped") >= dropped + 199  # one is being read
        model.gate.set()
        until(lambda: len(log.records) >= MAX_WAITING)


def test_long_texts_fill_it_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_CHARACTERS", 100)
    model, log = ScriptedModel(), ListLog()
    model.gate.clear()
    dropped = counted("dropped")
    with running(model, log) as shadow:
        offer(shadow, *["x" * 40] * 10)
        assert counted("dropped") >= dropped + 7
        model.gate.set()
        until(lambda: len(log.records) >= 2)


def test_while_the_live_model_works_it_waits_but_not_for_ever() -> None:
    model, log, looks = ScriptedModel(), ListLog(), []

    def busy() -> bool:
        looks.append(list(model.read))
        return True

    with running(model, log, is_busy=busy) as shadow:
        offer(shadow, "one")
        until(lambda: len(log.records) == 1)
    assert len(looks) > 1
    assert looks[0] == []


def test_a_full_disk_costs_the_records_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    model, log = ScriptedModel(), ListLog()
    log.full = True
    unrecorded = metrics.shadow_unrecorded._value.get()
    with running(model, log) as shadow:
        offer(shadow, "one", "two")
        until(lambda: metrics.shadow_unrecorded._value.get() == unrecorded + 2)
        log.full = False
        offer(shadow, "three")
        until(lambda: len(log.records) == 1)
    assert caplog.messages == ["shadow predictions are not recorded"]


def test_closing_drops_what_waits_and_keeps_what_was_read() -> None:
    model, log = ScriptedModel(), ListLog()
    model.gate.clear()
    dropped = counted("dropped")
    shadow = Shadow(model, log, is_busy=lambda: False)
    offer(shadow, "one", "two", "three")
    until(lambda: len(shadow._waiting) == 2)
    closing = threading.Thread(target=shadow.close)
    closing.start()
    until(lambda: shadow._stopping)
    model.gate.set()
    closing.join()
    assert [record.agrees for record in log.records] == [True]
    assert counted("dropped") == dropped + 2
    offer(shadow, "late")
    assert counted("dropped") == dropped + 3
