"""A worker process of the fault suite: the real worker, with a knowledge base and a writer that cost nothing.

A ticket that says ``deadly`` ends the process that handles it, one that says ``raising`` raises, and the first one of
each process that says ``hanging`` hangs for a while. With ``CHAOS_WRITER=remote`` the writer is one that waits for a
server.
``CHAOS_MUTATION`` breaks a promise on purpose, so that the suite can show that it notices: ``ack_first`` acknowledges
before the outcome is committed, ``no_inbox`` takes every delivery for new work.
"""

import os
import signal
import threading
import time
from collections.abc import Sequence

import processor.handling
import processor.opening
import processor.recording
from helpdesk.logs import configure_logging
from helpdesk.policy.rules import load_policy
from helpdesk.ports.broker import Delivery
from helpdesk.settings import load_settings
from helpdesk.wiring import open_broker, open_predictor, open_store
from processor.considering import Consideration
from processor.ending import run_to_the_end
from processor.handling import Handler
from processor.work import Work
from processor.worker import Worker, wait_for_topology
from tests.fakes import FakeKnowledge, FakeWriter

HANG_S = 6.0


class _FrailConsideration(Consideration):
    _has_hung = False

    def decide(self, works: Sequence[Work]) -> None:
        texts = " ".join(work.text for work in works)
        if "deadly" in texts:
            os.kill(os.getpid(), signal.SIGKILL)
        if "raising" in texts:
            raise RuntimeError("raising")
        if "hanging" in texts and not self._has_hung:
            self._has_hung = True
            time.sleep(HANG_S)
        super().decide(works)


def _acknowledge_first() -> None:
    handle = Handler.handle

    def ack_first(self: Handler, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            delivery.ack()
        handle(self, deliveries)

    Handler.handle = ack_first  # type: ignore[method-assign]


def _forget_the_inbox() -> None:
    processor.opening._is_due = lambda *_: True
    processor.recording.still_due = lambda *_: True


MUTATIONS = {"ack_first": _acknowledge_first, "no_inbox": _forget_the_inbox}


def main() -> None:
    MUTATIONS.get(os.environ.get("CHAOS_MUTATION", ""), lambda: None)()
    settings = load_settings()
    configure_logging("worker", format="text", level="INFO")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    store, broker = open_store(settings), open_broker(settings)
    policy = load_policy(settings.processor.policy_file)
    writer = FakeWriter(is_remote=os.environ.get("CHAOS_WRITER") == "remote")
    consideration = _FrailConsideration(open_predictor(settings), FakeKnowledge(), writer, lambda: policy, passages=3)
    wait_for_topology(broker, stop)
    Worker(store, broker, consideration, settings.processor).run(stop)


if __name__ == "__main__":
    run_to_the_end(main)
