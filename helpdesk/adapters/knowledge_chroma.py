"""The knowledge port on ChromaDB: a local directory, or a Chroma server that several machines share.

Every load builds a collection of its own and then moves one pointer to it, so a search sees the whole old knowledge
base or the whole new one. A collection is never written after the pointer has reached it; that is what makes a local
directory safe to read from several processes, since Chroma keeps an index in memory once it has opened it.
"""

import hashlib
import json
import math
import os
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from numpy.typing import NDArray

from helpdesk.adapters.article_rules import require_valid
from helpdesk.adapters.sentences import gist
from helpdesk.errors import HelpdeskError, KnowledgeUnavailable
from helpdesk.ports.encoder import Encoder
from helpdesk.ports.knowledge import Article, LoadReport, Passage, Question

POINTER = "helpdesk-knowledge"
"""A collection without content; its metadata names the collection in force, in one row that changes at once."""

_PREFIX = "helpdesk-kb-"
_FIELDS = ("title", "question", "intent", "category", "updated", "url")
_RECIPE = "(question, title) + (question, title, body without addresses)"
_URL = re.compile(r"https?://\S+")
_LOOK_EVERY_S = 2.0
_TIMEOUT_S = 10.0
_ABANDONED_AFTER_S = 3600.0
_PRIOR_WEIGHT = 0.05
_PRIOR_FLOOR = 1e-3
_SPARE_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class _Pointer:
    active: str
    previous: str
    version: str
    encoder: str


@dataclass(frozen=True, slots=True)
class _Stored:
    digest: str
    vector: NDArray[np.float32]


