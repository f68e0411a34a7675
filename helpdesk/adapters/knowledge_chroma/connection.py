"""Connections to Chroma, and its errors as ours."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from helpdesk.errors import HelpdeskError, KnowledgeUnavailable


def open_local(path: Path) -> Any:
    """Return a client of a local directory, which is made where it is missing."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import chromadb

    path.mkdir(parents=True, exist_ok=True)
    return chromadb.PersistentClient(path=path, settings=chromadb.Settings(anonymized_telemetry=False))


def open_server(url: str, *, timeout_s: float) -> Any:
    """Return a client of a Chroma server that answers."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import chromadb

    parts = urlsplit(url)
    tls = parts.scheme == "https"
    # Chroma's client waits for ever, already while it is constructed: ask once with a limit, then set the limit.
    httpx.get(f"{url.rstrip('/')}/api/v2/heartbeat", timeout=timeout_s).raise_for_status()
    client: Any = chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=parts.port or (443 if tls else 80),
        ssl=tls,
        settings=chromadb.Settings(anonymized_telemetry=False),
    )
    for session in _sessions(client):
        session.timeout = httpx.Timeout(timeout_s)
    return client


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
