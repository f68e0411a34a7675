"""API keys, without their secrets."""

from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from helpdesk.adapters.store_sql.bulk import bulk_insert
from helpdesk.adapters.store_sql.schema import api_keys
from helpdesk.adapters.store_sql.scope import Scope, columns_of, record_of
from helpdesk.errors import ApiKeyNotFound
from helpdesk.ports.store import ApiKey

_ADD = bulk_insert(api_keys, ApiKey)
_KEYS = select(*columns_of(api_keys, ApiKey))
_BY_SECRET = _KEYS.where(api_keys.c.secret_sha256 == bindparam("digest"))
_BY_ID = _KEYS.where(api_keys.c.key_id == bindparam("wanted"))
_ALL = _KEYS.order_by(api_keys.c.created_at, api_keys.c.key_id)
# A key that was revoked before keeps the time at which it lost its force.
_REVOKE = (
    update(api_keys)
    .where(api_keys.c.key_id == bindparam("revoked"))
    .values(revoked_at=func.coalesce(api_keys.c.revoked_at, bindparam("at", type_=api_keys.c.revoked_at.type)))
)


class ApiKeys(Scope):
    """Stores and finds API keys."""

    def add_api_key(self, key: ApiKey) -> None:
        """Store a new key."""
        _ADD.execute(self._connection, [key])

    def api_key_by_sha256(self, secret_sha256: str) -> ApiKey | None:
        """Return the key with this digest, revoked or not."""
        row = self._connection.execute(_BY_SECRET, {"digest": secret_sha256}).one_or_none()
        return None if row is None else record_of(ApiKey, row)

    def api_key(self, key_id: str) -> ApiKey:
        """Return one key, revoked or not."""
        row = self._connection.execute(_BY_ID, {"wanted": key_id}).one_or_none()
        if row is None:
            raise ApiKeyNotFound(f"There is no API key {key_id}.")
        return record_of(ApiKey, row)

    def api_keys(self) -> list[ApiKey]:
        """Return every key, oldest first."""
        return [record_of(ApiKey, row) for row in self._connection.execute(_ALL)]

    def revoke_api_key(self, key_id: str, *, at: datetime) -> None:
        """Take a key's force away."""
        if not self._connection.execute(_REVOKE, {"revoked": key_id, "at": at}).rowcount:
            raise ApiKeyNotFound(f"There is no API key {key_id}.")
