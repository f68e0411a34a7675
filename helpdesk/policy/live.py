"""The policy in force as one process knows it: a new version counts within a second or two, without a restart."""

import logging
import threading
import time
from collections.abc import Callable

from helpdesk.errors import HelpdeskError, InvalidData
from helpdesk.policy.book import policy_of
from helpdesk.policy.rules import Policy
from helpdesk.ports.policies import PolicyVersion
from helpdesk.ports.store import Store

LOOK_EVERY_S = 1.0
log = logging.getLogger(__name__)


class LivePolicy:
    """Looks for a newer version at most every so often, when somebody asks. Safe for use by several threads.

    Whole versions take each other's place: who was given one keeps it for all that they decide together. While the
    store is away, and where a version cannot be read by this code or does not pass the check, the one before stays.

    Args:
        version: what is in force now.
        check: raises InvalidData where a policy does not fit what else is set.

    Raises:
        PolicyRefused: this code cannot read it.
        InvalidData: it does not pass the check.
    """

    def __init__(
        self,
        store: Store,
        version: PolicyVersion,
        *,
        look_every_s: float = LOOK_EVERY_S,
        check: Callable[[Policy], None] | None = None,
    ) -> None:
        self._store, self._look_every_s, self._check = store, look_every_s, check
        self._policy = self._checked(version)
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
            self._policy = self._checked(version)
        except InvalidData as error:
            log.error(
                "a policy cannot be used, so the one before stays",
                extra={"policy": version.name, "in_force": self._policy.name, "error": str(error)},
            )
        else:
            log.info("another policy is in force", extra={"policy": version.name, "by": version.by})

    def _checked(self, version: PolicyVersion) -> Policy:
        policy = policy_of(version)
        if self._check is not None:
            self._check(policy)
        return policy
