"""The API keys of this machine: made on the first run, kept in a file that only its owner can read."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from helpdesk.errors import InvalidSetting
from helpdesk.ports.store import Role, Store

PROCESSOR = "processor"
"""Name of the key that the worker sends to the prediction API."""

ROLES: Mapping[str, Role] = {
    "portal": Role.PORTAL,
    "agent": Role.AGENT,
    "operator": Role.OPERATOR,
    "ml": Role.ML,
    PROCESSOR: Role.ML,
}
"""Name of each key that is made, and its role."""


def keys_file(state_dir: Path) -> Path:
    """Return where the secrets lie."""
    return state_dir / "keys.json"


def read_keys(state_dir: Path) -> dict[str, str]:
    """Return secret by name; empty before the first run.

    Raises:
        InvalidSetting: the file cannot be read, or was damaged.
    """
    file = keys_file(state_dir)
    try:
        keys = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidSetting(
            f"cannot be read: {error}", field=str(file), remedy="delete the file; `helpdesk run` makes new keys"
        ) from error
    if not isinstance(keys, dict):
        raise InvalidSetting("holds no keys", field=str(file), remedy="delete the file; `helpdesk run` makes new keys")
    return {str(name): str(secret) for name, secret in keys.items()}


def ensure_keys(store: Store, state_dir: Path) -> dict[str, str]:
    """Return a working key per name: the saved ones, and new ones for what is missing or revoked.

    A saved key that the store has never seen is stored as it is, so that changing between databases keeps the keys.
    """
    from helpdesk.web.keys import looks_like_a_key, new_key, secret_sha256

    saved = read_keys(state_dir)
    keys: dict[str, str] = {}
    with store.transaction() as tx:
        for name, role in ROLES.items():
            secret = saved.get(name, "")
            known = tx.api_key_by_sha256(secret_sha256(secret)) if looks_like_a_key(secret) else None
            if known is None or known.revoked_at is not None or known.role is not role:
                fresh, key = new_key(role, name=name)
                if known is None and secret.startswith(f"hd_{role}_") and looks_like_a_key(secret):
                    fresh, key = secret, replace(key, secret_sha256=secret_sha256(secret))
                tx.add_api_key(key)
                secret = fresh
            keys[name] = secret
    if keys != saved:
        _write(keys_file(state_dir), keys)
    return keys


def _write(file: Path, keys: Mapping[str, str]) -> None:
    """Replace the file in one step; at no moment can others read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(keys, stream, indent=2)
        stream.write("\n")
    draft.replace(file)
