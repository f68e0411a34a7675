"""Asks the parts that a process stands on, again and again, how they are."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Self

from helpdesk.errors import HelpdeskError
from helpdesk.metrics import dependency_up

log = logging.getLogger(__name__)

EVERY_S = 5.0
STOP_LIMIT_S = 2.0
"""A check may be waiting for a part that does not answer; the process ends without it."""

Check = Callable[[], None]
"""Raises the part's error where the part cannot be used now."""


class Dependencies:
    """A thread that checks every part in turn, and remembers the answers.

    Args:
        checks: by the part's name, which is also the metric's label.
    """

    def __init__(self, checks: Mapping[str, Check], *, every_s: float = EVERY_S) -> None:
        self._checks = checks
        self._every_s = every_s
        self._states = dict.fromkeys(checks, "unknown")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dependencies", daemon=True)

    def states(self) -> dict[str, str]:
        """Return ``ok``, ``unavailable`` or, before the first answer, ``unknown`` for each part."""
        return dict(self._states)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(STOP_LIMIT_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            for name, check in self._checks.items():
                self._ask(name, check)
            self._stop.wait(self._every_s)

    def _ask(self, name: str, check: Check) -> None:
        try:
            check()
        except HelpdeskError:
            self._states[name] = "unavailable"
        except Exception as error:
            # The next check goes on. While the process ends, its parts are closed under a check that still waits.
            self._states[name] = "unavailable"
            if not self._stop.is_set():
                log.error("a check failed", extra={"dependency": name}, exc_info=error)
        else:
            self._states[name] = "ok"
        dependency_up.labels(name).set(self._states[name] == "ok")