class ChromaKnowledge:
    """Dense search over question, title and body of each article, by cosine.

    Args:
        path: directory of a local index; give this or ``url``.
        url: address of a Chroma server.
        near_duplicate_cosine: articles at least this alike count as one; only the better of them is returned.
    """

    def __init__(
        self, encoder: Encoder, *, path: Path | None = None, url: str | None = None, near_duplicate_cosine: float = 0.97
    ) -> None:
        if (path is None) == (url is None):
            raise ValueError("give either a path or a url")
        self._encoder = encoder
        self._path, self._url = path, url
        self._near_duplicate_cosine = near_duplicate_cosine
        self._lock = threading.Lock()
        self._client: Any = None
        self._pointer: _Pointer | None = None
        self._collection: Any = None
        self._look_again_at = 0.0

    def load(self, articles: Sequence[Article]) -> LoadReport:
        """Build a new collection, embedding only what changed, and move the pointer to it."""
        require_valid(articles)
        digests = {article.article_id: _digest(article) for article in articles}
        version = _version(digests, self._encoder.name)
        with self._one_builder(), self._translated("loaded"):
            client = self._connected()
            pointer = _read_pointer(client)
            stored = self._stored(client, pointer)
            kept = {name for name, digest in digests.items() if name in stored and stored[name].digest == digest}
            changed = len(stored.keys() & digests.keys()) - len(kept)
            report = LoadReport(
                version=version,
                added=len(digests.keys() - stored.keys()),
                changed=changed,
                removed=len(stored.keys() - digests.keys()),
                unchanged=len(kept),
            )
            if pointer is None or not kept == digests.keys() == stored.keys():
                vectors = self._vectors(articles, {name: stored[name].vector for name in kept})
                name = self._build(client, articles, digests, vectors, version)
                _point(client, _Pointer(name, pointer.active if pointer else "", version, self._encoder.name))
                _drop_superseded(client, pointer)
        with self._lock:
            self._look_again_at = 0.0
        return report

    def search(self, questions: Sequence[Question], *, limit: int) -> list[list[Passage]]:
        """Return the best passages: cosine plus a soft prior over intents, near-duplicates collapsed."""
        if not questions:
            return []
        vectors = self._encoder.encode([gist(question.text) for question in questions])
        with self._translated("searched"):
            found = self._query(vectors, limit * 4 + _SPARE_CANDIDATES)
        rows = zip(questions, found["ids"], found["documents"], found["metadatas"], found["distances"], strict=True)
        return [
            _ranked(question, [_hit(*hit) for hit in zip(*columns, strict=True)], limit) for question, *columns in rows
        ]

    def version(self) -> str:
        """Return the version in force, at most a few seconds old."""
        with self._translated("read"):
            pointer, _ = self._active()
            return pointer.version if pointer else ""

    def check(self) -> None:
        """Raise KnowledgeUnavailable unless a search can be answered."""
        with self._translated("read"):
            with self._lock:
                self._look_again_at = 0.0
            self._required_collection()

    def close(self) -> None:
        """Let go of the index."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = self._collection = self._pointer = None

    # Reading

    def _query(self, vectors: NDArray[np.float32], n_results: int) -> Any:
        from chromadb.errors import NotFoundError

        def ask() -> Any:
            return self._required_collection().query(
                query_embeddings=vectors, n_results=n_results, include=["documents", "metadatas", "distances"]
            )

        try:
            return ask()
        except NotFoundError:  # replaced twice within the time between two looks, and deleted
            with self._lock:
                self._look_again_at = 0.0
            return ask()

    def _required_collection(self) -> Any:
        pointer, collection = self._active()
        if pointer is None:
            raise KnowledgeUnavailable("The knowledge base is empty; load it with `helpdesk kb load`.")
        if pointer.encoder != self._encoder.name:
            raise KnowledgeUnavailable(
                f"The index was built with the encoder {pointer.encoder}, not {self._encoder.name}; load it again."
            )
        return collection

    def _active(self) -> tuple[_Pointer | None, Any]:
        client = self._connected()
        with self._lock:
            now = time.monotonic()
            if now >= self._look_again_at:
                pointer = _read_pointer(client)
                if pointer != self._pointer:
                    self._collection = (
                        client.get_collection(pointer.active, embedding_function=None) if pointer else None
                    )
                    self._pointer = pointer
                self._look_again_at = now + _LOOK_EVERY_S
            return self._pointer, self._collection

    # Building

    def _stored(self, client: Any, pointer: _Pointer | None) -> dict[str, _Stored]:
        if pointer is None or pointer.encoder != self._encoder.name:
            return {}
        rows = client.get_collection(pointer.active, embedding_function=None).get(include=["metadatas", "embeddings"])
        vectors = np.asarray(rows["embeddings"], dtype=np.float32)
        return {
            name: _Stored(metadata["digest"], vector)
            for name, metadata, vector in zip(rows["ids"], rows["metadatas"], vectors, strict=True)
        }

    def _vectors(self, articles: Sequence[Article], known: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        new = [article for article in articles if article.article_id not in known]
        by_id = {**known, **{a.article_id: row for a, row in zip(new, self._encoded(new), strict=True)}}
        return np.stack([by_id[article.article_id] for article in articles])

    def _encoded(self, articles: Sequence[Article]) -> NDArray[np.float32]:
        # A ticket asks; so half of the weight goes to the question and title, which a long body would drown.
        asked = self._encoder.encode([f"{a.question}\n{a.title}" for a in articles])
        whole = self._encoder.encode([f"{a.question}\n{a.title}\n{_URL.sub('', a.body)}" for a in articles])
        both: NDArray[np.float32] = asked + whole
        both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-9)
        return both

    def _build(
        self,
        client: Any,
        articles: Sequence[Article],
        digests: Mapping[str, str],
        vectors: NDArray[np.float32],
        version: str,
    ) -> str:
        name = f"{_PREFIX}{version}-{uuid.uuid4().hex[:8]}"
        collection = client.create_collection(
            name,
            metadata={"version": version, "started_at": time.time()},
            configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
            embedding_function=None,
        )
        groups = _near_duplicates(vectors, self._near_duplicate_cosine)
        rows = [
            {
                **asdict(
                    article, dict_factory=lambda items: {k: v for k, v in items if k not in ("body", "article_id")}
                ),
                "tags": json.dumps(article.tags),
                "digest": digests[article.article_id],
                "group": articles[group].article_id,
            }
            for article, group in zip(articles, groups, strict=True)
        ]
        step = min(client.get_max_batch_size(), 512)
        for start in range(0, len(articles), step):
            part = slice(start, start + step)
            collection.upsert(
                ids=[article.article_id for article in articles[part]],
                embeddings=vectors[part],
                documents=[article.body for article in articles[part]],
                metadatas=rows[part],
            )
        if (count := collection.count()) != len(articles):
            raise KnowledgeUnavailable(f"The new index holds {count} of {len(articles)} articles; it is not used.")
        return name

    # The connection

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _local(self._path) if self._path else _server(str(self._url))
            return self._client

    @contextmanager
    def _one_builder(self) -> Iterator[None]:
        """Let one process at a time build in a local directory, whose files allow one writer."""
        if self._path is None:
            yield
            return
        import fcntl

        try:
            self._path.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path / "build.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise KnowledgeUnavailable(f"The directory {self._path} cannot be written: {error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        try:
            yield
        except HelpdeskError:
            raise
        except Exception as error:  # Chroma raises its own errors, httpx's, ValueError and bare Exception alike
            where = self._url or self._path
            kind = type(error).__name__
            raise KnowledgeUnavailable(
                f"The knowledge index at {where} could not be {done}: {kind}: {error}"
            ) from error


def _local(path: Path) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import chromadb

    path.mkdir(parents=True, exist_ok=True)
    return chromadb.PersistentClient(path=path, settings=chromadb.Settings(anonymized_telemetry=False))


def _server(url: str) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import chromadb

    parts = urlsplit(url)
    tls = parts.scheme == "https"
    # Chroma's client waits for ever, already while it is constructed: ask once with a limit, then set the limit.
    httpx.get(f"{url.rstrip('/')}/api/v2/heartbeat", timeout=_TIMEOUT_S).raise_for_status()
    client: Any = chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=parts.port or (443 if tls else 80),
        ssl=tls,
        settings=chromadb.Settings(anonymized_telemetry=False),
    )
    client._server._session.timeout = httpx.Timeout(_TIMEOUT_S)
    return client


def _read_pointer(client: Any) -> _Pointer | None:
    from chromadb.errors import NotFoundError

    try:
        metadata = client.get_collection(POINTER, embedding_function=None).metadata
    except NotFoundError:
        return None
    return _Pointer(**{name: metadata[name] for name in _Pointer.__slots__})


def _point(client: Any, pointer: _Pointer) -> None:
    metadata = asdict(pointer)
    collection = client.get_or_create_collection(POINTER, metadata=metadata, embedding_function=None)
    if collection.metadata != metadata:
        collection.modify(metadata=metadata)


def _drop_superseded(client: Any, replaced: _Pointer | None) -> None:
    """Delete what no search can still be using: the one before the last, and what a loader left half-built."""
    in_force = _read_pointer(client)
    for collection in client.list_collections():
        metadata = collection.metadata or {}
        if not collection.name.startswith(_PREFIX) or in_force is None:
            continue
        if collection.name in (in_force.active, in_force.previous):
            continue
        abandoned = time.time() - float(metadata.get("started_at", 0)) > _ABANDONED_AFTER_S
        if abandoned or (replaced is not None and collection.name == replaced.previous):
            client.delete_collection(collection.name)


def _digest(article: Article) -> str:
    return hashlib.sha256(json.dumps(asdict(article), sort_keys=True).encode()).hexdigest()[:16]


def _version(digests: Mapping[str, str], encoder_name: str) -> str:
    content = json.dumps([encoder_name, _RECIPE, sorted(digests.items())])
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _near_duplicates(vectors: NDArray[np.float32], cosine: float) -> list[int]:
    """Return for each row the first row of its group of near-duplicates (mostly itself)."""
    leader = list(range(len(vectors)))
    for start in range(0, len(vectors), 512):
        alike = vectors[start : start + 512] @ vectors.T >= cosine
        for offset, row in enumerate(alike):
            index = start + offset
            twins = np.flatnonzero(row[:index])
            if len(twins):
                leader[index] = leader[int(twins[0])]
    return leader


@dataclass(frozen=True, slots=True)
class _Hit:
    passage: Passage
    group: str


def _hit(article_id: str, body: str, metadata: Mapping[str, Any], distance: float) -> _Hit:
    fields = {name: str(metadata[name]) for name in _FIELDS}
    article = Article(article_id=article_id, body=body, tags=tuple(json.loads(metadata["tags"])), **fields)
    return _Hit(Passage(article=article, similarity=1.0 - float(distance)), str(metadata["group"]))


def _ranked(question: Question, hits: Sequence[_Hit], limit: int) -> list[Passage]:
    prior = question.intent_prior

    def score(hit: _Hit) -> float:
        if not prior:
            return hit.passage.similarity
        probability = max(prior.get(hit.passage.article.intent, 0.0), _PRIOR_FLOOR)
        return hit.passage.similarity + _PRIOR_WEIGHT * math.log(probability)

    best: dict[str, Passage] = {}
    for hit in sorted(hits, key=score, reverse=True):
        best.setdefault(hit.group, hit.passage)
    return list(best.values())[:limit]
