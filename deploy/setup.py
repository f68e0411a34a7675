"""One shot before the services start: migrate the database, declare the queues, load the knowledge base."""

import logging
from contextlib import closing

from cli.refresh_knowledge import refresh
from helpdesk.logs import configure_logging
from helpdesk.settings import Settings, load_settings
from helpdesk.wiring import open_broker, open_knowledge, open_store

log = logging.getLogger(__name__)


def set_up(settings: Settings) -> None:
    """Do what is missing of the three; doing it again changes nothing, and articles loaded by hand stay.

    Raises:
        StoreUnavailable, BrokerUnavailable, KnowledgeUnavailable: the part cannot be used now.
        InvalidData: an article does not fit.
    """
    with closing(open_broker(settings)) as broker:
        broker.declare()
    log.info("queues are declared")
    with closing(open_store(settings)) as store, closing(open_knowledge(settings)) as knowledge:
        store.migrate()
        log.info("schema is up to date")
        refresh(settings, store, knowledge, always=False)


if __name__ == "__main__":
    settings = load_settings()
    configure_logging("setup", format=settings.log.format, level=settings.log.level)
    set_up(settings)
