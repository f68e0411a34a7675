"""Versions of the index: each load fills a collection of its own, then one pointer moves to it.

A search therefore sees the whole old knowledge base or the whole new one. A collection is never written after the
pointer has reached it; that is what makes a local directory safe to read from several processes, since Chroma keeps
an index in memory once it has opened it.
"""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpdesk.errors import KnowledgeUnavailable
from helpdesk.ports.knowledge import Article

_POINTER = "helpdesk-knowledge"  # a collection without content, whose metadata changes at once
_PREFIX = "helpdesk-kb-"
_FIELDS = ("title", "question", "intent", "category", "updated", "url")
_LISTS = ("tags", "also_asked")
_UNNAMED_RECIPE = "asked+whole"  # of the versions that did not name theirs yet
_ABANDONED_AFTER_S = 3600.0
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which collection is in force, and which was before: a search may still be using it."""

    active: str
    previous: str
    version: str
    encoder: str
    recipe: str


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """What is known of an article without reading it.

    Attributes:
        digest: of all that it says.
        text_digest: of what was encoded of it.
        group: the id that its near-duplicates share.
    """

    digest: str
    text_digest: str
    group: str
    vector: NDArray[np.float32]


def read_pointer(client: Any) -> Pointer | None:
    """Return what is in force, or None where nothing was ever loaded."""
    from chromadb.errors import NotFoundError

    try:
        metadata = client.get_collection(_POINTER, embedding_function=None).metadata
    except NotFoundError:
        return None
    named = {"recipe": _UNNAMED_RECIPE, **metadata}
    return Pointer(**{name: str(named[name]) for name in Pointer.__slots__})


def move_pointer(client: Any, pointer: Pointer) -> None:
    """Put a version into force, in one step that other processes see whole."""
    metadata = asdict(pointer)
    collection = client.get_or_create_collection(_POINTER, metadata=metadata, embedding_function=None)
    if collection.metadata != metadata:
        collection.modify(metadata=metadata)


def open_version(client: Any, pointer: Pointer) -> Any:
    """Return the collection that is in force."""
    return client.get_collection(pointer.active, embedding_function=None)


def stored_articles(client: Any, pointer: Pointer) -> dict[str, StoredArticle]:
    """Return what the version in force holds, by article id; nothing where other loaders have replaced it meanwhile."""
    from chromadb.errors import NotFoundError

    try:
        rows = open_version(client, pointer).get(include=["metadatas", "embeddings"])
    except NotFoundError:
        return {}
    vectors = np.asarray(rows["embeddings"], dtype=np.float32)
    return {
        name: StoredArticle(
            digest=str(metadata["digest"]),
            text_digest=str(metadata.get("text_digest", "")),
            group=str(metadata["group"]),
            vector=vector,
        )
        for name, metadata, vector in zip(rows["ids"], rows["metadatas"], vectors, strict=True)
    }


def read_version(collection: Any) -> tuple[list[Article], NDArray[np.float32], list[str]]:
    """Return all articles of a version, their vectors, and the ids that near-duplicates share, row by row."""
    rows = collection.get(include=["documents", "metadatas", "embeddings"])
    articles = [read_article(*row) for row in zip(rows["ids"], rows["documents"], rows["metadatas"], strict=True)]
    groups = [str(metadata["group"]) for metadata in rows["metadatas"]]
    return articles, np.asarray(rows["embeddings"], dtype=np.float32), groups


def build_version(
    client: Any,
    version: str,
    articles: Sequence[Article],
    *,
    text_digests: Sequence[str],
    vectors: NDArray[np.float32],
    groups: Sequence[str],
) -> str:
    """Fill a new collection, which nobody sees yet, and return its name.

    Args:
        vectors: one row per article.
        groups: for each article, the id that its near-duplicates share.

    Raises:
        KnowledgeUnavailable: not everything arrived.
    """
    name = f"{_PREFIX}{version}-{uuid.uuid4().hex[:8]}"
    collection = client.create_collection(
        name,
        metadata={"version": version, "started_at": time.time()},
        configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
        embedding_function=None,
    )
    rows = [
        {
            **{field: getattr(article, field) for field in _FIELDS},
            **{field: json.dumps(getattr(article, field)) for field in _LISTS},
            "digest": article.digest,
            "text_digest": text_digest,
            "group": group,
        }
        for article, text_digest, group in zip(articles, text_digests, groups, strict=True)
    ]
    step = min(client.get_max_batch_size(), _BATCH)
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


def drop(client: Any, name: str) -> None:
    """Delete a collection, unless another loader was faster."""
    from chromadb.errors import NotFoundError

    with suppress(NotFoundError):
        client.delete_collection(name)


def drop_superseded(client: Any, replaced: Pointer | None, *, alone: bool) -> None:
    """Delete what no search can still be using: the version before the last, and what a loader left half-built.

    Args:
        alone: no other loader builds now, so that what is half-built is abandoned.
    """
    in_force = read_pointer(client)
    if in_force is None:
        return
    for collection in client.list_collections():
        if not collection.name.startswith(_PREFIX) or collection.name in (in_force.active, in_force.previous):
            continue
        age_s = time.time() - float((collection.metadata or {}).get("started_at", 0.0))
        superseded = replaced is not None and collection.name == replaced.previous
        if alone or superseded or age_s > _ABANDONED_AFTER_S:
            drop(client, collection.name)


def read_article(article_id: str, body: str, metadata: Mapping[str, Any]) -> Article:
    """Return an article as it was loaded."""
    fields = {name: str(metadata[name]) for name in _FIELDS}
    tags, also_asked = (tuple(json.loads(metadata[name])) for name in _LISTS)
    return Article(article_id=article_id, body=body, tags=tags, also_asked=also_asked, **fields)
