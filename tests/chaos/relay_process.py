"""A relay process of the fault suite; with ``CHAOS_MUTATION=no_confirms`` it deletes outbox rows before the confirm."""

import os

from helpdesk.errors import BrokerUnavailable
from helpdesk.logs import configure_logging
from helpdesk.settings import load_settings
from relay.outbox import BATCH, Relay
from relay.service import serve


def _delete_before_the_confirm() -> None:
    def run_once(self: Relay) -> tuple[int, int]:
        with self._store.transaction() as tx:
            rows = tx.outbox(limit=BATCH)
            tx.delete_outbox([row.sequence for row in rows])
        if rows:
            try:
                self._publish(rows)
            except BrokerUnavailable:
                return 0, len(rows)
        return len(rows), 0

    Relay.run_once = run_once  # type: ignore[method-assign]


if __name__ == "__main__":
    if os.environ.get("CHAOS_MUTATION") == "no_confirms":
        _delete_before_the_confirm()
    configure_logging("relay", format="text", level="INFO")
    serve(load_settings())
