"""The job as many first attempts have it: a connection for every publish, and a consumer that takes one at a time."""

import os
import sys

import pika
from pika.adapters.blocking_connection import BlockingChannel

from benchmarks.pipeline.job import decide_ticket
from benchmarks.pipeline.producing import in_threads, serve

QUEUE = "benchmark.naive"
PERSISTENT = pika.BasicProperties(delivery_mode=2)


def _connect() -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))


def publish(ticket_id: str) -> None:
    """Connect, publish, hang up."""
    connection = _connect()
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True)
    channel.basic_publish("", QUEUE, ticket_id.encode(), PERSISTENT)
    connection.close()


def _handle(
    channel: BlockingChannel, method: pika.spec.Basic.Deliver, _properties: pika.BasicProperties, body: bytes
) -> None:
    decide_ticket(body.decode())
    channel.basic_ack(method.delivery_tag)


def work() -> None:
    """Consume until told to stop."""
    channel = _connect().channel()
    channel.queue_declare(QUEUE, durable=True)
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(QUEUE, _handle)
    print("ready", flush=True)
    channel.start_consuming()


if __name__ == "__main__":
    work() if sys.argv[1:] == ["work"] else serve(in_threads(publish))
