"""The RabbitMQ adapter while its server restarts, crashes, freezes, runs out of memory, or vanishes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import pytest

from helpdesk.errors import BrokerUnavailable, PublishUnconfirmed
from helpdesk.ports.broker import LANES, Consumer, Envelope, Publisher, human
from tests.contract.broker_steps import (
    NORMAL,
    REFUND,
    drain,
    envelope,
    eventually_publishes,
    ids,
    publish,
    receive,
)
from tests.fault_proxy import Fault, FaultProxy
from tests.rabbitmq import Brokers
from tests.servers import RabbitMqServer

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def brokers(rabbitmq_server: RabbitMqServer) -> Iterator[Brokers]:
    with Brokers(rabbitmq_server.url) as brokers:
        yield brokers
        rabbitmq_server.ensure_running()


class Relay:
    """Inside its ``with`` block, publishes message after message, each until the broker holds it."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher, self._stop = publisher, threading.Event()
        self.confirmed: list[str] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            name = f"m{len(self.confirmed)}"
            if try_to_publish(self._publisher, [envelope(name)], timeout_s=2.0) == [None]:
                self.confirmed.append(name)
            time.sleep(0.005)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_both_sides_reconnect_after_a_restart_and_nothing_confirmed_is_lost(
    brokers: Brokers, rabbitmq_server: RabbitMqServer, how: str
) -> None:
    broker = brokers.open()
    broker.declare()
    consumer = broker.consumer(LANES, prefetch=10)
    with Relay(broker.publisher()) as relay:
        arrived = take_until(consumer, 10)
        getattr(rabbitmq_server, how)()
        assert consumer.receive(10, wait_s=0.2) == []
        published = len(relay.confirmed)
        rabbitmq_server.start()
        arrived += take_until(consumer, 10)
        assert comes_true(lambda: len(relay.confirmed) >= published + 10, within_s=10)
    arrived += ids(list(drain(consumer)))
    assert set(relay.confirmed) <= set(arrived)


def test_a_frozen_server_blocks_nobody_for_long_and_loses_nothing(
    brokers: Brokers, rabbitmq_server: RabbitMqServer
) -> None:
    broker = brokers.open(heartbeat_s=2, confirm_timeout_s=2.0)
    publisher, consumer = broker.publisher(), broker.consumer(LANES, prefetch=10)
    assert publisher.publish([envelope("before")], timeout_s=10) == [None]
    (delivery,) = receive(consumer, 1)
    rabbitmq_server.freeze()
    begin = time.monotonic()
    results = try_to_publish(publisher, [envelope(f"m{number}") for number in range(300)], timeout_s=2.0)
    assert all(isinstance(result, BrokerUnavailable) for result in results)
    assert len(results) == 300
    assert time.monotonic() - begin < 5
    with pytest.raises(BrokerUnavailable):
        broker.check()
    assert comes_true(lambda: not delivery.retry(1), within_s=6)  # heartbeats fail
    assert consumer.receive(1, wait_s=0.1) == []
    rabbitmq_server.thaw()
    assert eventually_publishes(publisher.publish, envelope("after"))
    arrived = ids(list(drain(consumer, idle_s=3.0)))
    assert {"before", "after"} <= set(arrived)


@pytest.mark.parametrize(
    ("limit", "alarming", "usual"),
    [("set_vm_memory_high_watermark", "0.0001", "0.4"), ("set_disk_free_limit", "9000GB", "50MB")],
    ids=["memory", "disk"],
)
def test_an_alarm_stops_publishing_while_consuming_goes_on(
    brokers: Brokers, rabbitmq_server: RabbitMqServer, limit: str, alarming: str, usual: str
) -> None:
    broker = brokers.open(blocked_timeout_s=60)
    publisher, consumer = broker.publisher(), broker.consumer(LANES, prefetch=3)
    assert publisher.publish([envelope(f"m{number}") for number in range(20)], timeout_s=10) == [None] * 20
    rabbitmq_server.ctl(limit, alarming)
    try:
        (unknown,) = try_to_publish(publisher, [envelope("during")], timeout_s=1.5)
        assert isinstance(unknown, BrokerUnavailable)
        begin = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="blocks publishers"):
            publisher.publish([envelope("during")], timeout_s=0.5)
        assert time.monotonic() - begin < 2
        with pytest.raises(BrokerUnavailable, match="blocks publishers"):
            broker.check()
        assert len(take_until(consumer, 12)) >= 12  # four times the prefetch: the acks reach the server
    finally:
        rabbitmq_server.ctl(limit, usual)
    assert publisher.publish([envelope("after")], timeout_s=10) == [None]
    assert "after" in ids(list(drain(consumer)))


