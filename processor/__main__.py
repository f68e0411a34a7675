"""``python -m processor``: one worker process."""

from helpdesk.logs import configure_logging
from helpdesk.settings import load_settings
from processor.service import serve

if __name__ == "__main__":
    settings = load_settings()
    configure_logging("worker", format=settings.log.format, level=settings.log.level)
    serve(settings)
