"""Turns among lanes, retry steps, and the RabbitMQ topology as data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.adapters.broker_lanes import DESTINATIONS, PATIENCE, LaneTurns, retry_step_s
from helpdesk.adapters.broker_rabbitmq.topology import NEVER, Topology
from helpdesk.adapters.broker_rabbitmq.wire import LONGEST_ID, to_envelope, to_properties
from helpdesk.ports.broker import LANES, RETRY_LADDER_S, Envelope
from helpdesk.tickets import HUMAN_QUEUES


@pytest.mark.parametrize(
    ("delay_s", "step_s"), [(0, 1), (1, 1), (1.01, 5), (5, 5), (29, 30), (31, 300), (300, 300), (9000, 300)]
)
def test_a_retry_takes_the_first_step_that_is_long_enough(delay_s: float, step_s: int) -> None:
    assert retry_step_s(delay_s) == step_s


def test_nobody_has_a_turn_when_no_lane_has_a_message() -> None:
    assert LaneTurns(2).next([False, False]) is None


def test_one_message_of_the_later_lane_follows_fifteen_of_the_first() -> None:
    turns = LaneTurns(2)
    assert [turns.next([True, True]) for _ in range(32)] == ([0] * 15 + [1]) * 2


def test_an_empty_first_lane_costs_the_later_one_nothing() -> None:
    turns = LaneTurns(2)
    assert [turns.next([False, True]) for _ in range(3)] == [1, 1, 1]
    assert turns.next([True, True]) == 0


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=300))
def test_no_waiting_lane_is_passed_over_for_long(history: list[list[bool]]) -> None:
    turns, waited = LaneTurns(4), [0] * 4
    for waiting in history:
        chosen = turns.next(waiting)
        if chosen is None:
            assert not any(waiting)
            continue
        assert waiting[chosen]
        for lane, has_message in enumerate(waiting):
            if has_message:
                waited[lane] = 0 if lane == chosen else waited[lane] + 1
        assert max(waited) <= PATIENCE + 3


def test_destinations_are_the_lanes_the_human_queues_and_dead() -> None:
    assert len(DESTINATIONS) == len(LANES) + len(HUMAN_QUEUES) + 1


@pytest.mark.parametrize(("server", "kind"), [("3.10.8", "classic"), ("3.13.7", "classic"), ("4.0.1", "quorum")])
def test_the_queue_type_follows_the_server_and_the_names_do_not(server: str, kind: str) -> None:
    topology = Topology(1, max_lane_length=9)
    queues = {queue.name: queue.arguments for queue in topology.queues(server)}
    assert {arguments["x-queue-type"] for arguments in queues.values()} == {kind}
    assert {"tickets.v1.in.high", "tickets.v1.human.REFUND", "tickets.v1.dead"} <= set(queues)
    assert {name for name in queues if ".retry." in name} == {
        f"tickets.v1.retry.{lane}.{step}" for lane in ("high", "normal") for step in ("1s", "5s", "30s", "5m", "due")
    }
    assert len(queues) == len(DESTINATIONS) + len(LANES) * (len(RETRY_LADDER_S) + 1)


def test_lanes_refuse_when_full_and_the_ladder_leads_to_a_queue_that_never_does() -> None:
    queues = {queue.destination: queue.arguments for queue in Topology(3, max_lane_length=9).queues("3.10.8")}
    lane, step = queues["in.high"], queues["retry.high.30s"]
    assert (lane["x-max-length"], lane["x-overflow"]) == (9, "reject-publish")
    assert step["x-message-ttl"] == 30_000
    assert (step["x-dead-letter-exchange"], step["x-dead-letter-routing-key"]) == ("tickets.v3", "retry.high.due")
    assert queues["retry.high.due"] == {"x-queue-type": "classic"}
    assert "x-message-ttl" not in queues["dead"]


def test_quorum_queues_drop_nothing_by_themselves() -> None:
    queues = Topology(1, max_lane_length=9).queues("4.1.0")
    assert {queue.arguments["x-delivery-limit"] for queue in queues} == {NEVER}
    ladder = [queue.arguments for queue in queues if "x-message-ttl" in queue.arguments]
    assert len(ladder) == len(LANES) * len(RETRY_LADDER_S)
    assert {arguments["x-dead-letter-strategy"] for arguments in ladder} == {"at-least-once"}
    assert {arguments["x-overflow"] for arguments in ladder} == {"reject-publish"}


def test_a_correlation_id_that_is_too_long_for_amqp_is_kept_in_full_in_the_headers() -> None:
    sent = Envelope(message_id="m", destination="in.high", body=b"", correlation_id="ä" * 200)
    properties = to_properties(sent)
    assert len(properties.correlation_id.encode()) <= LONGEST_ID
    assert to_envelope("in.high", properties, b"") == sent
