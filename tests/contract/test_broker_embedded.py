"""The embedded queue keeps the broker contract, and what only a queue in a shared file must do."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from helpdesk.adapters.broker_embedded import EmbeddedBroker
from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable
from helpdesk.ports.broker import LANES, Broker
from helpdesk.settings import BrokerSettings
from tests.contract import broker_process
from tests.contract.broker_contract import BrokerContract, MakeBroker
from tests.contract.broker_steps import (
    NORMAL,
    drain,
    envelope,
    eventually_publishes,
    ids,
    publish,
    receive,
)

LEASE_S = 1.5


class TestEmbeddedBroker(BrokerContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "helpdesk.db"

    @pytest.fixture
    def make_broker(self, path: Path) -> Iterator[MakeBroker]:
        opened: list[Broker] = []

        def make(**settings: object) -> Broker:
            opened.append(EmbeddedBroker(path, BrokerSettings(**{"lease_s": LEASE_S, **settings})))
            return opened[-1]

        yield make
        for broker in opened:
            broker.close()

    @pytest.fixture
    def start_process(self, path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
        with ended_processes() as processes:

            def start(destination: str) -> subprocess.Popen[str]:
                processes.append(broker_process.start("embedded", str(path), destination, lease_s=LEASE_S))
                return processes[-1]

            yield start

    @pytest.fixture
    def stalled(self, path: Path) -> Callable[[], AbstractContextManager[None]]:
        return lambda: locked(path)

    def test_a_locked_file_stops_receiving_and_lets_it_go_on_afterwards(self, broker: Broker, path: Path) -> None:
        publish(broker, [envelope("m")])
        consumer = broker.consumer(LANES, prefetch=1)
        with locked(path):
            assert consumer.receive(1, wait_s=0.3) == []
            with pytest.raises(BrokerUnavailable, match="locked"):
                broker.check()
        assert ids(receive(consumer, 1)) == ["m"]
        broker.check()

    def test_an_ack_that_meets_a_locked_file_is_written_afterwards(self, make_broker: MakeBroker, path: Path) -> None:
        broker = make_broker(lease_s=20)
        publish(broker, [envelope("m")])
        (delivery,) = receive(broker.consumer(LANES, prefetch=1), 1)
        with locked(path):
            assert delivery.ack() is True
            time.sleep(0.8)
        broker.close()
        assert count_rows(path) == 0

    def test_a_lease_is_renewed_while_the_work_lasts(self, broker: Broker, make_broker: MakeBroker) -> None:
        publish(broker, [envelope("long")])
        (delivery,) = receive(broker.consumer(LANES, prefetch=1), 1)
        assert make_broker().consumer(LANES, prefetch=1).receive(1, wait_s=2 * LEASE_S) == []
        assert delivery.ack() is True

    def test_the_ack_of_a_consumer_that_was_frozen_beyond_its_lease_does_nothing(
        self, broker: Broker, start_process: Callable[[str], subprocess.Popen[str]], path: Path
    ) -> None:
        publish(broker, [envelope("m")])
        zombie = start_process(NORMAL)
        assert zombie.stdout is not None
        assert zombie.stdin is not None
        assert zombie.stdout.readline() == "m\n"
        os.kill(zombie.pid, signal.SIGSTOP)
        (delivery,) = receive(broker.consumer(LANES, prefetch=1), 1)
        os.kill(zombie.pid, signal.SIGCONT)
        zombie.stdin.write("ack\n")
        zombie.stdin.flush()
        assert zombie.stdout.readline() == "False\n"
        assert count_rows(path) == 1
        assert delivery.ack() is True

    def test_leases_and_delays_from_before_a_reboot_end(self, broker: Broker, path: Path) -> None:
        publish(broker, [envelope("leased"), envelope("delayed")])
        far = time.monotonic() + 10**6  # the monotonic clock starts anew with the machine
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE queue_messages SET state = message_id, due_at = ?, token = 'old'", (far,))
        connection.close()
        assert ids(receive(broker.consumer(LANES, prefetch=5), 2)) == ["leased", "delayed"]

    def test_processes_share_the_file_and_a_killed_publisher_loses_nothing_it_confirmed(
        self, broker: Broker, path: Path
    ) -> None:
        script = textwrap.dedent(
            f"""
            from pathlib import Path
            from helpdesk.adapters.broker_embedded import EmbeddedBroker
            from helpdesk.ports.broker import Envelope
            from helpdesk.settings import BrokerSettings
            publisher = EmbeddedBroker(Path({str(path)!r}), BrokerSettings()).publisher()
            for number in range(10**6):
                batch = [Envelope(message_id=f"{{number}}-{{i}}", destination="in.normal", body=b"x") for i in range(4)]
                assert publisher.publish(batch, timeout_s=20) == [None] * 4
                print(number, flush=True)
            """
        )
        with ended_processes() as processes:
            for _ in range(2):
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-c", script],
                        stdout=subprocess.PIPE,
                        text=True,
                        cwd=Path(__file__).parents[2],
                    )
                )
            confirmed = []
            for process in processes:
                assert process.stdout is not None
                confirmed.append([process.stdout.readline() for _ in range(20)])
                os.kill(process.pid, signal.SIGKILL)
        arrived = ids(list(drain(broker.consumer(LANES, prefetch=50))))
        for numbers in confirmed:
            assert {f"{int(number)}-{i}" for number in numbers for i in range(4)} <= set(arrived)
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()

    def test_a_full_disk_is_reported_and_nothing_is_half_written(self, path: Path) -> None:
        script = textwrap.dedent(
            f"""
            import resource, signal
            from pathlib import Path
            from helpdesk.adapters.broker_embedded import EmbeddedBroker
            from helpdesk.errors import BrokerUnavailable
            from helpdesk.ports.broker import LANES, Envelope
            from helpdesk.settings import BrokerSettings
            broker = EmbeddedBroker(Path({str(path)!r}), BrokerSettings())
            broker.declare()
            publisher = broker.publisher()
            def publish(name, size):
                message = Envelope(message_id=name, destination="in.normal", body=bytes(size))
                return publisher.publish([message], timeout_s=5)
            assert publish("before", 10) == [None]
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
            try:
                publish("too much", 500_000)
            except BrokerUnavailable as error:
                print(error)
            (delivery,) = broker.consumer(LANES, prefetch=1).receive(1, wait_s=5)
            assert delivery.envelope.message_id == "before" and delivery.ack()
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert publish("after", 500_000) == [None]
            broker.close()
            """
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[2]
        )
        assert done.returncode == 0, done.stderr
        assert "not available" in done.stdout
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT message_id FROM queue_messages").fetchall() == [("after",)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()

    def test_a_file_that_is_no_database_is_a_misconfiguration(self, tmp_path: Path) -> None:
        wrong = tmp_path / "wrong.db"
        wrong.write_text("this is not a database, and long enough to be looked at " * 20)
        broker = EmbeddedBroker(wrong, BrokerSettings())
        with pytest.raises(BrokerMisconfigured, match=r"wrong\.db"):
            broker.declare()
        broker.close()

    def test_it_lives_in_one_file_with_other_tables(self, path: Path, make_broker: MakeBroker) -> None:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE tickets (id TEXT)")
        connection.commit()
        broker = make_broker()
        publish(broker, [envelope("m")])
        connection.execute("INSERT INTO tickets VALUES ('t')")
        connection.commit()
        connection.close()
        assert eventually_publishes(broker.publisher().publish, envelope("m2"))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock of the file, as another process might."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


def count_rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    ((count,),) = connection.execute("SELECT count(*) FROM queue_messages").fetchall()
    connection.close()
    return int(count)


@contextmanager
def ended_processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Yield a list; kill what was put into it."""
    processes: list[subprocess.Popen[str]] = []
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()
