"""The RabbitMQ adapter keeps the broker contract, and what concerns messages and queues of AMQP."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pika
import pytest

from helpdesk.adapters.broker_rabbitmq.consumer import RabbitMqConsumer
from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable
from helpdesk.ports.broker import DEAD, LANES, Broker
from helpdesk.tickets import HUMAN_QUEUES, Priority
from tests.contract import broker_process
from tests.contract.broker_contract import BrokerContract, MakeBroker
from tests.contract.broker_steps import (
    HIGH,
    NORMAL,
    REFUND,
    collect,
    drain,
    envelope,
    eventually_publishes,
    ids,
    publish,
    receive,
)
from tests.contract.test_broker_embedded import ended_processes
from tests.fault_proxy import Fault, FaultProxy
from tests.rabbitmq import Brokers, plain_channel

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def brokers(rabbitmq_url: str) -> Iterator[Brokers]:
    with Brokers(rabbitmq_url) as brokers:
        yield brokers


@pytest.fixture
def proxy(rabbitmq_url: str) -> Iterator[FaultProxy]:
    with FaultProxy.before(rabbitmq_url) as proxy:
        yield proxy


class TestRabbitMqBroker(BrokerContract):
    lane_overshoot = 5  # a quorum queue tells its publishers that it is full only afterwards

    @pytest.fixture
    def make_broker(self, brokers: Brokers) -> MakeBroker:
        return brokers.open

    @pytest.fixture
    def broker(self, brokers: Brokers, proxy: FaultProxy, rabbitmq_url: str) -> Broker:
        broker = brokers.open(proxy.through(rabbitmq_url))
        broker.declare()
        return broker

    @pytest.fixture
    def start_process(self, brokers: Brokers, rabbitmq_url: str) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
        with ended_processes() as processes:

            def start(destination: str) -> subprocess.Popen[str]:
                settings = brokers.settings().model_dump()
                processes.append(broker_process.start("rabbitmq", rabbitmq_url, destination, **settings))
                return processes[-1]

            yield start

    @pytest.fixture
    def stalled(self, proxy: FaultProxy) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def muted() -> Iterator[None]:
            proxy.set(Fault.MUTE)
            yield
            proxy.heal()

        return muted

    def test_a_lost_confirm_leads_to_a_duplicate_with_the_same_id(self, broker: Broker, proxy: FaultProxy) -> None:
        publisher = broker.publisher()
        assert publisher.publish([envelope("before")], timeout_s=5) == [None]
        proxy.set(Fault.DEAF)
        (result,) = publisher.publish([envelope("twice")], timeout_s=1.0)
        assert isinstance(result, BrokerUnavailable)
        proxy.heal()
        assert eventually_publishes(publisher.publish, envelope("twice"))
        assert sorted(ids(list(drain(broker.consumer(LANES, prefetch=9))))) == ["before", "twice", "twice"]

    def test_settling_after_the_connection_was_cut_does_nothing_and_another_consumer_gets_the_message(
        self, broker: Broker, make_broker: MakeBroker, proxy: FaultProxy
    ) -> None:
        publish(broker, [envelope(name) for name in ("acked", "retried", "dead")])
        consumer = broker.consumer(LANES, prefetch=5)
        acked, retried, dead = receive(consumer, 3)
        other = make_broker().consumer(LANES, prefetch=5)
        assert other.receive(5, wait_s=0.3) == []
        proxy.reset()
        again = receive(other, 3) + consumer.receive(5, wait_s=0.5)
        assert sorted(ids(again)) == ["acked", "dead", "retried"]
        assert (acked.ack(), retried.retry(1), dead.dead_letter("no")) == (False, False, False)
        depths = broker.depths()
        assert (depths["retry"], depths[DEAD]) == (0, 0)

    def test_lost_acks_bring_the_messages_again(self, broker: Broker, proxy: FaultProxy) -> None:
        publish(broker, [envelope("m")])
        consumer = broker.consumer(LANES, prefetch=5)
        (delivery,) = receive(consumer, 1)
        proxy.set(Fault.MUTE)
        assert delivery.ack() is True  # it went out, as far as anybody can know
        time.sleep(0.2)
        proxy.heal()
        assert ids(receive(consumer, 1)) == ["m"]

    def test_a_slow_link_is_filled_by_pipelining(self, broker: Broker, proxy: FaultProxy) -> None:
        publisher = broker.publisher()
        assert publisher.publish([envelope("first")], timeout_s=5) == [None]
        proxy.delay(0.15)
        begin = time.monotonic()
        assert publisher.publish([envelope(f"m{number}") for number in range(500)], timeout_s=5) == [None] * 500
        assert time.monotonic() - begin < 4  # one by one it would be 150 s

    def test_a_queue_that_is_deleted_comes_back_for_publishers_and_consumers(
        self, broker: Broker, brokers: Brokers, rabbitmq_url: str
    ) -> None:
        publisher, consumer = broker.publisher(), broker.consumer(LANES, prefetch=5)
        assert publisher.publish([envelope("before")], timeout_s=5) == [None]
        assert [delivery.ack() for delivery in receive(consumer, 1)] == [True]
        with plain_channel(rabbitmq_url) as channel:
            channel.queue_delete(brokers.topology.queue(NORMAL))
            channel.queue_delete(brokers.topology.queue(REFUND))
        batch = [envelope(f"m{number}") for number in range(20)] + [envelope("r", REFUND)]
        assert publisher.publish(batch, timeout_s=10) == [None] * 21
        assert len(collect(consumer, 20, within_s=30)) == 20
        assert broker.depths()[REFUND] == 1

    @pytest.mark.parametrize("gone", ["dead", "retry.normal.1s"])
    def test_a_missing_target_of_dead_letters_or_retries_loses_nothing(
        self, broker: Broker, brokers: Brokers, rabbitmq_url: str, gone: str
    ) -> None:
        publish(broker, [envelope("m")])
        consumer = broker.consumer(LANES, prefetch=1)
        (delivery,) = receive(consumer, 1)
        with plain_channel(rabbitmq_url) as channel:
            channel.queue_delete(brokers.topology.queue(gone))
        if gone == DEAD:
            assert delivery.dead_letter("no") is True
            assert ids(receive(broker.consumer([DEAD], prefetch=1), 1)) == ["m"]
        else:
            assert delivery.retry(1) is True
            assert ids(receive(consumer, 1)) == ["m"]

    def test_messages_that_are_sent_again_after_a_deletion_keep_their_order(
        self, broker: Broker, brokers: Brokers, rabbitmq_url: str
    ) -> None:
        publisher = broker.publisher()
        assert publisher.publish([envelope("before", REFUND)], timeout_s=5) == [None]
        with plain_channel(rabbitmq_url) as channel:
            channel.queue_delete(brokers.topology.queue(REFUND))
        names = [f"m{number}" for number in range(20)]
        assert publisher.publish([envelope(name, REFUND) for name in names], timeout_s=10) == [None] * 20
        assert ids(receive(broker.consumer([REFUND], prefetch=50), 20)) == names

    def test_a_consumer_that_the_server_has_forgotten_comes_back(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("helpdesk.adapters.broker_rabbitmq.consumer.LOOK_S", 0.1)
        consumer = broker.consumer(LANES, prefetch=5)
        publish(broker, [envelope("before")])
        assert [delivery.ack() for delivery in receive(consumer, 1)] == [True]
        assert isinstance(consumer, RabbitMqConsumer)
        lane = consumer._lanes[LANES.index(NORMAL)]
        for tag in lane.consumer_tags:
            consumer._link.io.call(partial(lane.channel.basic_cancel, tag))
        publish(broker, [envelope("after")])
        assert ids(receive(consumer, 1)) == ["after"]

    def test_an_exchange_that_is_deleted_comes_back(self, broker: Broker, brokers: Brokers, rabbitmq_url: str) -> None:
        publisher = broker.publisher()
        assert publisher.publish([envelope("before")], timeout_s=5) == [None]
        with plain_channel(rabbitmq_url) as channel:
            channel.exchange_delete(brokers.topology.exchange)
        assert publisher.publish([envelope(f"m{number}") for number in range(20)], timeout_s=10) == [None] * 20
        arrived = ids(list(drain(broker.consumer(LANES, prefetch=50))))
        assert set(arrived) == {"before", *(f"m{number}" for number in range(20))}

    def test_a_lock_left_by_a_dead_searcher_does_not_outlive_its_connection(
        self, broker: Broker, brokers: Brokers, rabbitmq_url: str
    ) -> None:
        publish(broker, [envelope("m", REFUND)])
        with plain_channel(rabbitmq_url) as channel:
            channel.queue_declare(brokers.topology.lock(REFUND), exclusive=True)
            with pytest.raises(BrokerUnavailable, match=r"human\.REFUND"):
                brokers.open(confirm_timeout_s=0.5).withdraw(REFUND, "m")
        assert broker.withdraw(REFUND, "m") is True

    def test_a_message_of_a_stranger_without_an_id_goes_to_dead_with_the_reason(
        self, broker: Broker, brokers: Brokers, rabbitmq_url: str
    ) -> None:
        strange = [
            ("no message_id", pika.BasicProperties(headers={"x-death": [], "attempt": 1})),
            ("attempt is 'two'", pika.BasicProperties(message_id="b", headers={"attempt": "two"})),
            ("priority is 255", pika.BasicProperties(message_id="c", priority=255)),
        ]
        with plain_channel(rabbitmq_url) as channel:
            for _, properties in strange:
                channel.basic_publish(brokers.topology.exchange, NORMAL, b"\xff\x00not json", properties)
            channel.basic_publish("", brokers.topology.queue(NORMAL), b"fine", pika.BasicProperties(message_id="fine"))
        assert ids(receive(broker.consumer(LANES, prefetch=5), 1)) == ["fine"]
        dead = receive(broker.consumer([DEAD], prefetch=5), 3)
        # Not in their order: from 4 on, quorum queues put what has a priority above 4 first.
        assert {delivery.envelope.headers["reason"] for delivery in dead} == {reason for reason, _ in strange}
        assert all(delivery.envelope.headers["source"] == NORMAL for delivery in dead)
        assert all(delivery.envelope.message_id for delivery in dead)
        assert all(delivery.envelope.body == b"\xff\x00not json" for delivery in dead)

    def test_a_huge_message_of_a_stranger_can_be_dead_lettered(
        self, broker: Broker, brokers: Brokers, rabbitmq_url: str
    ) -> None:
        huge = bytes(15 * 2**20)  # from 4 on, the server itself refuses more than 16 MiB
        with plain_channel(rabbitmq_url) as channel:
            channel.basic_publish(brokers.topology.exchange, HIGH, huge, pika.BasicProperties(message_id="huge"))
        (delivery,) = receive(broker.consumer(LANES, prefetch=5), 1)
        assert delivery.dead_letter("too large") is True
        (dead,) = receive(broker.consumer([DEAD], prefetch=5), 1)
        assert dead.envelope.body == huge

    def test_messages_are_persistent_and_carry_their_priority_for_any_amqp_client(
        self, broker: Broker, brokers: Brokers, rabbitmq_url: str
    ) -> None:
        publish(broker, [envelope("urgent", REFUND, priority=Priority.HIGH, correlation_id="c"), envelope("m", REFUND)])
        with plain_channel(rabbitmq_url) as channel:
            queue = f"{brokers.topology.exchange}.human.REFUND"
            (_, urgent, body), (_, other, _) = (channel.basic_get(queue, auto_ack=True) for _ in range(2))
        assert (urgent.message_id, urgent.priority, urgent.delivery_mode, urgent.correlation_id) == (
            "urgent",
            9,
            2,
            "c",
        )
        assert {name: urgent.headers[name] for name in ("attempt", "correlation_id")} == {
            "attempt": 0,
            "correlation_id": "c",
        }
        assert (other.priority, body) == (0, b'{"n": 1}')

    def test_every_human_queue_exists_under_its_documented_name(
        self, broker: Broker, brokers: Brokers, rabbitmq_url: str
    ) -> None:
        with plain_channel(rabbitmq_url) as channel:
            for queue in HUMAN_QUEUES:
                channel.queue_declare(f"{brokers.topology.exchange}.human.{queue}", passive=True)

    @pytest.mark.parametrize("change", [{"x-max-length": 7}, {"x-queue-type": "classic", "x-message-ttl": 1000}])
    def test_a_queue_with_other_arguments_is_a_misconfiguration_that_names_queue_and_argument(
        self, brokers: Brokers, rabbitmq_url: str, change: dict[str, str | int]
    ) -> None:
        queue, argument = brokers.topology.queue(NORMAL), list(change)[-1]
        with plain_channel(rabbitmq_url) as channel:
            channel.queue_declare(queue, durable=True, arguments=change)
        broker = brokers.open()
        for attempt in (
            broker.declare,
            broker.check,
            lambda: broker.publisher().publish([envelope("m")], timeout_s=5),
            lambda: broker.consumer(LANES, prefetch=1).receive(1, wait_s=2),
        ):
            with pytest.raises(BrokerMisconfigured) as raised:
                attempt()
            assert queue in str(raised.value)
            assert argument in str(raised.value) or "x-queue-type" in str(raised.value)

    def test_a_misconfiguration_that_somebody_mends_needs_no_restart(self, brokers: Brokers, rabbitmq_url: str) -> None:
        queue = brokers.topology.queue(NORMAL)
        with plain_channel(rabbitmq_url) as channel:
            channel.queue_declare(queue, durable=True, arguments={"x-max-length": 7})
            broker = brokers.open()
            with pytest.raises(BrokerMisconfigured):
                broker.declare()
            channel.queue_delete(queue)
        assert eventually_publishes(broker.publisher().publish, envelope("m"))

    @pytest.mark.parametrize(
        ("old", "new"), [("://", "://nobody-"), ("/%2F", "/no-such-vhost")], ids=["user", "virtual host"]
    )
    def test_wrong_credentials_are_a_misconfiguration_without_a_tight_loop(
        self, brokers: Brokers, proxy: FaultProxy, rabbitmq_url: str, old: str, new: str
    ) -> None:
        broker = brokers.open(proxy.through(rabbitmq_url).replace(old, new, 1))
        with pytest.raises(BrokerMisconfigured):
            broker.declare()
        before = proxy.accepted
        time.sleep(1.5)
        assert proxy.accepted - before <= 1

    def test_a_url_that_is_none_is_a_misconfiguration(self, brokers: Brokers) -> None:
        with pytest.raises(BrokerMisconfigured, match="RABBITMQ_URL"):
            brokers.open("rabbit on this machine")

    def test_a_broker_that_cannot_be_reached_is_waited_for(
        self, brokers: Brokers, proxy: FaultProxy, rabbitmq_url: str
    ) -> None:
        proxy.refuse(True)
        broker = brokers.open(proxy.through(rabbitmq_url))
        publisher, consumer = broker.publisher(), broker.consumer(LANES, prefetch=5)
        assert consumer.receive(1, wait_s=0.2) == []
        with pytest.raises(BrokerUnavailable):
            publisher.publish([envelope("early")], timeout_s=0.5)
        assert proxy.accepted < 20
        proxy.heal()
        assert publisher.publish([envelope("m")], timeout_s=10) == [None]
        assert ids(receive(consumer, 1)) == ["m"]
