"""``python -m relay``: one relay process."""

import sys

from helpdesk.errors import HelpdeskError
from helpdesk.logs import configure_logging
from helpdesk.settings import load_settings
from relay.service import serve

if __name__ == "__main__":
    try:
        settings = load_settings()
        configure_logging("relay", format=settings.log.format, level=settings.log.level)
        serve(settings)
    except HelpdeskError as error:
        sys.exit(f"relay: {error}")
