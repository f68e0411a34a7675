"""The policy in force as one process knows it: a new version counts within a second or two, without a restart."""

import logging
import threading
import time

from helpdesk.errors import HelpdeskError, PolicyRefused
from helpdesk.policy.book import policy_of
from helpdesk.policy.rules import Policy
from helpdesk.ports.policies import PolicyVersion
from helpdesk.ports.store import Store

LOOK_EVERY_S = 1.0
log = logging.getLogger(__name__)


class LivePolicy:
    """Looks for a newer version at most every so often, when somebody asks. Safe for use by several threads.

    Whole versions take each other's place: who was given one keeps it for all that they decide together. While the
    store is away, and where a version cannot be read by this code, the one before stays.

    Args:
        version: what is in force now.

    Raises:
        PolicyRefused: this code cannot read it.
    """

    def __init__(self, store: Store, version: PolicyVersion, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._store, self._look_every_s = store, look_every_s
        self._policy = policy_of(version)
        self._seen = version.number
        self._look_at = time.monotonic() + look_every_s
        self._looking = threading.Lock()

    def __call__(self) -> Policy:
        """Return the policy in force."""
        if time.monotonic() >= self._look_at and self._looking.acquire(blocking=False):
            try:
                self._look()
            except HelpdeskError as error:
                log.warning(
                    "the policy cannot be looked up", extra={"in_force": self._policy.name, "error": str(error)}
                )
            finally:
                self._look_at = time.monotonic() + self._look_every_s
                self._looking.release()
        return self._policy

    def _look(self) -> None:
        with self._store.reading() as tx:
            number = tx.newest_policy_number()
            if number <= self._seen:
                return
            version = tx.policy_version(number)
        self._seen = number
        try:
            self._policy = policy_of(version)
        except PolicyRefused as error:
            log.error(
                "a policy cannot be read, so the one before stays",
                extra={"policy": version.name, "in_force": self._policy.name, "error": str(error)},
            )
        else:
            log.info("another policy is in force", extra={"policy": version.name, "by": version.by})