def test_a_connection_that_stays_blocked_is_given_up(brokers: Brokers, rabbitmq_server: RabbitMqServer) -> None:
    with FaultProxy.before(rabbitmq_server.url) as proxy:
        broker = brokers.open(proxy.through(rabbitmq_server.url), blocked_timeout_s=1)
        publisher = broker.publisher()
        assert publisher.publish([envelope("before")], timeout_s=10) == [None]
        accepted = proxy.accepted
        rabbitmq_server.ctl("set_vm_memory_high_watermark", "0.0001")
        try:
            try_to_publish(publisher, [envelope("during")], timeout_s=3.0)
            assert comes_true(lambda: proxy.accepted > accepted, within_s=5)
        finally:
            rabbitmq_server.ctl("set_vm_memory_high_watermark", "0.4")
        assert eventually_publishes(publisher.publish, envelope("after"))


def test_who_asks_for_a_broker_that_is_away_hears_so_at_once(brokers: Brokers, rabbitmq_server: RabbitMqServer) -> None:
    with FaultProxy.before(rabbitmq_server.url) as proxy:
        proxy.refuse(True)
        broker = brokers.open(proxy.through(rabbitmq_server.url))
        with pytest.raises(BrokerUnavailable):
            broker.check()
        for errand in (broker.check, lambda: broker.withdraw(human("REFUND"), "m")):
            started = time.monotonic()
            with pytest.raises(BrokerUnavailable):
                errand()
            assert time.monotonic() - started < 0.5
        broker.close()


def test_a_check_does_not_wait_long_for_a_server_that_says_nothing(
    brokers: Brokers, rabbitmq_server: RabbitMqServer
) -> None:
    with FaultProxy.before(rabbitmq_server.url) as proxy:
        broker = brokers.open(proxy.through(rabbitmq_server.url))
        broker.check()
        proxy.set(Fault.BLACKHOLE)
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            broker.check()
        assert time.monotonic() - started < 2.5
        broker.close()


def test_a_link_that_swallows_everything_is_noticed_within_three_heartbeats(
    brokers: Brokers, rabbitmq_server: RabbitMqServer
) -> None:
    with FaultProxy.before(rabbitmq_server.url) as proxy:
        broker = brokers.open(proxy.through(rabbitmq_server.url), heartbeat_s=2, confirm_timeout_s=1.0)
        consumer = broker.consumer(LANES, prefetch=5)
        publish(broker, [envelope("m")])
        (delivery,) = receive(consumer, 1)
        accepted = proxy.accepted
        proxy.set(Fault.BLACKHOLE)
        assert comes_true(lambda: proxy.accepted > accepted, within_s=6)
        assert delivery.ack() is False
        proxy.heal()
        assert ids(receive(consumer, 1)) == ["m"]


def test_a_quorum_queue_without_a_leader_confirms_nothing_and_gets_it_again_once_it_has_one(
    brokers: Brokers, rabbitmq_server: RabbitMqServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpdesk.adapters.broker_rabbitmq.topology.FIRST_QUORUM_VERSION", 3)
    broker = brokers.open()
    publisher = broker.publisher()
    assert publisher.publish([envelope("before")], timeout_s=10) == [None]
    lane = brokers.topology.queue(NORMAL)
    replica = (
        f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{lane}">>)), {{Name, _}} = '
        "amqqueue:get_pid(Q), ra:{}_server(quorum_queues, {Name, node()})."
    )
    rabbitmq_server.ctl("eval", replica.replace("{}", "stop"))
    begin = time.monotonic()
    unknown, routed = publisher.publish([envelope("during"), envelope("other", REFUND)], timeout_s=1.5)
    assert isinstance(unknown, PublishUnconfirmed)
    assert routed is None, "another queue was held up"
    assert time.monotonic() - begin < 3
    rabbitmq_server.ctl("eval", replica.replace("{}", "restart"))
    assert eventually_publishes(publisher.publish, envelope("during"))
    arrived = ids(list(drain(broker.consumer(LANES, prefetch=9))))
    assert set(arrived) == {"before", "during"}


def comes_true(condition: Callable[[], bool], *, within_s: float) -> bool:
    limit = time.monotonic() + within_s
    while time.monotonic() < limit:
        if condition():
            return True
        time.sleep(0.05)
    return False


def take_until(consumer: Consumer, count: int) -> list[str]:
    """Receive and acknowledge at least ``count`` messages, within the time that reconnecting may take."""
    taken: list[str] = []
    limit = time.monotonic() + 10
    while len(taken) < count:
        assert time.monotonic() < limit, f"only {len(taken)} of {count} messages came"
        taken += take(consumer)
    return taken


def take(consumer: Consumer) -> list[str]:
    """Receive and acknowledge what is there."""
    deliveries = consumer.receive(50, wait_s=0.2)
    for delivery in deliveries:
        delivery.ack()
    return ids(deliveries)


def try_to_publish(
    publisher: Publisher, envelopes: Sequence[Envelope], *, timeout_s: float
) -> list[BrokerUnavailable | None]:
    """Publish; what is raised counts for every envelope."""
    try:
        return publisher.publish(envelopes, timeout_s=timeout_s)
    except BrokerUnavailable as error:
        return [error] * len(envelopes)
