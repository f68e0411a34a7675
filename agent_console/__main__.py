"""``python -m agent_console``: one process that serves the desk."""

import sys

from agent_console.service import serve
from helpdesk.errors import HelpdeskError
from helpdesk.logs import configure_logging
from helpdesk.settings import load_settings

if __name__ == "__main__":
    try:
        settings = load_settings()
        configure_logging("agent-console", format=settings.log.format, level=settings.log.level)
        serve(settings)
    except HelpdeskError as error:
        sys.exit(f"agent-console: {error}")
