"""The job on FastStream: a durable queue, persistent messages, confirms, acknowledgement once the handler has returned.

The handler is a plain function, which FastStream runs in threads; as many run at a time as are prefetched.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

import uvloop
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from benchmarks.pipeline.job import decide_ticket
from benchmarks.pipeline.producing import serve

QUEUE = RabbitQueue("benchmark.faststream", durable=True)
PREFETCH = 8
IN_FLIGHT = 256


def _broker() -> RabbitBroker:
    channel = Channel(prefetch_count=PREFETCH, publisher_confirms=True)
    return RabbitBroker(os.environ["RABBITMQ_URL"], default_channel=channel, logger=None)


def work() -> None:
    """Consume until told to stop."""
    broker = _broker()
    broker.subscriber(QUEUE, ack_policy=AckPolicy.NACK_ON_ERROR)(decide_ticket)
    app = FastStream(broker, logger=None)
    app.after_startup(lambda: print("ready", flush=True))
    uvloop.run(app.run())


def produce() -> None:
    """Publish many at a time from one event loop, each awaiting its confirm."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        broker = _broker()
        runner.run(broker.connect())
        runner.run(broker.declare_queue(QUEUE))
        room = asyncio.Semaphore(IN_FLIGHT)

        async def publish(ticket_id: str) -> None:
            async with room:
                await broker.publish(ticket_id, QUEUE, persist=True)

        async def publish_all(ticket_ids: Sequence[str]) -> None:
            await asyncio.gather(*(publish(ticket_id) for ticket_id in ticket_ids))

        serve(lambda ticket_ids: runner.run(publish_all(ticket_ids)))


if __name__ == "__main__":
    work() if sys.argv[1:] == ["work"] else produce()
