"""``python -m tests.chaos.skewed SECONDS MODULE ARGUMENT…``: runs a module in a process whose clock is so far ahead.

All of Helpdesk reads one clock, which is replaced here before anything else imports it. libfaketime would do it from
outside, but with the 0.9.10 of Debian 12 Python's ``time.sleep`` fails, because it sleeps on the monotonic clock.
"""

import runpy
import sys
from datetime import UTC, datetime, timedelta

from helpdesk import clock


def skew(by: timedelta) -> None:
    clock.utc_now = lambda: datetime.now(UTC) + by


if __name__ == "__main__":
    skew(timedelta(seconds=float(sys.argv[1])))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
