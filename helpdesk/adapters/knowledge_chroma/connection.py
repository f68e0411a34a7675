"""Connections to Chroma, and its errors as ours."""

import fcntl
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from helpdesk.errors import HelpdeskError, KnowledgeUnavailable

_HINT = "percent-encode what is special in user and password, such as %2F for a slash"


def open_local(path: Path) -> Any:
    """Return a client of a local directory, which is made where it is missing."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import chromadb

    path.mkdir(parents=True, exist_ok=True)
    return chromadb.PersistentClient(path=path, settings=chromadb.Settings(anonymized_telemetry=False))


def open_server(url: str, *, timeout_s: float) -> Any:
    """Return a client of a Chroma server that answers; a user and password in the URL are sent to it."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import chromadb

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may hold a part of the password
        raise KnowledgeUnavailable(f"CHROMA_URL cannot be read: {_HINT}.") from None
    tls = parts.scheme == "https"
    # Chroma's client waits for ever, already while it is constructed: ask once with a limit, then set the limit.
    headers = _authorization(parts)
    heartbeat = f"{without_user(url).rstrip('/')}/api/v2/heartbeat"
    httpx.get(heartbeat, headers=headers, timeout=timeout_s).raise_for_status()
    client: Any = chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=port or (443 if tls else 80),
        ssl=tls,
        headers=headers,
        settings=chromadb.Settings(anonymized_telemetry=False),
    )
    for session in _sessions(client):
        session.timeout = httpx.Timeout(timeout_s)
    return client


def without_user(url: str) -> str:
    """Return the URL as errors may show it: without user and password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "the address in CHROMA_URL"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _authorization(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def close(client: Any) -> None:
    """Close a client, and the HTTP connections that its own ``close`` leaves open."""
    sessions = _sessions(client)
    client.close()
    for session in sessions:
        session.close()


def _sessions(client: Any) -> list[httpx.Client]:
    """Return the HTTP clients inside: its own, and that of the second client which it makes to look for its tenant."""
    servers = [inner._server for inner in (client, client._admin_client)]
    return [server._session for server in servers if hasattr(server, "_session")]


@contextmanager
def translated(where: str, done: str) -> Iterator[None]:
    """Raise KnowledgeUnavailable for whatever the block raises that is not ours."""
    try:
        yield
    except HelpdeskError:
        raise
    except Exception as error:  # Chroma raises its own errors, httpx's, ValueError and bare Exception alike
        problem = f"{type(error).__name__}: {error}"
        raise KnowledgeUnavailable(f"The knowledge index at {where} could not be {done}: {problem}") from error


@contextmanager
def one_builder(path: Path | None) -> Iterator[None]:
    """Let one process at a time build in a local directory, whose files allow one writer; a server sees to itself."""
    if path is None:
        yield
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "build.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise KnowledgeUnavailable(f"The directory {path} cannot be written: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
