"""Who calls: an API key from the request, checked against the store, and the roles that a route admits."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from helpdesk.errors import NotAuthenticated, NotAuthorised
from helpdesk.ports.store import Role, Store
from helpdesk.web.keys import looks_like_a_key, secret_sha256
from helpdesk.web.rate_limit import FailureLimiter, RateLimiter

SCHEME = "ApiKey"
"""The security scheme's name in the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The key that a request came with, without its secret."""

    key_id: str
    name: str
    role: Role


class KeyChecker(Protocol):
    """Knows API keys."""

    async def caller_of(self, secret: str) -> Caller | None:
        """Return whose key this is; None when it is unknown or revoked."""

    def remembers(self, secret: str) -> bool:
        """Say, without asking anybody, whether the key was valid when it was last looked at."""


class OwnKey:
    """One key that stands in the settings, for a service of our own."""

    def __init__(self, secret: str, caller: Caller) -> None:
        self._sha256, self._caller = secret_sha256(secret), caller

    async def caller_of(self, secret: str) -> Caller | None:
        return self._caller if self.remembers(secret) else None

    def remembers(self, secret: str) -> bool:
        return secret_sha256(secret) == self._sha256


class StoredKeys:
    """Keys in the store, remembered for ``ttl_s`` seconds: as long as a revoked key may still work."""

    def __init__(self, store: Store, *, ttl_s: float = 3.0, capacity: int = 10_000) -> None:
        self._store, self._ttl_s, self._capacity = store, ttl_s, capacity
        self._known: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Caller | None]] = {}

    async def caller_of(self, secret: str) -> Caller | None:
        if not looks_like_a_key(secret):
            return None
        digest, now = secret_sha256(secret), time.monotonic()
        known = self._known.get(digest)
        if known is not None and now < known[0]:
            return known[1]
        if digest not in self._reading:  # all who ask at once wait for one answer
            self._reading[digest] = asyncio.create_task(self._refresh(digest, now))
        return await asyncio.shield(self._reading[digest])

    def remembers(self, secret: str) -> bool:
        _, caller = self._known.get(secret_sha256(secret), (0.0, None))
        return caller is not None

    async def _refresh(self, digest: str, now: float) -> Caller | None:
        try:
            caller = await asyncio.to_thread(self._read, digest)
        finally:
            del self._reading[digest]
        self._known[digest] = (now + self._ttl_s, caller)
        self._known.move_to_end(digest)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return caller

    def _read(self, digest: str) -> Caller | None:
        with self._store.reading() as transaction:
            key = transaction.api_key_by_sha256(digest)
        if key is None or key.revoked_at is not None:
            return None
        return Caller(key.key_id, key.name, key.role)


class AnyOf:
    """Several checkers, asked in order."""

    def __init__(self, checkers: Sequence[KeyChecker]) -> None:
        self._checkers = checkers

    async def caller_of(self, secret: str) -> Caller | None:
        for checker in self._checkers:
            if (caller := await checker.caller_of(secret)) is not None:
                return caller
        return None

    def remembers(self, secret: str) -> bool:
        return any(checker.remembers(secret) for checker in self._checkers)


class Gate:
    """The checker and the rate limiters of one app; lies in ``app.state.gate``."""

    def __init__(self, keys: KeyChecker, rate_limiter: RateLimiter, failure_limiter: FailureLimiter) -> None:
        self._keys, self._rate_limiter, self._failure_limiter = keys, rate_limiter, failure_limiter

    async def admit(self, request: Request, roles: Sequence[Role]) -> Caller:
        """Return the caller.

        Raises:
            NotAuthenticated, NotAuthorised, TooManyRequests.
        """
        caller = await self._authenticated(request)
        if roles and caller.role not in roles:
            allowed = ", ".join(roles)
            raise NotAuthorised(f"A key with the role {caller.role} may not do this; it takes one of: {allowed}.")
        self._rate_limiter.hit(caller.key_id)
        return caller

    async def _authenticated(self, request: Request) -> Caller:
        """Return whose key the request carries.

        An address without failures left is refused before a key is looked up, but for the keys that worked before:
        callers behind one proxy share an address, and one that guesses must not shut the others out.
        """
        address = request.client.host if request.client is not None else ""
        try:
            secret = _secret_of(request)
            if not self._keys.remembers(secret):
                self._failure_limiter.require_unspent(address)
            caller = await self._keys.caller_of(secret)
            if caller is None:
                raise NotAuthenticated("The API key is unknown or revoked; `helpdesk keys create` makes one.")
        except NotAuthenticated:
            self._failure_limiter.require_unspent(address)
            self._failure_limiter.fail(address)
            raise
        return caller


class _Require(SecurityBase):
    def __init__(self, roles: Sequence[Role]) -> None:
        self.model = HTTPBearer(description="An API key, as `Authorization: Bearer …` or as `X-API-Key: …`.")
        self.scheme_name = SCHEME
        self._roles = roles

    async def __call__(self, request: Request) -> Caller:
        gate: Gate = request.app.state.gate
        return await gate.admit(request, self._roles)


def require(*roles: Role) -> SecurityBase:
    """Return a dependency that yields the ``Caller`` and admits these roles only (none given: any key).

    Use as ``caller: Annotated[Caller, Depends(require(Role.AGENT))]``.
    """
    return _Require(roles)


def _secret_of(request: Request) -> str:
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotAuthenticated("Send the API key as `Authorization: Bearer <key>`.")
        return secret.strip()
    secret = request.headers.get("x-api-key", "")
    if not secret:
        raise NotAuthenticated("Send an API key as `Authorization: Bearer <key>`, or as `X-API-Key: <key>`.")
    return secret
