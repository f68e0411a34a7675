"""A consumer in a process of its own, for tests that stop, freeze and kill it.

It takes one message, prints its id, waits for a line on standard input, acknowledges, and prints what that returned.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from helpdesk.ports.broker import Broker
from helpdesk.settings import BrokerSettings


def start(adapter: str, location: str, destination: str, **settings: Any) -> subprocess.Popen[str]:
    """Start the process; the caller ends it."""
    arguments = json.dumps([adapter, location, destination, settings])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.broker_process", arguments],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def open_broker(adapter: str, location: str, settings: BrokerSettings) -> Broker:
    if adapter == "rabbitmq":
        from helpdesk.adapters.broker_rabbitmq import RabbitMqBroker

        return RabbitMqBroker(location, settings)
    from helpdesk.adapters.broker_embedded import EmbeddedBroker

    return EmbeddedBroker(Path(location), settings)


def main(adapter: str, location: str, destination: str, settings: dict[str, Any]) -> None:
    broker = open_broker(adapter, location, BrokerSettings(**settings))
    consumer = broker.consumer([destination], prefetch=1)
    (delivery,) = consumer.receive(1, wait_s=40)
    print(delivery.envelope.message_id, flush=True)  # noqa: T201 - the test reads it
    sys.stdin.readline()
    print(delivery.ack(), flush=True)  # noqa: T201
    broker.close()


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
