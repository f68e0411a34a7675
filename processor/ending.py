"""How a worker's process ends: at once, whatever its threads still do."""

import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from processor.worker import Stuck

log = logging.getLogger(__name__)


def run_to_the_end(work: Callable[[], None]) -> NoReturn:
    """Run a worker's life and end the process with it.

    Python would wait for threads that hang, or that write an answer which nobody takes any more: their messages have
    gone back to the broker.
    """
    status = os.EX_OK
    try:
        work()
    except Stuck as error:
        log.critical("worker ends", extra={"error": str(error)})
        status = os.EX_SOFTWARE
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)
