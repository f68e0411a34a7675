"""Versions of the policy: appended, and read by number or newest first."""

from sqlalchemy import bindparam, func, select

from helpdesk.adapters.store_sql.bulk import Bulk
from helpdesk.adapters.store_sql.policy_schema import policy_versions
from helpdesk.adapters.store_sql.scope import Scope, columns_of, insert_into, names_of, record_of
from helpdesk.errors import PolicyVersionNotFound, VersionConflict
from helpdesk.ports.policies import PolicyVersion

MAX_NUMBER = 2**31 - 1

_ADD = Bulk(
    lambda dialect: insert_into(policy_versions, dialect).on_conflict_do_nothing(index_elements=["number"]),
    names_of(PolicyVersion),
)
_NEWEST_FIRST = select(*columns_of(policy_versions, PolicyVersion)).order_by(policy_versions.c.number.desc())
_NUMBERED = _NEWEST_FIRST.where(policy_versions.c.number == bindparam("number"))
_NEWEST = select(func.max(policy_versions.c.number))
_OF_CONTENT = (
    select(policy_versions.c.number)
    .where(policy_versions.c.checksum == bindparam("checksum"))
    .order_by(policy_versions.c.number)
)


class PolicyTable(Scope):
    """Appends and reads versions."""

    def add_policy_version(self, version: PolicyVersion) -> None:
        """Append a version, which is in force from the commit on."""
        if not _ADD.execute(self._connection, [version]):
            raise VersionConflict(f"Somebody else has made version {version.number} of the policy meanwhile.")

    def policy_versions(self, *, limit: int) -> list[PolicyVersion]:
        """Return the latest versions, newest first."""
        return [record_of(PolicyVersion, row) for row in self._connection.execute(_NEWEST_FIRST.limit(limit))]

    def policy_version(self, number: int) -> PolicyVersion:
        """Return one version."""
        row = None
        if 0 < number <= MAX_NUMBER:
            row = self._connection.execute(_NUMBERED, {"number": number}).one_or_none()
        if row is None:
            raise PolicyVersionNotFound(
                f"There is no version {number} of the policy; `helpdesk policy history` lists them."
            )
        return record_of(PolicyVersion, row)

    def policies_of(self, checksum: str) -> list[int]:
        """Return the numbers of the versions with this content, oldest first."""
        return list(self._connection.scalars(_OF_CONTENT, {"checksum": checksum}))

    def newest_policy_number(self) -> int:
        """Return the number in force; 0 where there is no version yet."""
        return self._connection.scalar(_NEWEST) or 0
