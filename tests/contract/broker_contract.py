"""What every broker must do: inherited by the suite of each adapter."""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import islice

import pytest

from helpdesk.errors import BrokerUnavailable, PayloadTooLarge, PublishUnconfirmed, Unroutable
from helpdesk.messages import MAX_MESSAGE_BYTES
from helpdesk.ports.broker import DEAD, LANES, Broker, Envelope, human
from helpdesk.tickets import Priority
from tests.contract.broker_steps import (
    HIGH,
    NORMAL,
    REFUND,
    drain,
    drain_one_by_one,
    envelope,
    eventually_publishes,
    fill,
    ids,
    publish,
    receive,
)

MakeBroker = Callable[..., Broker]


class BrokerContract:
    """Subclasses provide the fixtures ``make_broker``, ``start_process`` and ``stalled``."""

    lane_overshoot = 0
    """Messages that a full lane may accept before it refuses."""

    @pytest.fixture
    def make_broker(self) -> Iterator[MakeBroker]:
        """A function that opens another broker object on the same queues; its keywords are settings."""
        raise NotImplementedError

    @pytest.fixture
    def start_process(self) -> Callable[[str], subprocess.Popen[str]]:
        """A function that starts a consumer of a destination in another process; see broker_process."""
        raise NotImplementedError

    @pytest.fixture
    def stalled(self) -> Callable[[], AbstractContextManager[None]]:
        """A context in which what is published can not be confirmed."""
        raise NotImplementedError

    @pytest.fixture
    def broker(self, make_broker: MakeBroker) -> Broker:
        broker = make_broker()
        broker.declare()
        return broker

    def test_messages_may_be_acknowledged_in_any_order(self, broker: Broker) -> None:
        publish(broker, [envelope(str(number)) for number in range(6)])
        consumer = broker.consumer([NORMAL], prefetch=4)
        first = receive(consumer, 4)
        for number in (2, 0, 1, 3):
            assert first[number].ack()
            time.sleep(0.1)  # each goes out on its own, not with its neighbours
        second = receive(consumer, 2)
        assert ids(second) == ["4", "5"]
        assert all(delivery.ack() for delivery in second)
        assert list(drain(consumer)) == []

    def test_messages_of_a_lane_arrive_in_the_order_in_which_they_were_published(self, broker: Broker) -> None:
        names = [f"m{number}" for number in range(100)]
        publish(broker, [envelope(name) for name in names])
        consumer = broker.consumer(LANES, prefetch=100)
        assert ids(receive(consumer, 100)) == names

    def test_every_field_of_an_envelope_arrives(self, broker: Broker) -> None:
        sent = Envelope(
            message_id="ä-1",
            destination=HIGH,
            body=bytes(range(256)),
            priority=Priority.HIGH,
            attempt=3,
            correlation_id="request 7 — ü",
            headers={"tenant": "tarnbrook", "note": "naïve"},
        )
        publish(broker, [sent])
        (received,) = receive(broker.consumer(LANES, prefetch=1), 1)
        assert received.envelope == sent

    def test_the_high_lane_comes_first_and_the_normal_lane_keeps_moving(self, broker: Broker) -> None:
        publish(broker, [envelope(f"n{number}") for number in range(60)])
        publish(broker, [envelope(f"h{number}", HIGH) for number in range(60)])
        consumer = broker.consumer(LANES, prefetch=64)
        time.sleep(0.5)  # lets a broker that fetches ahead fetch from both lanes
        order = [name[0] for name in ids(list(islice(drain_one_by_one(consumer), 48)))]
        assert order.count("n") == 3
        assert "".join(order).startswith("h" * 15 + "n" + "h" * 15)

    def test_an_acknowledged_message_is_gone(self, broker: Broker, make_broker: MakeBroker) -> None:
        publish(broker, [envelope("one")])
        consumer = broker.consumer(LANES, prefetch=5)
        (delivery,) = receive(consumer, 1)
        assert delivery.ack() is True
        broker.close()
        assert make_broker().consumer(LANES, prefetch=5).receive(5, wait_s=2.0) == []  # longer than a lease

    def test_only_the_first_way_of_settling_counts(self, broker: Broker) -> None:
        publish(broker, [envelope("one")])
        (delivery,) = receive(broker.consumer(LANES, prefetch=5), 1)
        assert delivery.ack() is True
        assert delivery.ack() is False
        assert delivery.retry(1) is False
        assert delivery.dead_letter("too late") is False
        assert broker.depths()[DEAD] == 0

    def test_a_retried_message_comes_back_after_its_delay_with_its_attempt_raised(self, broker: Broker) -> None:
        sent = envelope("again", HIGH, correlation_id="c", headers={"k": "v"}, priority=Priority.HIGH)
        publish(broker, [sent])
        consumer = broker.consumer(LANES, prefetch=5)
        (delivery,) = receive(consumer, 1)
        assert delivery.retry(0.4) is True
        begin = time.monotonic()
        assert broker.depths()["retry"] == 1
        assert consumer.receive(5, wait_s=0.5) == []
        (returned,) = receive(consumer, 1)
        assert 0.8 < time.monotonic() - begin < 5
        assert returned.envelope.attempt == 1
        assert returned.envelope.destination == HIGH
        assert returned.envelope.headers == {"k": "v"}
        assert (returned.envelope.body, returned.envelope.correlation_id) == (sent.body, "c")
        assert returned.ack() is True

    def test_a_dead_letter_carries_its_reason_and_its_source(self, broker: Broker) -> None:
        publish(broker, [envelope("bad", attempt=2, headers={"k": "v"})])
        (delivery,) = receive(broker.consumer(LANES, prefetch=5), 1)
        assert delivery.dead_letter("not JSON — at all") is True
        assert broker.depths()[DEAD] == 1
        (dead,) = receive(broker.consumer([DEAD], prefetch=5), 1)
        assert dead.envelope.message_id == "bad"
        assert dead.envelope.attempt == 2
        assert dead.envelope.headers == {"k": "v", "reason": "not JSON — at all", "source": NORMAL}

    def test_a_message_comes_again_when_its_consumer_is_killed(
        self, broker: Broker, start_process: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        publish(broker, [envelope("survivor")])
        process = start_process(NORMAL)
        assert process.stdout is not None
        assert process.stdout.readline() == "survivor\n"
        consumer = broker.consumer(LANES, prefetch=5)
        assert consumer.receive(5, wait_s=0.5) == []
        os.kill(process.pid, signal.SIGKILL)
        assert ids(receive(consumer, 1)) == ["survivor"]

    def test_competing_consumers_get_each_message_once(self, broker: Broker, make_broker: MakeBroker) -> None:
        names = {f"m{number}" for number in range(300)}
        seen: Counter[str] = Counter()
        consumers = [broker.consumer(LANES, prefetch=7), make_broker().consumer(LANES, prefetch=7)]
        threads = [threading.Thread(target=lambda each=each: seen.update(ids(list(drain(each))))) for each in consumers]
        for thread in threads:
            thread.start()
        publish(broker, [envelope(name) for name in names])
        for thread in threads:
            thread.join()
        assert set(seen) == names
        assert set(seen.values()) == {1}

    def test_no_more_than_the_prefetch_are_unsettled(self, broker: Broker, make_broker: MakeBroker) -> None:
        publish(broker, [envelope(f"m{number}") for number in range(6)])
        consumer = broker.consumer([NORMAL], prefetch=3)
        held = receive(consumer, 3)
        assert ids(held) == ["m0", "m1", "m2"]
        assert consumer.receive(3, wait_s=0.3) == []
        assert held[1].ack() is True
        assert ids(receive(consumer, 1)) == ["m3"]
        assert consumer.receive(3, wait_s=0.3) == []
        other = make_broker().consumer([NORMAL], prefetch=3)
        assert ids(receive(other, 2)) == ["m4", "m5"]

    def test_the_prefetch_counts_all_lanes_together(self, broker: Broker) -> None:
        publish(broker, [envelope(f"{lane}-{number}", lane) for lane in LANES for number in range(3)])
        consumer = broker.consumer(LANES, prefetch=3)
        held = receive(consumer, 3)
        assert consumer.receive(3, wait_s=0.3) == []
        assert held[0].ack() is True
        assert len(receive(consumer, 3, within_s=0.6)) == 1

    def test_an_unconfirmed_message_is_reported_and_may_be_published_again(
        self, broker: Broker, stalled: Callable[[], AbstractContextManager[None]]
    ) -> None:
        publisher = broker.publisher()
        assert publisher.publish([envelope("before")], timeout_s=5) == [None]
        begin = time.monotonic()
        with stalled():
            try:
                (result,) = publisher.publish([envelope("unknown")], timeout_s=1.0)
            except BrokerUnavailable as error:
                result = error
        assert isinstance(result, PublishUnconfirmed | BrokerUnavailable)
        assert 0.9 < time.monotonic() - begin < 4
        assert eventually_publishes(publisher.publish, envelope("unknown"))
        copies = Counter(ids(list(drain(broker.consumer(LANES, prefetch=10)))))
        assert copies["before"] == 1
        assert copies["unknown"] in (1, 2)

    def test_a_message_for_an_unknown_destination_is_unroutable_and_the_others_go_out(self, broker: Broker) -> None:
        batch = [envelope("a"), envelope("lost", human("NOBODY")), envelope("b")]
        first, second, third = broker.publisher().publish(batch, timeout_s=5)
        assert (first, third) == (None, None)
        assert isinstance(second, Unroutable)
        assert "human.NOBODY" in str(second)
        assert broker.depths()[NORMAL] == 2

    def test_a_full_lane_refuses_and_accepts_again_when_there_is_room(self, make_broker: MakeBroker) -> None:
        broker = make_broker(max_lane_length=3)
        broker.declare()
        publisher = broker.publisher()
        accepted = fill(publisher)
        assert 3 <= len(accepted) <= 3 + self.lane_overshoot
        assert publisher.publish([envelope("high", HIGH)], timeout_s=5) == [None]
        assert ids(list(drain(broker.consumer([NORMAL], prefetch=1)))) == accepted
        assert eventually_publishes(publisher.publish, envelope("more"))

    def test_a_retried_message_comes_back_though_its_lane_is_full(self, make_broker: MakeBroker) -> None:
        broker = make_broker(max_lane_length=3)
        broker.declare()
        publish(broker, [envelope("retried")])
        consumer = broker.consumer([NORMAL], prefetch=1)
        (delivery,) = receive(consumer, 1)
        assert delivery.retry(1) is True
        consumer.close()
        accepted = fill(broker.publisher())
        time.sleep(1.2)
        arrived = ids(list(drain(broker.consumer([NORMAL], prefetch=10))))
        assert sorted(arrived) == sorted([*accepted, "retried"])

    def test_a_withdrawn_message_is_gone_and_the_others_keep_their_order(self, broker: Broker) -> None:
        publish(broker, [envelope(f"m{number}", REFUND) for number in range(8)])
        assert broker.withdraw(REFUND, "m5") is True
        assert broker.withdraw(REFUND, "m5") is False
        assert broker.withdraw(REFUND, "never sent") is False
        assert broker.withdraw(human("ORDER"), "m1") is False
        assert broker.depths()[REFUND] == 7
        assert ids(receive(broker.consumer([REFUND], prefetch=10), 7)) == ["m0", "m1", "m2", "m3", "m4", "m6", "m7"]

    def test_a_message_that_a_consumer_holds_cannot_be_withdrawn(self, broker: Broker, make_broker: MakeBroker) -> None:
        publish(broker, [envelope("held", REFUND)])
        (delivery,) = receive(broker.consumer([REFUND], prefetch=1), 1)
        assert make_broker().withdraw(REFUND, "held") is False
        assert delivery.ack() is True

    def test_withdrawals_at_the_same_time_do_not_hide_messages_from_each_other(
        self, broker: Broker, make_broker: MakeBroker
    ) -> None:
        names = [f"m{number}" for number in range(40)]
        publish(broker, [envelope(name, REFUND) for name in names])
        outcomes: list[bool] = []

        def withdraw(other: Broker, mine: list[str]) -> None:
            outcomes.extend([other.withdraw(REFUND, name) for name in mine])

        threads = [threading.Thread(target=withdraw, args=(make_broker(), names[part::2][::-1])) for part in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes == [True] * 40
        assert broker.depths()[REFUND] == 0

    def test_a_consumer_and_a_withdrawal_never_both_get_a_message(
        self, broker: Broker, make_broker: MakeBroker
    ) -> None:
        names = [f"m{number}" for number in range(40)]
        publish(broker, [envelope(name, REFUND) for name in names])
        consumed: list[str] = []
        withdrawn: list[str] = []

        def withdraw_some(other: Broker, seed: int) -> None:
            shuffled = random.Random(seed).sample(names, len(names))
            withdrawn.extend(name for name in shuffled if other.withdraw(REFUND, name))

        threads = [threading.Thread(target=withdraw_some, args=(make_broker(), seed)) for seed in (1, 2)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        consumer = broker.consumer([REFUND], prefetch=1)
        while any(thread.is_alive() for thread in threads):
            for delivery in consumer.receive(1, wait_s=0.05):
                consumed += ids([delivery])
                assert delivery.ack()
                time.sleep(0.02)  # leaves something for the others
        consumed += ids(list(drain(consumer)))
        assert withdrawn, "the withdrawals came too late to prove anything"
        assert sorted(consumed + withdrawn) == sorted(names)

    def test_a_paused_consumer_leaves_messages_to_others_until_it_resumes(
        self, broker: Broker, make_broker: MakeBroker
    ) -> None:
        publish(broker, [envelope("m0"), envelope("m1")])
        consumer = broker.consumer(LANES, prefetch=1)
        (held,) = receive(consumer, 1)
        consumer.pause()
        assert consumer.receive(5, wait_s=0.3) == []
        other = make_broker().consumer(LANES, prefetch=5)
        assert ids(list(drain(other))) == ["m1"]
        other.close()
        assert held.ack() is True
        publish(broker, [envelope("m2")])
        assert consumer.receive(5, wait_s=0.3) == []
        consumer.resume()
        assert ids(receive(consumer, 1)) == ["m2"]

    def test_closing_a_consumer_gives_its_messages_back(self, broker: Broker) -> None:
        publish(broker, [envelope("m0"), envelope("m1"), envelope("m2")])
        consumer = broker.consumer(LANES, prefetch=2)
        held = receive(consumer, 2)
        consumer.close()
        assert [delivery.ack() for delivery in held] == [False, False]
        assert sorted(ids(receive(broker.consumer(LANES, prefetch=5), 3))) == ["m0", "m1", "m2"]

    def test_an_oversize_body_is_refused_before_anything_is_sent(self, broker: Broker) -> None:
        big = Envelope(message_id="big", destination=NORMAL, body=bytes(MAX_MESSAGE_BYTES + 1))
        publisher = broker.publisher()
        with pytest.raises(PayloadTooLarge):
            publisher.publish([envelope("small"), big], timeout_s=5)
        assert broker.depths()[NORMAL] == 0
        largest = Envelope(message_id="largest", destination=NORMAL, body=bytes(MAX_MESSAGE_BYTES))
        assert publisher.publish([largest], timeout_s=10) == [None]

    def test_depths_count_what_waits_in_every_destination(self, broker: Broker) -> None:
        assert set(broker.depths().values()) == {0}
        publish(broker, [envelope("a"), envelope("b"), envelope("c", HIGH), envelope("d", REFUND)])
        depths = broker.depths()
        assert (depths[NORMAL], depths[HIGH], depths[REFUND], depths["retry"], depths[DEAD]) == (2, 1, 1, 0, 0)

    def test_many_threads_publish_at_once_through_one_publisher(self, broker: Broker) -> None:
        publisher = broker.publisher()
        failures: list[object] = []

        def publish_some(thread: int) -> None:
            for number in range(25):
                failures.extend(publisher.publish([envelope(f"{thread}-{number}")], timeout_s=20))

        threads = [threading.Thread(target=publish_some, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == [None] * 200
        arrived = ids(list(drain(broker.consumer(LANES, prefetch=50))))
        assert len(arrived) == len(set(arrived)) == 200
        for thread_number in range(8):
            mine = [name for name in arrived if name.startswith(f"{thread_number}-")]
            assert mine == [f"{thread_number}-{number}" for number in range(25)]

    def test_declaring_again_changes_nothing(self, broker: Broker, make_broker: MakeBroker) -> None:
        publish(broker, [envelope("kept")])
        broker.declare()
        make_broker().declare()
        assert broker.depths()[NORMAL] == 1
        broker.check()

    def test_a_closed_broker_leaves_no_thread_and_refuses_work(self, make_broker: MakeBroker) -> None:
        before = set(threading.enumerate())
        broker = make_broker()
        broker.declare()
        publisher, consumer = broker.publisher(), broker.consumer(LANES, prefetch=5)
        assert publisher.publish([envelope("m")], timeout_s=5) == [None]
        assert ids(receive(consumer, 1)) == ["m"]
        broker.close()
        broker.close()
        assert set(threading.enumerate()) <= before
        assert consumer.receive(1, wait_s=0.1) == []
        with pytest.raises(BrokerUnavailable):
            publisher.publish([envelope("late")], timeout_s=0.5)
