"""A relay process of the fault suite; with ``CHAOS_MUTATION`` it does a little worse.

``no_confirms`` deletes outbox rows before the confirm; ``twice`` publishes every message twice.
"""

import os
from collections.abc import Sequence

from helpdesk.errors import BrokerUnavailable
from helpdesk.failpoints import failpoint
from helpdesk.logs import configure_logging
from helpdesk.ports.mailboxes import OutboxRow
from helpdesk.settings import load_settings
from relay.outbox import BATCH, Relay, Result
from relay.service import serve


def _delete_before_the_confirm() -> None:
    def run_once(self: Relay) -> tuple[int, int]:
        with self._store.transaction() as tx:
            rows = tx.outbox(limit=BATCH)
            tx.delete_outbox([row.sequence for row in rows])
        if rows:
            failpoint("relay.after_publish_before_delete")
            try:
                self._publish(rows)
            except BrokerUnavailable:
                return 0, len(rows)
        return len(rows), 0

    Relay.run_once = run_once  # type: ignore[method-assign]


def _publish_twice() -> None:
    publish = Relay._publish

    def twice(self: Relay, rows: Sequence[OutboxRow]) -> list[Result]:
        publish(self, rows)
        return publish(self, rows)

    Relay._publish = twice  # type: ignore[method-assign]


MUTATIONS = {"no_confirms": _delete_before_the_confirm, "twice": _publish_twice}

if __name__ == "__main__":
    MUTATIONS.get(os.environ.get("CHAOS_MUTATION", ""), lambda: None)()
    configure_logging("relay", format="text", level="INFO")
    serve(load_settings())
