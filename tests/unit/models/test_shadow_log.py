"""What a shadow says is kept without the text, in bounded files, and comes to figures."""

import json
from pathlib import Path
from typing import Any

import pytest

from helpdesk.predictions import Prediction
from models.shadow_log import DIRECTORY, ShadowLog, ShadowRecord, shadow_record
from models.shadow_report import shadow_report
from tests.fakes import make_prediction


def said(version: str, label: str, confidence: float = 0.97, **fields: Any) -> Prediction:
    changes = {"model_version": version, "predicted_label": label, "prediction_confidence": confidence, **fields}
    return make_prediction("").model_copy(update=changes)


def record(live: Prediction, shadow: Prediction, text: str = "Where is it?", duration_s: float = 0.001) -> ShadowRecord:
    return shadow_record(text, live, shadow, duration_s=duration_s)


AGREED = record(said("live", "refund"), said("new", "refund"))


def test_records_come_back_in_their_order_and_hold_no_text(tmp_path: Path) -> None:
    log = ShadowLog(tmp_path, "new")
    other = record(said("live", "refund"), said("new", "cancel", 0.5), text="My name is Ada Lovelace")
    log.append([AGREED])
    log.append([other])
    assert log.read() == ([AGREED, other], 0)
    assert "Ada" not in log.path.read_text(encoding="utf-8")
    assert AGREED.text_sha256 != other.text_sha256


def test_a_lone_surrogate_is_recorded_too() -> None:
    assert record(said("live", "refund"), said("new", "refund"), text="\ud800").text_sha256


def test_the_files_stay_bounded_and_keep_the_newest(tmp_path: Path) -> None:
    size = len(AGREED.model_dump_json()) + 1
    log = ShadowLog(tmp_path, "new", max_file_bytes=size * 10)
    for number in range(100):
        log.append([AGREED.model_copy(update={"duration_ms": float(number)})])
    kept = [item.duration_ms for item in log.read()[0]]
    assert kept == [float(number) for number in range(100 - len(kept), 100)]
    assert 10 < len(kept) <= 20
    assert sum(path.stat().st_size for path in (tmp_path / DIRECTORY).iterdir()) <= 20 * size


def test_each_version_has_its_own_records(tmp_path: Path) -> None:
    ShadowLog(tmp_path, "new").append([AGREED])
    assert ShadowLog(tmp_path, "other").read() == ([], 0)


def test_a_line_that_was_cut_off_is_counted_and_costs_no_other(tmp_path: Path) -> None:
    log = ShadowLog(tmp_path, "new")
    log.append([AGREED])
    with log.path.open("ab") as file:
        file.write(b'{"at": "2026\n\xff\n')
    log.append([AGREED])
    assert log.read() == ([AGREED, AGREED], 2)


@pytest.mark.parametrize(
    ("live", "shadow", "agrees"),
    [
        (said("live", "refund"), said("new", "refund", 0.1), True),
        (said("live", "refund"), said("new", "cancel"), False),
        (said("live", "refund"), said("new", "refund", out_of_scope=True), False),
        (said("live", "refund", out_of_scope=True), said("new", "cancel", out_of_scope=True), True),
    ],
)
def test_they_agree_on_the_same_intent_or_on_none(live: Prediction, shadow: Prediction, agrees: bool) -> None:
    assert record(live, shadow).agrees is agrees


def test_only_a_sure_ticket_in_scope_counts_as_automated() -> None:
    sure, unsure = said("live", "refund", 0.9), said("new", "refund", 0.7)
    foreign = said("new", "refund", 0.9, out_of_scope=True)
    found = [record(sure, other).shadow.automated for other in (sure, unsure, foreign)]
    assert found == [True, False, False]


def test_the_report_says_where_they_differ_and_what_would_change() -> None:
    records = [
        record(said("live", "refund", 0.9), said("new", "refund", 0.95)),
        record(said("live", "refund", 0.9), said("new", "cancel", 0.5), duration_s=0.003),
        record(said("live", "refund", 0.5), said("new", "cancel", 0.9)),
        record(said("live", "track", 0.9), said("new", "track", 0.9, out_of_scope=True)),
    ]
    report = shadow_report(records)
    assert (report.tickets, report.agreement, report.live_versions) == (4, 0.25, ("live",))
    assert report.disagreements == (("refund", "cancel", 2), ("track", "out_of_scope", 1))
    assert (report.live_automated, report.shadow_automated) == (0.75, 0.5)
    assert (report.newly_automated, report.no_longer_automated) == (0.25, 0.5)
    assert report.confidence_shift[1] == pytest.approx(0.025)
    assert report.duration_ms[1] == 1.0


def test_a_record_is_one_line_that_any_program_reads() -> None:
    assert set(json.loads(AGREED.model_dump_json())) == {"at", "text_sha256", "live", "shadow", "duration_ms"}
