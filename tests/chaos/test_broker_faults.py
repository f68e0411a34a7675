"""Faults of the broker and of the way to it, under load: intake goes on, and nothing is lost or doubled."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pika
import pytest

from tests.chaos.checker import show
from tests.chaos.conftest import StartSystem
from tests.chaos.system import System
from tests.fault_proxy import Fault, FaultProxy
from tests.servers import RabbitMqServer

FAULT_S = 5.0

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(150)]


@contextmanager
def disturbed(begin: Callable[[], object], end: Callable[[], object]) -> Iterator[None]:
    """Begin a fault one second into the load, and end it ``FAULT_S`` later."""

    def disturb() -> None:
        time.sleep(1.0)
        begin()
        time.sleep(FAULT_S)
        end()

    thread = threading.Thread(target=disturb)
    thread.start()
    yield
    thread.join()


def nothing() -> None:
    """The fault is over by itself."""


def check(system: System, title: str, begin: Callable[[], object], end: Callable[[], object] = nothing) -> None:
    with disturbed(begin, end):
        accepted = system.post_all(90, per_s=15)
    system.wait_until_decided(limit_s=60)
    counts = system.counts(accepted, attempted=90)
    show(title, counts)
    assert counts.sound, (counts, system.log("relay")[-2000:])


@pytest.mark.parametrize(
    "fault",
    [
        "killed",
        pytest.param("stopped", marks=pytest.mark.chaos),
        pytest.param("frozen", marks=pytest.mark.chaos),
        pytest.param("memory alarm", marks=pytest.mark.chaos),
    ],
)
def test_a_broker_that_fails_and_comes_back(
    fault: str, start_system: StartSystem, rabbitmq_server: RabbitMqServer
) -> None:
    server = rabbitmq_server
    system = start_system("servers", rabbitmq_url=server.url)
    begin, end = {
        "killed": (server.kill, server.ensure_running),
        "stopped": (server.stop, server.ensure_running),
        "frozen": (server.freeze, server.thaw),
        "memory alarm": (
            lambda: server.ctl("set_vm_memory_high_watermark", "0.0001"),
            lambda: server.ctl("set_vm_memory_high_watermark", "0.4"),
        ),
    }[fault]
    check(system, f"broker: {fault} for {FAULT_S:.0f} s", begin, end)


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

        def passing_again() -> None:
            proxy.set(Fault.PASS)
            proxy.delay(0)
            proxy.refuse(False)
            proxy.reset()

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
        check(system, f"connection: {fault}", begin, passing_again)
        system.close()


@pytest.mark.chaos
def test_a_lane_that_is_deleted_is_declared_again_and_its_tickets_are_found_by_the_watchdog(
    start_system: StartSystem, rabbitmq_server: RabbitMqServer
) -> None:
    system = start_system("servers", rabbitmq_url=rabbitmq_server.url, watchdog=True)
    version = system.settings.broker.topology_version
    lane = f"tickets.v{version}.in.normal"
    check(system, "the normal lane is deleted", lambda: rabbitmq_server.ctl("delete_queue", lane))


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
    system.wait_until_decided(limit_s=60)
    counts = system.counts(accepted, attempted=20)
    show("a lane exists with other arguments", counts)
    assert counts.sound, counts
    assert "x-max-length" in system.log("relay")


@pytest.mark.chaos
def test_a_wrong_password_keeps_everything_in_the_outbox(start_system: StartSystem, rabbitmq_url: str) -> None:
    wrong = rabbitmq_url.replace("helpdesk:", "helpdesk:not-", 1)
    system = start_system("servers", rabbitmq_url=wrong)
    accepted = system.post_all(20, per_s=20)
    time.sleep(3)
    with system.store.reading() as tx:
        assert tx.outbox_depth()[0] == len(accepted) == 20
    assert system.log("relay").count("relay waits") < 10
