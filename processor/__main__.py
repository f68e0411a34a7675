"""``python -m processor``: one worker process."""

import sys
from functools import partial

from helpdesk.errors import HelpdeskError
from helpdesk.logs import configure_logging
from helpdesk.settings import load_settings
from processor.ending import run_to_the_end
from processor.service import serve

if __name__ == "__main__":
    try:
        settings = load_settings()
        configure_logging("worker", format=settings.log.format, level=settings.log.level)
        run_to_the_end(partial(serve, settings))
    except HelpdeskError as error:
        sys.exit(f"worker: {error}")
