"""Faults of the machines that a decision needs: the prediction service, the message itself, the handling."""

import threading
import time

import pytest

from tests.chaos.checker import show
from tests.chaos.conftest import StartSystem

pytestmark = pytest.mark.timeout(150)

MOODS = ("slow", "garbage", "nan", "unknown", "wrong_count", "500", "close")


def test_a_prediction_service_that_goes_wrong_in_every_way_and_recovers(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack)

    def go_wrong() -> None:
        for mood in MOODS:
            system.mood_file.write_text(mood)
            time.sleep(0.7)
        system.mood_file.write_text("ok")

    trouble = threading.Thread(target=go_wrong)
    trouble.start()
    accepted = system.post_all(60, per_s=12)
    trouble.join()
    system.wait_until_decided(limit_s=80, quiet_s=45)
    counts = system.counts(accepted, attempted=60)
    show(f"prediction service: {', '.join(MOODS)}, then well again, on {stack}", counts)
    assert counts.sound, counts


def test_a_prediction_service_that_stays_down_leaves_every_ticket_to_a_person(
    stack: str, start_system: StartSystem
) -> None:
    system = start_system(stack, extra={"HELPDESK_PROCESSOR__DECIDE_WITHIN_S": "4"})
    system.hold_down("prediction")
    accepted = system.post_all(30, per_s=15)
    system.wait_until_decided(limit_s=40)
    counts = system.counts(accepted, attempted=30)
    show(f"prediction service down for good on {stack}", counts)
    assert counts.lost == counts.silent == counts.doubled_entries == counts.answered == 0, counts
    assert counts.queued == 30


def test_everything_down_but_the_relay_still_ends_at_a_person(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, extra={"HELPDESK_PROCESSOR__DECIDE_WITHIN_S": "2"}, workers=0)
    accepted = system.post_all(20, per_s=20)
    system.wait_until(lambda: system.counts(accepted, attempted=20).queued == 20, limit_s=20, what="handing over")


def test_a_message_that_kills_its_worker_is_dead_after_five_starts_and_takes_no_neighbour_along(
    stack: str, start_system: StartSystem
) -> None:
    system = start_system(stack, workers=1)
    texts = ["please cancel my order"] * 9 + ["this one is deadly"]
    accepted = system.post_all(10, per_s=100, threads=1, texts=texts)
    system.wait_until_decided(limit_s=100, quiet_s=45)
    counts = system.counts(accepted, attempted=10)
    show(f"a deadly message on {stack}", counts)
    assert counts.sound_but_for(dead=1), counts
    assert (counts.answered, counts.queued) == (9, 1)


def test_every_message_delivered_twice_has_one_effect(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, mutation="twice")
    accepted = system.post_all(100, per_s=40)
    system.wait_until_decided(limit_s=40)
    counts = system.counts(accepted, attempted=100)
    show(f"every message published twice on {stack}", counts)
    assert counts.sound, counts
