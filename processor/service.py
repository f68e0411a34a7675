"""Runs a worker as a process: wires it, handles signals, drains."""

import logging
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing

from helpdesk.errors import BrokerMisconfigured, KnowledgeUnavailable, StoreUnavailable
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.opinions import OpinionReader
from helpdesk.metrics_server import observed
from helpdesk.policy.book import PolicyBook
from helpdesk.policy.live import LivePolicy
from helpdesk.policy.rules import Policy, load_policy
from helpdesk.ports.broker import Broker
from helpdesk.ports.knowledge import Knowledge, Question
from helpdesk.ports.store import Store
from helpdesk.ports.writer import Writer
from helpdesk.settings import RetentionSettings, Settings, WriterSettings
from helpdesk.wiring import open_broker, open_knowledge, open_predictor, open_store, open_voice, open_writer
from processor.answer_cache import AnswerCache
from processor.budget import Budget
from processor.considering import Consideration
from processor.following import Follower
from processor.framing import check_questions
from processor.worker import Worker, wait_for_topology

log = logging.getLogger(__name__)

MISCONFIGURED_PAUSE_S = 1.0
"""Between a worker that the broker refused and the next look at the broker."""


STORE_PAUSE_S = 1.0
"""Between two looks at a store that is away when the worker starts."""


def serve(settings: Settings) -> None:
    """Consume tickets until SIGTERM or SIGINT; then finish what was begun.

    Raises:
        BrokerMisconfigured: the broker's URL cannot be read.
        InvalidData: the policy or brand file does not fit.
        PolicyRefused: the policy file cannot be read as one.
        Stuck: every thread hangs.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    voice = open_voice(settings)
    check_questions(load_policy(settings.processor.policy_file), voice)
    with ExitStack() as stack:
        store = stack.enter_context(closing(open_store(settings)))
        broker = stack.enter_context(closing(open_broker(settings)))
        predictor = stack.enter_context(closing(open_predictor(settings)))
        knowledge = stack.enter_context(closing(open_knowledge(settings)))
        writer = stack.enter_context(closing(open_writer(settings)))
        opinions = OpinionReader(store)
        checks = {
            "store": store.check,
            "broker": broker.check,
            "predictor": predictor.check,
            "knowledge": knowledge.check,
        }
        port, setting = settings.metrics.worker_port, "HELPDESK_METRICS__WORKER_PORT"
        stack.enter_context(observed(settings.metrics.host, port, checks, setting=setting))
        book = PolicyBook.of(settings, store)
        policy = live_policy(book, store, stop, check=lambda policy: check_questions(policy, voice))
        if policy is None:
            return
        consideration = Consideration(
            predictor,
            knowledge,
            writer,
            policy,
            passages=settings.knowledge.passages,
            voice=voice,
            budget=_budget(store, settings.writer) if writer.is_remote else None,
            cache=_cache(store, writer, settings.retention),
            opinions=opinions.current,
        )
        wait_for_topology(broker, stop)
        _warm_up(knowledge)
        _read_opinions(opinions)
        stack.enter_context(Follower(KnowledgeBase(store, knowledge), opinions=opinions))
        log.info(
            "worker consumes",
            extra={"policy": policy().name, "voice": voice.version, "prefetch": settings.processor.prefetch},
        )
        keep_working(lambda: Worker(store, broker, consideration, settings.processor).run(stop), broker, stop)
    log.info("worker stopped")


def live_policy(
    book: PolicyBook, store: Store, stop: threading.Event, *, check: Callable[[Policy], None]
) -> LivePolicy | None:
    """Return the policy in force, once the store is there; None where the process is to end before."""
    while not stop.is_set():
        try:
            store.check()
            return LivePolicy(store, book.take_file(), check=check)
        except StoreUnavailable as error:
            log.warning("waits for the store", extra={"error": str(error)})
            stop.wait(STORE_PAUSE_S)
    return None


def _budget(store: Store, writer: WriterSettings) -> Budget:
    return Budget(store, per_hour_usd=writer.hourly_budget_usd, per_ticket_usd=writer.ticket_budget_usd)


def _cache(store: Store, writer: Writer, retention: RetentionSettings) -> AnswerCache | None:
    """Return the cache for a writer that is worth it: what this machine writes by itself is written at once."""
    if not writer.is_remote or not retention.cached_answers:
        return None
    return AnswerCache(store, writer_version=writer.version, keep_days=retention.cached_answers_days)


def keep_working(work: Callable[[], None], broker: Broker, stop: threading.Event) -> None:
    """Work; where somebody breaks the broker's topology meanwhile, wait for the mending and begin anew."""
    while not stop.is_set():
        try:
            work()
            return
        except BrokerMisconfigured as error:
            log.error("the broker is misconfigured", extra={"error": str(error)})
            stop.wait(MISCONFIGURED_PAUSE_S)
            wait_for_topology(broker, stop)


def _warm_up(knowledge: Knowledge) -> None:
    """Load the encoder before the first ticket comes, not while it waits."""
    try:
        knowledge.search([Question(text="warm up")], limit=1)
    except KnowledgeUnavailable as error:
        log.warning("the knowledge base cannot be searched yet", extra={"error": str(error)})


def _read_opinions(opinions: OpinionReader) -> None:
    """Read what is held of articles before the first ticket comes; afterwards the follower does."""
    try:
        opinions.look()
    except StoreUnavailable as error:
        log.warning("what is held of articles cannot be read yet", extra={"error": str(error)})
