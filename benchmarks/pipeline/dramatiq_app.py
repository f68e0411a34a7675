"""The job on dramatiq: durable queues, persistent messages and late acks are its defaults; confirms are not."""

import os

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from benchmarks.pipeline.job import decide_ticket
from benchmarks.pipeline.producing import in_threads, serve

QUEUE = "benchmark.dramatiq"

broker = RabbitmqBroker(url=os.environ["RABBITMQ_URL"], confirm_delivery=True)
dramatiq.set_broker(broker)
decide = dramatiq.actor(decide_ticket, actor_name="decide", queue_name=QUEUE)

if __name__ == "__main__":
    serve(in_threads(decide.send))
