"""Faults of the broker and of the way to it, under load: intake goes on, and nothing is lost or doubled."""

import time
from collections.abc import Callable

import pika
import pytest

from tests.chaos.conftest import StartSystem
from tests.chaos.trial import for_a_while, settle, survive
from tests.fault_proxy import Fault, FaultProxy
from tests.rabbitmq import plain_channel
from tests.servers import RabbitMqServer

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(150)]


@pytest.mark.parametrize(
    ("fault", "lasting_s"),
    [
        ("killed", 1),
        pytest.param("stopped", 5, marks=pytest.mark.chaos),
        pytest.param("frozen", 12, marks=pytest.mark.chaos),
    ],
)
def test_a_broker_that_fails_and_comes_back(
    fault: str, lasting_s: float, start_system: StartSystem, rabbitmq_server: RabbitMqServer
) -> None:
    server = rabbitmq_server
    system = start_system("servers", rabbitmq_url=server.url)
    begin, end = {
        "killed": (server.kill, server.ensure_running),
        "stopped": (server.stop, server.ensure_running),
        "frozen": (server.freeze, server.thaw),
    }[fault]
    survive(system, f"broker: {fault} for {lasting_s} s", for_a_while(begin, end, lasting_s=lasting_s))


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("limit", "alarming", "usual"),
    [("set_vm_memory_high_watermark", "0.0001", "0.4"), ("set_disk_free_limit", "9000GB", "50MB")],
    ids=["memory", "disk"],
)
def test_an_alarm_of_the_broker_lets_the_outbox_grow_and_shrink_again(
    limit: str, alarming: str, usual: str, start_system: StartSystem, rabbitmq_server: RabbitMqServer
) -> None:
    system = start_system("servers", rabbitmq_url=rabbitmq_server.url)

    def alarm() -> None:
        rabbitmq_server.ctl(limit, alarming)  # the disk is looked at every few seconds only
        try:
            system.wait_until(lambda: system.outbox_depth() > 30, limit_s=20, what="a growing outbox")
        finally:
            rabbitmq_server.ctl(limit, usual)

    survive(system, f"broker: alarm, {limit}", alarm, total=240)


@pytest.mark.parametrize(
    "fault",
    [
        "deaf, then cut",
        pytest.param("mute, then cut", marks=pytest.mark.chaos),
        pytest.param("blackhole", marks=pytest.mark.chaos),
        pytest.param("cut again and again", marks=pytest.mark.chaos),
        pytest.param("delayed by 150 ms", marks=pytest.mark.chaos),
        pytest.param("refused", marks=pytest.mark.chaos),
    ],
)
def test_a_connection_to_the_broker_that_fails(fault: str, start_system: StartSystem, rabbitmq_url: str) -> None:
    with FaultProxy.before(rabbitmq_url) as proxy:
        system = start_system("servers", rabbitmq_url=proxy.through(rabbitmq_url))

        def cut_often() -> None:
            for _ in range(10):
                proxy.reset()
                time.sleep(0.4)

        def refuse() -> None:
            proxy.refuse(True)
            proxy.reset()

        begin: Callable[[], object] = {
            "deaf, then cut": lambda: proxy.set(Fault.DEAF),
            "mute, then cut": lambda: proxy.set(Fault.MUTE),
            "blackhole": lambda: proxy.set(Fault.BLACKHOLE),
            "cut again and again": cut_often,
            "delayed by 150 ms": lambda: proxy.delay(0.15),
            "refused": refuse,
        }[fault]
        survive(system, f"connection: {fault}", for_a_while(begin, proxy.heal, lasting_s=4))
        system.close()


def test_everything_that_starts_before_the_broker_waits_for_it(start_system: StartSystem, rabbitmq_url: str) -> None:
    with FaultProxy.before(rabbitmq_url) as proxy:
        proxy.refuse(True)
        begin = time.monotonic()
        system = start_system("servers", rabbitmq_url=proxy.through(rabbitmq_url))
        accepted = system.post_all(40, per_s=20)
        with system.client() as client:
            ready = client.get("/ready").json()
        assert (ready["status"], ready["outbox_depth"]) == ("degraded", 40)
        assert ready["outbox_oldest_age_s"] > 0
        assert proxy.accepted < 10 * (time.monotonic() - begin), "somebody tries in a tight loop"
        proxy.heal()
        counts = settle(system, "broker not there at the start", accepted)
        assert counts.sound, counts
        assert system.restarts == 0, "somebody crashed for want of the broker"
        system.close()


@pytest.mark.chaos
@pytest.mark.parametrize("what", ["in.normal", "human.GENERAL", "retry.normal.due", "exchange"])
def test_what_is_deleted_is_declared_again_and_lost_messages_are_found_by_the_watchdog(
    what: str, start_system: StartSystem, rabbitmq_url: str
) -> None:
    patience = {"HELPDESK_PROCESSOR__STUCK_AFTER_S": "10"}
    if what == "human.GENERAL":
        patience["HELPDESK_PROCESSOR__REOFFER_AFTER_S"] = "10"
    system = start_system("servers", extra=patience)
    exchange = f"tickets.v{system.settings.broker.topology_version}"

    def delete() -> None:
        system.mood_file.write_text("500")  # so that there are messages on the retry ladder
        time.sleep(1.5)
        with plain_channel(rabbitmq_url) as channel:
            if what == "exchange":
                channel.exchange_delete(exchange)
            else:
                channel.queue_delete(f"{exchange}.{what}")
        system.mood_file.write_text("ok")

    survive(system, f"{what} is deleted", delete)


def test_a_queue_with_other_arguments_is_said_loudly_and_loses_nothing(
    start_system: StartSystem, rabbitmq_url: str
) -> None:
    system = start_system("servers", rabbitmq_url=rabbitmq_url, held_down=("relay", "worker-0", "worker-1"))
    lane = f"tickets.v{system.settings.broker.topology_version}.in.normal"
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    channel.queue_declare(lane, durable=True, arguments={"x-max-length": 7})
    system.let_up("relay")
    accepted = system.post_all(20, per_s=20)
    system.wait_until(lambda: lane in system.log("relay"), limit_s=20, what="the error that names the queue")
    channel.queue_delete(lane)
    connection.close()
    system.let_up("worker-0")
    counts = settle(system, "a lane exists with other arguments", accepted)
    assert counts.sound, counts
    assert "x-max-length" in system.log("relay")


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("old", "new"), [("://", "://nobody-"), ("/%2F", "/no-such-vhost")], ids=["user", "virtual host"]
)
def test_wrong_credentials_keep_everything_in_the_outbox(
    old: str, new: str, start_system: StartSystem, rabbitmq_url: str
) -> None:
    system = start_system("servers", rabbitmq_url=rabbitmq_url.replace(old, new, 1), held_down=("worker-0", "worker-1"))
    accepted = system.post_all(20, per_s=20)
    time.sleep(3)
    assert system.outbox_depth() == len(accepted) == 20
    assert 0 < system.log("relay").count("relay waits") < 10
