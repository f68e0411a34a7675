"""The header that makes a retry harmless."""

import re
from typing import Any

from fastapi import Request

from helpdesk.errors import InvalidInput

_VISIBLE_ASCII = r"^[\x21-\x7e]{1,255}$"
_KEY = re.compile(_VISIBLE_ASCII)

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
