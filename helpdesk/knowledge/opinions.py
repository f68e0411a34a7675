"""Reads what is held of articles, again only after somebody has said something new."""

import threading

from helpdesk.article_feedback import Opinions, opinions
from helpdesk.ports.store import Store


class OpinionReader:
    """Keeps what is held of articles; safe for use by several threads. Reads nothing before it is asked to look."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._current = Opinions()
        self._looking = threading.Lock()

    def current(self) -> Opinions:
        """Return what was held at the last look, at once."""
        return self._current

    def look(self) -> Opinions:
        """Return what is held now; reads all signals where there is a new one.

        Raises:
            StoreUnavailable: what was held before stays.
        """
        with self._looking, self._store.reading() as tx:
            last = tx.last_article_signal()
            if str(last or "") != self._current.version:
                self._current = Opinions(str(last), opinions(tx.article_signals(until=last)))
            return self._current
