"""Checked answers that may be given again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from helpdesk.adapters.store_sql.bulk import Bulk
from helpdesk.adapters.store_sql.schema import answer_cache
from helpdesk.adapters.store_sql.scope import Scope, columns_of, insert_into, names_of, record_of
from helpdesk.ports.store import CachedAnswer

_created_at = answer_cache.c.created_at
_ADD = Bulk(
    lambda dialect: insert_into(answer_cache, dialect).on_conflict_do_nothing(index_elements=["key"]),
    names_of(CachedAnswer),
)
_FRESH = select(*columns_of(answer_cache, CachedAnswer)).where(
    answer_cache.c.key == bindparam("wanted"), _created_at >= bindparam("since", type_=_created_at.type)
)
_FIRST_TOO_MANY = select(_created_at).order_by(_created_at.desc()).offset(bindparam("keep")).limit(1)
_OLD = (
    select(answer_cache.c.key)
    .where(_created_at <= bindparam("moment", type_=_created_at.type))
    .order_by(_created_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    .cte("old")
)
_PRUNE = delete(answer_cache).where(answer_cache.c.key.in_(select(_OLD.c.key))).returning(_created_at)


class AnswerCache(Scope):
    """Keeps, finds and forgets answers."""

    def add_cached_answers(self, added: Sequence[CachedAnswer]) -> None:
        """Keep answers; where a key has one already, that one stays."""
        if added:
            _ADD.execute(self._connection, added)

    def cached_answer(self, key: str, *, since: datetime) -> CachedAnswer | None:
        """Return the answer kept under a key, unless it is older."""
        row = self._connection.execute(_FRESH, {"wanted": key, "since": since}).first()
        return None if row is None else record_of(CachedAnswer, row)

    def prune_cached_answers(self, before: datetime, *, keep: int, limit: int) -> int:
        """Delete answers kept up to ``before`` and those beyond the ``keep`` newest, at most ``limit``."""
        too_many = self._connection.scalar(_FIRST_TOO_MANY, {"keep": keep})
        moment = before if too_many is None else max(before, too_many)
        # Counted as in ``Pruning``: of a statement with WITH, Python's SQLite driver does not tell how many.
        return len(self._connection.execute(_PRUNE, {"moment": moment, "limit": limit}).all())
