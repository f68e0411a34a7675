"""The systems that are compared: how each is started, and what it guarantees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PREFETCH = "64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantees:
    """What a system promises, in the words of the report."""

    publish: str
    between_commit_and_publish: str
    ack: str
    redelivery: str
    deadly_message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One row of the comparison.

    Attributes:
        worker: arguments of Python that start one worker; ``{number}`` tells several apart.
        ready: what a worker logs once it consumes.
        publisher: arguments of Python that start what publishes.
        has_outbox: what was accepted waits in the outbox; else the publisher must be told.
        environment: on top of the settings.
    """

    name: str
    setup: str
    worker: Sequence[str]
    ready: str
    publisher: Sequence[str]
    publisher_ready: str = "ready"
    has_outbox: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    guarantees: Guarantees


_HELPDESK = Guarantees(
    publish="confirmed, mandatory",
    between_commit_and_publish="outbox: a crash loses nothing",
    ack="after the commit",
    redelivery="recognised by the inbox",
    deadly_message="dead-lettered after 5 starts, a person gets the ticket",
)
_NO_OUTBOX = "a crash there leaves a silent ticket"
_BY_THE_JOB = "recognised by the job, from the ticket's status"


def _celery(pool: str, *, concurrency: int, multiplier: int, setup: str) -> System:
    options = ["--pool", pool, "--concurrency", str(concurrency), "--loglevel", "WARNING"]
    options += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--hostname", "worker{number}@%h"]
    return System(
        name=f"Celery, {pool}",
        setup=setup,
        worker=["-m", "celery", "-A", "benchmarks.pipeline.celery_app", "worker", *options],
        ready="ready",
        publisher=["-m", "benchmarks.pipeline.celery_app"],
        environment={"BENCH_PREFETCH_MULTIPLIER": str(multiplier)},
        guarantees=Guarantees(
            publish="confirmed",
            between_commit_and_publish=_NO_OUTBOX,
            ack="after the commit (acks_late)",
            redelivery=_BY_THE_JOB,
            deadly_message="redelivered for ever",
        ),
    )


SYSTEMS = (
    System(
        name="Helpdesk",
        setup="worker and relay as shipped: prefetch 64, up to 32 tickets predicted and recorded together",
        worker=["-m", "processor"],
        ready="worker consumes",
        publisher=["-m", "relay"],
        publisher_ready="relay and watchdog run",
        has_outbox=True,
        guarantees=_HELPDESK,
    ),
    System(
        name="Helpdesk, one by one",
        setup="the same with a batch size of 1: what is left when nothing is done together",
        worker=["-m", "processor"],
        ready="worker consumes",
        publisher=["-m", "relay"],
        publisher_ready="relay and watchdog run",
        has_outbox=True,
        environment={"HELPDESK_PROCESSOR__BATCH_SIZE": "1"},
        guarantees=_HELPDESK,
    ),
    _celery("threads", concurrency=8, multiplier=8, setup="8 threads, prefetch 64; 8 threads publish"),
    _celery("prefork", concurrency=1, multiplier=64, setup="1 child process, prefetch 64; 8 threads publish"),
    System(
        name="dramatiq",
        setup=f"1 process of 8 threads, prefetch {PREFETCH}; 8 threads publish",
        worker=["-m", "dramatiq", "benchmarks.pipeline.dramatiq_app", "--processes", "1", "--threads", "8"],
        ready="Worker process is ready for action",
        publisher=["-m", "benchmarks.pipeline.dramatiq_app"],
        environment={"dramatiq_queue_prefetch": PREFETCH},
        guarantees=Guarantees(
            publish="confirmed, mandatory (confirm_delivery)",
            between_commit_and_publish=_NO_OUTBOX,
            ack="after the commit",
            redelivery=_BY_THE_JOB,
            deadly_message="redelivered for ever",
        ),
    ),
    System(
        name="FastStream",
        setup="8 handlers at a time in threads, uvloop; 256 publishes in flight",
        worker=["-m", "benchmarks.pipeline.faststream_app", "work"],
        ready="ready",
        publisher=["-m", "benchmarks.pipeline.faststream_app"],
        guarantees=Guarantees(
            publish="confirmed, mandatory",
            between_commit_and_publish=_NO_OUTBOX,
            ack="after the commit (NACK_ON_ERROR)",
            redelivery=_BY_THE_JOB,
            deadly_message="redelivered for ever",
        ),
    ),
    System(
        name="pika, naive",
        setup="one connection per publish in 8 threads, prefetch 1",
        worker=["-m", "benchmarks.pipeline.naive", "work"],
        ready="ready",
        publisher=["-m", "benchmarks.pipeline.naive"],
        guarantees=Guarantees(
            publish="not confirmed",
            between_commit_and_publish=_NO_OUTBOX,
            ack="after the commit",
            redelivery=_BY_THE_JOB,
            deadly_message="redelivered for ever",
        ),
    ),
)
