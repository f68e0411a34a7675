"""Faults of what a decision needs: the prediction service, the writer, the message itself, the handling."""

import time

import pika
import pytest

from helpdesk.messages import MAX_MESSAGE_BYTES
from helpdesk.ports.broker import DEAD, LANES, Envelope
from helpdesk.ports.mailboxes import DeadLetterStatus
from tests.chaos.conftest import StartSystem, long_on_embedded, long_on_servers
from tests.chaos.trial import settle, survive, under_load
from tests.rabbitmq import plain_channel

MOODS = ("slow", "garbage", "nan", "unknown", "wrong_count", "500", "close")

pytestmark = [pytest.mark.long, pytest.mark.timeout(150)]


@long_on_embedded
def test_a_prediction_service_that_goes_wrong_in_every_way_and_recovers(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack)

    def go_wrong() -> None:
        for mood in MOODS:
            system.mood_file.write_text(mood)
            time.sleep(0.4)
        system.mood_file.write_text("ok")

    survive(system, f"prediction service: {', '.join(MOODS)}", go_wrong)


@long_on_servers
def test_a_prediction_service_that_stays_down_leaves_every_ticket_to_a_person(
    stack: str, start_system: StartSystem
) -> None:
    system = start_system(stack, extra={"HELPDESK_PROCESSOR__DECIDE_WITHIN_S": "4"})
    system.hold_down("prediction")
    accepted = system.post_all(30, per_s=15)
    counts = settle(system, "prediction service down for good", accepted)
    assert counts.lost == counts.silent == counts.doubled_entries == counts.answered == 0, counts
    assert counts.queued == 30


@long_on_embedded
def test_everything_down_but_the_relay_still_ends_at_a_person(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, extra={"HELPDESK_PROCESSOR__DECIDE_WITHIN_S": "2"}, workers=0)
    accepted = system.post_all(20, per_s=20)
    system.wait_until(lambda: system.counts(accepted, attempted=20).queued == 20, limit_s=20, what="handing over")


@long_on_servers
def test_a_worker_that_ends_after_a_remote_writer_answered_sends_one_answer(
    stack: str, start_system: StartSystem
) -> None:
    system = start_system(stack, extra={"CHAOS_WRITER": "remote"})

    def crash() -> None:
        for _ in range(2):
            for name in ("worker-0", "worker-1"):
                system.restart_with_failpoint(name, "worker.after_write_before_commit")
            time.sleep(1.5)

    survive(system, "workers end after writing, before the commit", crash)
    assert system.restarts >= 1


def test_a_message_that_kills_its_worker_is_dead_after_five_starts_and_takes_no_neighbour_along(
    stack: str, start_system: StartSystem
) -> None:
    system = start_system(stack, workers=1)
    texts = ["please cancel my order"] * 9 + ["this one is deadly"]
    accepted = system.post_all(10, per_s=100, threads=1, texts=texts)
    counts = settle(system, "a deadly message", accepted, limit_s=100, quiet_s=45)
    assert counts.sound_but_for(dead=1), counts
    assert (counts.answered, counts.queued) == (9, 1)


@long_on_servers
def test_a_message_that_raises_climbs_the_ladder_and_ends_at_a_person(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, extra={"HELPDESK_PROCESSOR__DECIDE_WITHIN_S": "5"})
    texts = ["please cancel my order"] * 9 + ["this one is raising"]
    accepted = system.post_all(10, per_s=100, threads=1, texts=texts)
    counts = settle(system, "a message that raises", accepted)
    assert counts.sound_but_for(dead=1), counts
    assert (counts.answered, counts.queued) == (9, 1)
    with system.store.reading() as tx:
        [letter] = tx.dead_letters(status=DeadLetterStatus.DEAD, limit=10)
        [ticket] = tx.tickets([letter.ticket_id or ""]).values()
    assert letter.attempts == 2, "one retry after 1 s; the next, after 5 s, would have come too late"
    assert "RuntimeError: raising" in letter.reason
    assert letter.reason in ticket.queue_reason


@long_on_embedded
def test_handling_that_hangs_is_tried_again_and_the_connection_lives_on(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, workers=1, extra={"HELPDESK_PROCESSOR__HANDLING_LIMIT_S": "2"})
    texts = ["please cancel my order"] * 5 + ["this one is hanging"]
    accepted = under_load(system, lambda: None, total=12, per_s=4, texts=texts)
    counts = settle(system, "handling hangs for three heartbeats", accepted)
    assert counts.sound, counts
    assert "handling hangs" in system.log("worker-0")
    assert "lost" not in system.log("worker-0"), "the connection did not outlive the hang"
    assert system.restarts == 0


def test_every_message_delivered_twice_has_one_effect(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, mutation="twice")
    survive(system, "every message published twice", lambda: None, total=100, per_s=40)


@long_on_embedded
def test_messages_that_nobody_understands_are_dead_at_once_and_the_worker_lives(
    stack: str, start_system: StartSystem, request: pytest.FixtureRequest
) -> None:
    system = start_system(stack)
    bodies = (b"\xff\x00", b"[" * 100_000, b"null", b'{"kind":"ticket.submitted.v9"}', b"x" * MAX_MESSAGE_BYTES)
    dead = len(bodies)

    def publish() -> None:
        nonlocal dead
        strange = [
            Envelope(message_id=f"strange-{n}", destination=LANES[1], body=body) for n, body in enumerate(bodies)
        ]
        assert system.broker.publisher().publish(strange, timeout_s=5) == [None] * len(strange)
        if stack == "servers":
            lane = f"tickets.v{system.settings.broker.topology_version}.{LANES[1]}"
            with plain_channel(request.getfixturevalue("rabbitmq_url")) as channel:
                channel.basic_publish("", lane, bytes(15 * 2**20), pika.BasicProperties(message_id="huge"))
            dead += 1

    accepted = under_load(system, publish, total=30)
    counts = settle(system, "messages that nobody understands", accepted)
    assert counts.sound_but_for(dead=dead), counts
    assert system.broker.depths()[DEAD] == dead
    assert system.restarts == 0
