"""What the models say of each text, once: encodings and predictions, optionally kept in a folder between runs."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.adapters.sentences import gist
from helpdesk.ports.encoder import Encoding
from helpdesk.predictions import Prediction
from helpdesk.settings import ModelSettings
from models.classifier import load_classifier
from models.registry_file import RegistryFile

_AT_ONCE = 64


class Reader:
    """Encodes like ``MiniLmEncoder``, and predicts like the prediction service.

    Args:
        cache_dir: where to keep what was computed; None computes all.
    """

    name = MiniLmEncoder.name

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache_dir = cache_dir
        self._encoder = MiniLmEncoder(cache_size=1)
        self._known: dict[str, Encoding] = {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text: shape (len(texts), 384)."""
        return np.stack([encoding.vector for encoding in self.encode_with_tokens(texts)])

    def encode_with_tokens(self, texts: Sequence[str]) -> list[Encoding]:
        """Return vector and token vectors of each text."""
        missing = sorted({text for text in texts if text not in self._known}, key=len)
        if missing:
            self._known.update(zip(missing, self._encodings(missing), strict=True))
        return [self._known[text] for text in texts]

    def questions(self, texts: Sequence[str]) -> list[Encoding]:
        """Return the encodings of questions, as a search makes them."""
        return self.encode_with_tokens([gist(text) for text in texts])

    def predictions(self, texts: Sequence[str]) -> list[Prediction]:
        """Return what the live intent model says."""
        settings = ModelSettings()
        version = RegistryFile(settings.artifacts_dir).artifact().manifest.version
        path = self._path(f"predictions-{version}.jsonl", texts)
        if path is None or not path.exists():
            classifier = load_classifier(settings)
            found = [one for part in _parts(texts) for one in classifier.predict(part)]
            if path is None:
                return found
            path.write_text("".join(one.model_dump_json() + "\n" for one in found), encoding="utf-8")
        return [Prediction.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        path = self._path("encodings.npz", texts)
        if path is None or not path.exists():
            found = [one for part in _parts(texts) for one in self._encoder.encode_with_tokens(part)]
            if path is None:
                return found
            tokens = np.concatenate([one.tokens for one in found]).astype(np.float16)
            ends = np.cumsum([len(one.tokens) for one in found])
            np.savez(path, vectors=np.stack([one.vector for one in found]), tokens=tokens, ends=ends)
        with np.load(path) as stored:
            parts = np.split(stored["tokens"].astype(np.float32), stored["ends"][:-1])
            return [Encoding(vector, part) for vector, part in zip(stored["vectors"], parts, strict=True)]

    def _path(self, kind: str, texts: Sequence[str]) -> Path | None:
        if self._cache_dir is None:
            return None
        self._cache_dir.mkdir(parents=True, exist_ok=True)
        return self._cache_dir / f"{hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]}-{kind}"


def _parts(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[start : start + _AT_ONCE] for start in range(0, len(texts), _AT_ONCE)]
