"""The header that makes a retry harmless, and what makes two requests the same."""

import hashlib
import json
import re
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel

from helpdesk.errors import InvalidInput

_VISIBLE_ASCII = r"^[\x21-\x7e]{1,255}$"
_KEY = re.compile(_VISIBLE_ASCII)

REPLAYED = {"Idempotency-Replayed": {"description": "`true`: nothing new was stored.", "schema": {"type": "string"}}}
IDEMPOTENCY_KEY_DESCRIPTION: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name for this request: a retry under the same name gets the same answer, and stores nothing.",
    "schema": {"type": "string", "pattern": _VISIBLE_ASCII},
}


def idempotency_key(request: Request) -> str | None:
    """Return the request's key, if it has one.

    Raises:
        InvalidInput: it is empty, too long, or not visible ASCII.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidInput(
            "is not 1 to 255 visible ASCII characters", field="Idempotency-Key", remedy="send a UUID, for instance"
        )
    return key


async def _key_of(request: Request) -> str | None:
    return idempotency_key(request)


IdempotencyKey = Annotated[str | None, Depends(_key_of)]


def body_sha256(request: BaseModel, **path: str) -> str:
    """Return the digest by which two requests count as the same; the order of keys and white space do not matter.

    Args:
        path: parameters of the path; the same body for another ticket is another request.
    """
    body = json.dumps(request.model_dump(mode="json") | path, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()
