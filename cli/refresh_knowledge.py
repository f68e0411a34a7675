"""``python -m cli.refresh_knowledge``: brings the knowledge base up to date with its articles before workers start.

What somebody has loaded by hand stays: only an empty index, or one that this program has filled, is brought up to date.
"""

import logging
import sys
from contextlib import closing

from helpdesk.adapters.articles_markdown import read_articles
from helpdesk.logs import configure_logging
from helpdesk.ports.knowledge import Knowledge
from helpdesk.ports.store import Store
from helpdesk.settings import Settings, load_settings
from helpdesk.wiring import open_knowledge, open_store

ALWAYS = "--always"
FACT = "knowledge_version_of_refresh"
"""Which version this program has loaded last."""

log = logging.getLogger(__name__)


def refresh(settings: Settings, store: Store, knowledge: Knowledge, *, always: bool) -> bool:
    """Load the configured articles where that is due; return whether they were loaded.

    Args:
        always: also replace what somebody has loaded by hand.

    Raises:
        InvalidData: an article does not fit.
        KnowledgeUnavailable: the index cannot be used.
    """
    version = knowledge.version()
    with store.reading() as tx:
        own_version = tx.fact(FACT)
    if version and version != own_version and not always:
        log.info("knowledge base was loaded by hand and stays", extra={"version": version})
        return False
    articles = read_articles(settings.knowledge.path)
    report = knowledge.load(articles)
    with store.transaction() as tx:
        tx.set_fact(FACT, report.version)
    counts = {name: getattr(report, name) for name in ("added", "changed", "removed", "unchanged")}
    log.info("knowledge base is up to date", extra={"version": report.version, "articles": len(articles), **counts})
    return True


def main() -> None:
    """Refresh the knowledge base that the settings name."""
    settings = load_settings()
    configure_logging("knowledge", format=settings.log.format, level=settings.log.level)
    with closing(open_store(settings)) as store, closing(open_knowledge(settings)) as knowledge:
        refresh(settings, store, knowledge, always=ALWAYS in sys.argv[1:])


if __name__ == "__main__":
    main()
