"""API keys: how they are made, what they look like, and how they are stored (hashed, never in clear)."""

import hashlib
import re
import secrets
from datetime import UTC, datetime

from uuid_utils import uuid7

from helpdesk.errors import InvalidInput
from helpdesk.ports.store import ApiKey, Role

_SHAPE = re.compile(rf"hd_(?:{'|'.join(Role)})_[A-Za-z0-9_-]{{43}}")


MAX_NAME = 100


def new_key(role: Role, *, name: str) -> tuple[str, ApiKey]:
    """Return a new secret, to be shown once, and the key without it, to be stored.

    Args:
        name: whose key it is; tickets and history carry it.

    Raises:
        InvalidInput: the name is blank, too long, or holds what cannot be seen.
    """
    if not name.strip() or name != name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(
            f"is not 1 to {MAX_NAME} visible characters, without a space at either end",
            field="name",
            remedy="name the portal, the agent or the program whose key it is",
        )
    secret = f"hd_{role}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        key_id=f"key_{uuid7().hex}",
        name=name,
        role=role,
        secret_sha256=secret_sha256(secret),
        created_at=datetime.now(UTC),
    )
    return secret, key


def secret_sha256(secret: str) -> str:
    """Return the hex digest that is stored.

    A plain hash is enough: the secret holds 256 random bits, so there is nothing to guess.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def looks_like_a_key(secret: str) -> bool:
    """Say whether ``secret`` has the shape that ``new_key`` gives."""
    return _SHAPE.fullmatch(secret) is not None
