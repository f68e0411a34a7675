"""Loads and searches the knowledge base."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpdesk.adapters.article_rules import require_valid
from helpdesk.adapters.knowledge_chroma import versions
from helpdesk.adapters.knowledge_chroma.connection import (
    close,
    one_builder,
    open_local,
    open_server,
    translated,
    without_user,
)
from helpdesk.adapters.knowledge_chroma.versions import Pointer, StoredArticle
from helpdesk.adapters.retrieval import HybridIndex, TokenStore, Wording, asked_vectors, joined, wording_of
from helpdesk.adapters.retrieval.near_duplicates import collapsed, near_duplicates
from helpdesk.adapters.sentences import gist
from helpdesk.errors import ArticleNotFound, KnowledgeUnavailable
from helpdesk.ports.encoder import Encoder
from helpdesk.ports.knowledge import Article, LoadReport, Passage, Question, version_of

_RECIPE = "asked+also|whole"
"""(question, title) and its further wordings beside (question, title, body): another recipe makes other vectors."""
_ENCODED_AT_ONCE = 16


class ChromaKnowledge:
    """Keeps versions in Chroma, and searches the one in force with a hybrid index that each process makes of it.

    An index takes about 10 KB of memory per article, and token vectors a bounded amount. Searching it exactly is faster
    than asking Chroma up to tens of thousands of articles, and one object is what a swap replaces.

    Args:
        path: directory of a local index; give this or ``url``.
        url: address of a Chroma server.
        token_dir: where this machine keeps token vectors; by default beside a local index, else in memory alone.
        near_duplicate_cosine: articles at least this alike count as one; only the better of them is returned.
        look_every_s: how long a version that another process put into force may go unnoticed.
        timeout_s: how long a server may keep silent.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        path: Path | None = None,
        url: str | None = None,
        token_dir: Path | None = None,
        near_duplicate_cosine: float = 0.97,
        look_every_s: float = 2.0,
        timeout_s: float = 10.0,
    ) -> None:
        if (path is None) == (url is None):
            raise ValueError("give either a path or a url")
        self._encoder = encoder
        self._path, self._url = path, url
        self._tokens = TokenStore(encoder, token_dir or (path / "tokens" if path is not None else None))
        self._near_duplicate_cosine = near_duplicate_cosine
        self._look_every_s, self._timeout_s = look_every_s, timeout_s
        self._lock = threading.Lock()
        self._client: Any = None
        self._pointer: Pointer | None = None
        self._collection: Any = None
        self._index: HybridIndex | None = None
        self._indexed = ""
        self._indexing = threading.Lock()
        self._look_again_at = 0.0

    def load(
        self, articles: Sequence[Article], *, before_swap: Callable[[LoadReport], None] | None = None
    ) -> LoadReport:
        """Build a new version, embedding only what changed, and put it into force."""
        require_valid(articles)
        digests = {article.article_id: article.digest for article in articles}
        version = version_of(articles)
        with one_builder(self._path), self._translated("loaded"):
            client = self._connected()
            pointer = versions.read_pointer(client)
            stored = versions.stored_articles(client, pointer) if pointer is not None else {}
            same = {name for name, digest in digests.items() if name in stored and stored[name].digest == digest}
            report = LoadReport(
                version=version,
                added=len(digests.keys() - stored.keys()),
                changed=len(stored.keys() & digests.keys()) - len(same),
                removed=len(stored.keys() - digests.keys()),
                unchanged=len(same),
            )
            if self._fits(pointer) and same == digests.keys() == stored.keys():
                report = replace(report, collapsed=collapsed({name: stored[name].group for name in digests}))
                if before_swap is not None:
                    before_swap(report)
            else:
                report = self._rebuild(client, articles, report, stored if self._fits(pointer) else {}, before_swap)
        self._look_now()
        return report

    def search(self, questions: Sequence[Question], *, limit: int) -> list[list[Passage]]:
        """Return the best passages; each question is encoded once."""
        if not questions:
            return []
        encodings = self._encoder.encode_with_tokens([gist(question.text) for question in questions])
        with self._translated("searched"):
            index: HybridIndex = self._asked(self._index_of)
        return [
            index.search(question, encoding, limit=limit)
            for question, encoding in zip(questions, encodings, strict=True)
        ]

    def article(self, article_id: str) -> Article:
        """Return an article as it was loaded."""
        with self._translated("read"):
            rows = self._asked(lambda collection: collection.get(ids=[article_id], include=["documents", "metadatas"]))
        if not rows["ids"]:
            raise ArticleNotFound(f"There is no article {article_id}; `helpdesk kb search` finds them by a question.")
        return versions.read_article(article_id, rows["documents"][0], rows["metadatas"][0])

    def version(self) -> str:
        """Return the version in force, as of a few seconds ago at most; none where it has to be built again."""
        with self._translated("read"):
            pointer, _ = self._active()
            return pointer.version if pointer is not None and self._fits(pointer) else ""

    def check(self) -> None:
        """Raise KnowledgeUnavailable unless a search can be answered."""
        self._look_now()
        with self._translated("read"):
            self._required_collection().count()

    def close(self) -> None:
        """Let go of the index."""
        with self._lock:
            if self._client is not None:
                close(self._client)
            self._client = self._collection = self._pointer = self._index = None
            self._look_again_at = 0.0

    def _index_of(self, collection: Any) -> HybridIndex:
        with self._indexing:
            if self._index is None or self._indexed != collection.name:
                articles, vectors, groups = versions.read_version(collection)
                wordings = [wording_of(article) for article in articles]
                self._index = HybridIndex(articles, wordings, vectors, groups, self._tokens)
                self._indexed = collection.name
            return self._index

    def _asked(self, question: Callable[[Any], Any]) -> Any:
        from chromadb.errors import NotFoundError

        try:
            return question(self._required_collection())
        except NotFoundError:  # replaced twice between two looks, and deleted
            self._look_now()
            return question(self._required_collection())

    def _required_collection(self) -> Any:
        pointer, collection = self._active()
        if pointer is None:
            raise KnowledgeUnavailable("The knowledge base is empty; load it with `helpdesk kb load`.")
        if not self._fits(pointer):
            raise KnowledgeUnavailable(
                f"The index was built with the encoder {pointer.encoder} and the recipe {pointer.recipe or 'of old'}; "
                f"this version of Helpdesk has {self._encoder.name} and {_RECIPE}. Load it again: `helpdesk kb load`."
            )
        return collection

    def _active(self) -> tuple[Pointer | None, Any]:
        client = self._connected()
        with self._lock:
            now = time.monotonic()
            if now >= self._look_again_at:
                pointer = versions.read_pointer(client)
                if pointer != self._pointer:
                    self._collection = versions.open_version(client, pointer) if pointer else None
                    self._pointer = pointer
                self._look_again_at = now + self._look_every_s
            return self._pointer, self._collection

    def _look_now(self) -> None:
        with self._lock:
            self._look_again_at = 0.0

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                if self._path is not None:
                    self._client = open_local(self._path)
                else:
                    self._client = open_server(str(self._url), timeout_s=self._timeout_s)
            return self._client

    def _translated(self, done: str) -> Any:
        return translated(without_user(self._url) if self._url else str(self._path), done)

    def _fits(self, pointer: Pointer | None) -> bool:
        """Say whether this code would have made the same vectors."""
        return pointer is not None and (pointer.encoder, pointer.recipe) == (self._encoder.name, _RECIPE)

    def _rebuild(
        self,
        client: Any,
        articles: Sequence[Article],
        report: LoadReport,
        stored: Mapping[str, StoredArticle],
        before_swap: Callable[[LoadReport], None] | None,
    ) -> LoadReport:
        known = {article.text_digest: article.vector for article in stored.values()}
        wordings = [wording_of(article) for article in articles]
        new = [wording for wording in wordings if wording.digest not in known]
        known |= {wording.digest: vector for wording, vector in zip(new, self._encoded(new), strict=True)}
        vectors = np.stack([known[wording.digest] for wording in wordings])
        leaders = near_duplicates(vectors, self._near_duplicate_cosine)
        groups = [articles[leader].article_id for leader in leaders]
        alike = collapsed({article.article_id: group for article, group in zip(articles, groups, strict=True)})
        report = replace(report, embedded=len(new), collapsed=alike)
        text_digests = [wording.digest for wording in wordings]
        collection = versions.build_version(
            client, report.version, articles, text_digests=text_digests, vectors=vectors, groups=groups
        )
        try:
            if before_swap is not None:
                before_swap(report)
        except BaseException:
            versions.drop(client, collection)
            raise
        replaced = versions.read_pointer(client)
        previous = replaced.active if replaced is not None else ""
        versions.move_pointer(client, Pointer(collection, previous, report.version, self._encoder.name, _RECIPE))
        versions.drop_superseded(client, replaced, alone=self._path is not None)
        self._tokens.prune({*text_digests, *(article.text_digest for article in stored.values())})
        return report

    def _encoded(self, wordings: Sequence[Wording]) -> NDArray[np.float32]:
        """Return the vectors of articles, and keep those of their tokens, which come from the same run."""
        rows = []
        for start in range(0, len(wordings), _ENCODED_AT_ONCE):  # in parts: tickets are encoded in between
            part = wordings[start : start + _ENCODED_AT_ONCE]
            whole = self._encoder.encode_with_tokens([wording.whole for wording in part])
            self._tokens.add({wording.digest: found.tokens for wording, found in zip(part, whole, strict=True)})
            rows.append(joined(asked_vectors(self._encoder, part), np.stack([found.vector for found in whole])))
        return np.concatenate(rows) if rows else np.empty((0, 0), dtype=np.float32)
