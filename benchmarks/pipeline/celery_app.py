"""The job on Celery: late acknowledgement, confirmed and persistent publishing, no result, a large prefetch.

Its guide on optimising asks for a prefetch of 64 or more where tasks are short, and offers threads where they wait.
"""

import os

from celery import Celery
from celery.signals import worker_ready

from benchmarks.pipeline.job import decide_ticket
from benchmarks.pipeline.producing import THREADS, in_threads, serve

QUEUE = "benchmark.celery"

app = Celery("benchmark", broker=os.environ["RABBITMQ_URL"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_pool_limit=THREADS,
    broker_transport_options={"confirm_publish": True},
    task_acks_late=True,
    task_default_delivery_mode="persistent",
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    worker_enable_remote_control=False,
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH_MULTIPLIER", "8")),
    worker_redirect_stdouts=False,
)
decide = app.task(decide_ticket, name="decide")


@worker_ready.connect  # type: ignore[untyped-decorator]
def say_ready(**_: object) -> None:
    """Tell the benchmark that messages are consumed from now on."""
    print("ready", flush=True)


if __name__ == "__main__":
    serve(in_threads(decide.delay))
