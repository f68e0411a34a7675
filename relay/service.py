"""Runs the relay as a process: outbox, watchdog, deadlines and pruner side by side, until told to stop."""

import logging
import signal
import threading
from contextlib import ExitStack, closing
from functools import partial

from helpdesk.dependencies import Check
from helpdesk.metrics_server import observed
from helpdesk.settings import Settings
from helpdesk.sla import load_sla_policy
from helpdesk.wiring import open_broker, open_desk, open_store
from relay.deadlines import DeadlineWatch
from relay.observing import check_store
from relay.outbox import Relay
from relay.pruner import Pruner
from relay.watchdog import Watchdog

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Relay and watch until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        store = stack.enter_context(closing(open_store(settings)))
        broker = stack.enter_context(closing(open_broker(settings)))
        processor = settings.processor
        watchdog = Watchdog(
            store,
            broker,
            open_desk(settings, store, broker),
            stuck_after_s=processor.stuck_after_s,
            reoffer_after_s=processor.reoffer_after_s,
        )
        watching = threading.Thread(
            target=watchdog.run, args=(stop,), kwargs={"every_s": processor.sweep_every_s}, name="watchdog"
        )
        deadlines = threading.Thread(
            target=DeadlineWatch(store, load_sla_policy(settings.sla.policy_file)).run,
            args=(stop,),
            kwargs={"every_s": settings.sla.check_every_s},
            name="deadlines",
        )
        pruning = threading.Thread(target=Pruner(store, settings.retention).run, args=(stop,), name="pruner")
        checks: dict[str, Check] = {"store": partial(check_store, store), "broker": broker.check}
        port, setting = settings.metrics.relay_port, "HELPDESK_METRICS__RELAY_PORT"
        stack.enter_context(observed(settings.metrics.host, port, checks, setting=setting))
        watching.start()
        deadlines.start()
        pruning.start()
        log.info("relay and watchdog run")
        try:
            Relay(store, broker, confirm_timeout_s=settings.broker.confirm_timeout_s).run(stop)
        finally:
            stop.set()
            watching.join()
            deadlines.join()
            pruning.join()
    log.info("relay stopped")
