"""``python -m cli.refresh_knowledge``: brings the knowledge base up to date with its articles before workers start.

What somebody has loaded by hand stays: only an empty index, or one that this program has filled, is brought up to date.
"""

import logging
import sys
from contextlib import closing

from helpdesk.clock import utc_now
from helpdesk.errors import HelpdeskError
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.changes import Origin
from helpdesk.knowledge.checking import check_path
from helpdesk.knowledge.findings import Severity
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
        InvalidData: there are no articles.
        ArticlesRefused: an article has an error, and there is no version that could stay; the log names all errors.
        KnowledgeUnavailable: the index cannot be used.
    """
    base = KnowledgeBase(store, knowledge)
    newest = base.newest()
    version = newest.version if newest else knowledge.version()
    with store.reading() as tx:
        own_version = tx.fact(FACT)
    if version and version != own_version and not always:
        base.settle()
        log.info("knowledge base was loaded by hand and stays", extra={"version": version})
        return False
    path = settings.knowledge.path
    checked = check_path(path, settings, today=utc_now().date())
    for finding in checked.findings:
        level = logging.ERROR if finding.severity is Severity.ERROR else logging.WARNING
        log.log(level, "an article needs attention", extra={"where": finding.where, "problem": finding.problem})
    if not checked.usable and newest is not None:
        base.settle()
        log.error("articles have errors, the version before stays in force", extra={"version": newest.version})
        return False
    change = base.load(checked, Origin(by="helpdesk", source=str(path), reason="at the start of the services"))
    with store.transaction() as tx:
        tx.set_fact(FACT, change.version.version)
    counts = {name: len(getattr(change, name)) for name in ("added", "changed", "removed")}
    log.info(
        "knowledge base is up to date",
        extra={"version": change.version.version, "articles": len(checked.articles), **counts},
    )
    return True


def main() -> None:
    """Refresh the knowledge base that the settings name."""
    settings = load_settings()
    configure_logging("knowledge", format=settings.log.format, level=settings.log.level)
    try:
        with closing(open_store(settings)) as store, closing(open_knowledge(settings)) as knowledge:
            refresh(settings, store, knowledge, always=ALWAYS in sys.argv[1:])
    except HelpdeskError as error:
        sys.exit(f"knowledge: {error}")


if __name__ == "__main__":
    main()
