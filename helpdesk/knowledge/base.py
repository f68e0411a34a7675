"""The knowledge base as its keepers change it: every change is checked, recorded as a version, and put into force.

The store holds what every version says; the index is made from it and can be made again. A change takes three steps:
the index builds the new version beside the old one, the store records it, the index swaps. Whatever ends a process in
between, the version in force is a whole one, and ``settle`` brings index and store together again.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from helpdesk.clock import Clock, utc_now
from helpdesk.errors import (
    ArticleExists,
    ArticleNotFound,
    InvalidInput,
    KnowledgeVersionNotFound,
    VersionConflict,
)
from helpdesk.failpoints import failpoint
from helpdesk.knowledge.changes import Articles, Change, Origin, State, compared
from helpdesk.knowledge.checking import Checked, check_articles
from helpdesk.knowledge.findings import Finding, refuse_errors
from helpdesk.knowledge.links import between_files
from helpdesk.knowledge.standards import Standards
from helpdesk.ports.knowledge import Article, Knowledge, LoadReport
from helpdesk.ports.knowledge_versions import KnowledgeAction, KnowledgeVersion
from helpdesk.ports.store import Store

ATTEMPTS = 8
log = logging.getLogger(__name__)


class KnowledgeBase:
    """Changes the knowledge base. Several may do so at once, in any number of processes: one comes after the other."""

    def __init__(self, store: Store, index: Knowledge, *, clock: Clock = utc_now) -> None:
        self._store, self._index, self._clock = store, index, clock

    def newest(self) -> KnowledgeVersion | None:
        """Return the version that was recorded last; None where there is none yet."""
        with self._store.reading() as tx:
            return next(iter(tx.knowledge_versions(limit=1)), None)

    def versions(self, *, limit: int) -> list[KnowledgeVersion]:
        """Return the versions, newest first."""
        with self._store.reading() as tx:
            return tx.knowledge_versions(limit=limit)

    def articles(self, version: str = "") -> list[Article]:
        """Return the articles of a version, by name or number (empty: of the newest).

        Raises:
            KnowledgeVersionNotFound: there is none.
        """
        with self._store.reading() as tx:
            found = tx.knowledge_version(version) if version else next(iter(tx.knowledge_versions(limit=1)), None)
            return tx.knowledge_articles(found.number) if found else []

    def article(self, article_id: str, version: str = "") -> Article:
        """Return one article of a version (empty: of the newest).

        Raises:
            ArticleNotFound, KnowledgeVersionNotFound.
        """
        for article in self.articles(version):
            if article.article_id == article_id:
                return article
        raise _missing(article_id)

    def load(self, checked: Checked, origin: Origin) -> Change:
        """Make the knowledge base hold exactly these articles.

        Raises:
            ArticlesRefused: one of them has an error; nothing changes.
            KnowledgeUnavailable: the index cannot be written; nothing changes.
        """
        refuse_errors(checked.findings)
        wanted = {article.article_id: article for article in checked.articles}
        return self._change(lambda _: wanted, KnowledgeAction.LOAD, origin, findings=checked.findings)

    def add(self, checked: Checked, origin: Origin, standards: Standards) -> Change:
        """Add articles to those that are there.

        Raises:
            ArticleExists: one is there already.
            ArticlesRefused: a new one has an error, or breaks another.
        """

        def added(before: Articles) -> Articles:
            if twice := next((article for article in checked.articles if article.article_id in before), None):
                raise ArticleExists(
                    f"There is an article {twice.article_id} already; `helpdesk kb edit {twice.article_id}` changes it."
                )
            return {**before, **{article.article_id: article for article in checked.articles}}

        return self._checked_change(added, KnowledgeAction.ADD, origin, standards, checked)

    def edit(
        self, checked: Checked, origin: Origin, standards: Standards, *, expected: Article | None = None
    ) -> Change:
        """Replace articles that are there.

        Args:
            expected: what the article said when its new text was written.

        Raises:
            ArticleNotFound: one is not there.
            VersionConflict: the article says something else than was expected.
            ArticlesRefused: one has an error, or breaks another.
        """

        def edited(before: Articles) -> Articles:
            for article in checked.articles:
                if article.article_id not in before:
                    raise _missing(article.article_id)
            if expected is not None and before.get(expected.article_id) != expected:
                raise VersionConflict(
                    f"Somebody has changed the article {expected.article_id} meanwhile; edit it again."
                )
            return {**before, **{article.article_id: article for article in checked.articles}}

        return self._checked_change(edited, KnowledgeAction.EDIT, origin, standards, checked)

    def remove(self, article_ids: Collection[str], origin: Origin, standards: Standards) -> Change:
        """Remove articles.

        Raises:
            ArticleNotFound: one is not there.
            ArticlesRefused: another article links to one, or none would be left.
        """

        def rest(before: Articles) -> Articles:
            if missing := [name for name in article_ids if name not in before]:
                raise _missing(missing[0])
            return {name: article for name, article in before.items() if name not in article_ids}

        return self._checked_change(rest, KnowledgeAction.REMOVE, origin, standards, Checked((), ()))

    def merge(self, checked: Checked, origin: Origin, standards: Standards, *, gone: Collection[str] = ()) -> Change:
        """Add articles, or replace those of their ids, and remove others.

        Raises:
            ArticlesRefused: one has an error, or breaks another.
        """

        def merged(before: Articles) -> Articles:
            kept = {name: article for name, article in before.items() if name not in gone}
            return {**kept, **{article.article_id: article for article in checked.articles}}

        return self._checked_change(merged, KnowledgeAction.CRAWL, origin, standards, checked)

    def roll_back(self, origin: Origin, *, to: str = "") -> Change:
        """Put an earlier version into force, by name or number (empty: the one before the newest).

        Raises:
            KnowledgeVersionNotFound: there is none.
        """
        newest = self.newest()
        if not to and (newest is None or newest.number == 1):
            raise KnowledgeVersionNotFound("There is no earlier version to go back to.")
        with self._store.reading() as tx:
            target = tx.knowledge_version(to or str(newest.number - 1 if newest else 0))
            articles = {article.article_id: article for article in tx.knowledge_articles(target.number)}
        source = f"version {target.number} ({target.version})"
        return self._change(lambda _: articles, KnowledgeAction.ROLL_BACK, replace(origin, source=source))

    def behind(self) -> str:
        """Return the version that was recorded last where another one is in force; empty where all is well."""
        newest = self.newest()
        return newest.version if newest is not None and newest.version != self._index.version() else ""

    def settle(self) -> bool:
        """Put the version that was recorded last into force where another one is; return whether that was so.

        So it is after a process was ended between recording and swapping, after two loads on a shared index, and
        where the index was lost.
        """
        if not self.behind():
            return False
        state = self._state()
        if state.version is None:
            return False
        self._index.load(list(state.articles.values()))
        log.warning("the index was brought to the version recorded last", extra={"version": state.version.version})
        return True

    def _checked_change(
        self,
        change: Callable[[Articles], Articles],
        action: KnowledgeAction,
        origin: Origin,
        standards: Standards,
        checked: Checked,
    ) -> Change:
        """Change the whole; only errors that were not there before stand against it."""
        refuse_errors(checked.findings)
        findings: list[Finding] = []

        def checked_change(before: Articles) -> Articles:
            if not before and (foreign := self._index.version()):
                raise KnowledgeVersionNotFound(
                    f"The index holds version {foreign}, which the store does not know; load the whole knowledge base "
                    "first: `helpdesk kb load`."
                )
            after = {article.article_id: article for article in between_files(list(change(before).values()))}
            if not after:
                raise InvalidInput(
                    "nothing would be left", field="knowledge base", remedy="load other articles instead"
                )
            known = set(check_articles(list(before.values()), standards))
            found = check_articles(list(after.values()), standards)
            refuse_errors([finding for finding in found if finding not in known])
            findings[:] = [finding for finding in found if finding not in known]
            return after

        return replace(self._change(checked_change, action, origin), findings=tuple(findings))

    def _change(
        self,
        change: Callable[[Articles], Articles],
        action: KnowledgeAction,
        origin: Origin,
        *,
        findings: Sequence[Finding] = (),
    ) -> Change:
        for _ in range(ATTEMPTS):
            state = self._state()
            after = change(state.articles)
            done = compared(state, after, action, origin, self._clock)
            if done.version is state.version:
                self.settle()
                return replace(done, findings=tuple(findings))
            try:
                report = self._index.load(list(after.values()), before_swap=self._recorder(done, after, state.articles))
            except VersionConflict:  # somebody else has recorded a version first
                continue
            self.settle()
            return replace(done, embedded=report.embedded, collapsed=report.collapsed, findings=tuple(findings))
        raise VersionConflict("Others keep changing the knowledge base; try again when they are done.")

    def _recorder(self, done: Change, after: Articles, before: Articles) -> Callable[[LoadReport], None]:
        changes: dict[str, Article | None] = {name: after[name] for name in (*done.added, *done.changed)}
        changes |= dict.fromkeys(name for name in before if name not in after)

        def record(_: LoadReport) -> None:
            failpoint("knowledge.after_build_before_record")
            with self._store.transaction() as tx:
                tx.add_knowledge_version(done.version, changes)
            failpoint("knowledge.after_record_before_swap")

        return record

    def _state(self) -> State:
        with self._store.reading() as tx:
            newest = next(iter(tx.knowledge_versions(limit=1)), None)
            articles = tx.knowledge_articles(newest.number) if newest else []
        return State(newest.number if newest else 0, newest, {article.article_id: article for article in articles})


def _missing(article_id: str) -> ArticleNotFound:
    return ArticleNotFound(f"There is no article {article_id[:80]}; `helpdesk kb search` finds them by a question.")
