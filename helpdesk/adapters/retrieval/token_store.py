"""Keeps the token vectors of articles: in files, and the latest used of them in memory.

They follow from an article's words and the encoder alone, so they are a cache of the machine and no part of a version:
nothing has to be swapped, and what is missing is computed. A load computes those of all new articles beforehand.
"""

import logging
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpdesk.adapters.retrieval.late_interaction import TokenMatrix, quantised, token_matrix
from helpdesk.adapters.retrieval.wording import Wording
from helpdesk.ports.encoder import Encoder

MEMORY_BYTES = 96 * 2**20
"""Room for the token vectors of about 1,400 articles of 180 word pieces."""
_SUFFIX = ".npy"
log = logging.getLogger(__name__)


class TokenStore:
    """Token vectors by article wording. Safe across threads and processes.

    Args:
        directory: where files lie; None keeps all in memory, within its bound.
        memory_bytes: how much memory the token vectors may take.
    """

    def __init__(self, encoder: Encoder, directory: Path | None, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._encoder = encoder
        self._directory = directory / encoder.name if directory is not None else None
        self._memory_bytes, self.used_bytes = memory_bytes, 0
        self._memory: OrderedDict[str, TokenMatrix] = OrderedDict()
        self._lock = threading.Lock()
        self._can_write = True

    def matrices(self, wordings: Sequence[Wording]) -> list[TokenMatrix]:
        """Return the token vectors of each wording; those that are not there yet are computed and kept.

        Raises:
            KnowledgeUnavailable: the encoder cannot be loaded.
        """
        found = {wording.digest: self._found(wording.digest) for wording in wordings}
        missing = {wording.digest: wording.whole for wording in wordings if found[wording.digest] is None}
        for digest, encoding in zip(missing, self._encoder.encode_with_tokens(list(missing.values())), strict=True):
            found[digest] = self._kept(digest, quantised(encoding.tokens))
        return [matrix for wording in wordings if (matrix := found[wording.digest]) is not None]

    def add(self, tokens: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep token vectors that are known already, by digest."""
        for digest, rows in tokens.items():
            self._kept(digest, quantised(rows))

    def prune(self, digests: Collection[str]) -> None:
        """Delete the files of all other wordings."""
        if self._directory is not None and self._directory.is_dir():
            for path in self._directory.glob(f"*/*{_SUFFIX}"):
                if path.name.removesuffix(_SUFFIX) not in digests:
                    path.unlink(missing_ok=True)

    def _found(self, digest: str) -> TokenMatrix | None:
        with self._lock:
            if digest in self._memory:
                self._memory.move_to_end(digest)
                return self._memory[digest]
        if self._directory is None:
            return None
        try:
            values = np.load(self._path(self._directory, digest))
        except (OSError, ValueError, EOFError):  # not there yet, or damaged: computed again
            return None
        return self._remembered(digest, token_matrix(values)) if _is_sound(values) else None

    def _kept(self, digest: str, values: NDArray[np.int8]) -> TokenMatrix:
        if self._directory is not None and self._can_write:
            try:
                _write(self._path(self._directory, digest), values)
            except OSError as error:
                self._can_write = False
                log.warning(
                    "token vectors cannot be kept; each process computes its own",
                    extra={"directory": str(self._directory), "error": str(error)},
                )
        return self._remembered(digest, token_matrix(values))

    def _remembered(self, digest: str, matrix: TokenMatrix) -> TokenMatrix:
        with self._lock:
            if digest not in self._memory:
                self._memory[digest] = matrix
                self.used_bytes += matrix.size_bytes
            while self.used_bytes > self._memory_bytes and len(self._memory) > 1:
                _, oldest = self._memory.popitem(last=False)
                self.used_bytes -= oldest.size_bytes
        return matrix

    def _path(self, directory: Path, digest: str) -> Path:
        return directory / digest[:2] / f"{digest}{_SUFFIX}"


def _is_sound(values: NDArray[np.int8]) -> bool:
    return values.dtype == np.int8 and values.ndim == 2


def _write(path: Path, values: NDArray[np.int8]) -> None:
    """Write a file in one step, so that other processes see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as unfinished:
        np.save(unfinished, values)
    os.replace(unfinished.name, path)
