"""An artifact as the cascade that serves: both stages loaded, matched with their encoder, and tried once."""

from pathlib import Path

import numpy as np

from helpdesk.errors import ModelUnavailable
from models.artifact import Artifact, EncoderReference
from models.cascade import Cascade, FusedStages, Stage
from models.encoder_export import cached_encoder
from models.encoder_lite import LiteEncoder
from models.encoder_stage import EncoderStage
from models.lite_graph import read_table
from models.reader import load_reader
from models.static_stage import StaticStage
from models.tokenizer import load_tokenizer

STATIC_GRAPH, STATIC_TABLE, TOKENIZER, WORDS = "static.tflite", "static_table.npz", "tokenizer.json", "words.json"
HEAD = "head.tflite"
ENCODER_GRAPH, TUNED_HEAD = "encoder.tflite", "tuned_head.tflite"
"""Only in artifacts with a fine-tuned copy of the encoder."""

REQUIRED = (STATIC_GRAPH, STATIC_TABLE, TOKENIZER, WORDS, HEAD)

PROBE_TEXT = "Where is the parcel that I ordered last week?"
_PROBED = 16
_MAX_PROBE_GAP = 5e-3


def load_cascade(artifact: Artifact, encoder_dir: Path) -> Cascade:
    """Return an artifact's cascade after one run of both stages.

    Raises:
        ModelUnavailable: its files do not hold what the manifest promises, or the encoder is another one.
    """
    manifest = artifact.manifest
    required = REQUIRED if manifest.encoder_fusion is None else (*REQUIRED, ENCODER_GRAPH, TUNED_HEAD)
    unlisted = next((name for name in required if name not in manifest.files), None)
    if unlisted:
        raise ModelUnavailable(f"The manifest of the model {manifest.version} lists no {unlisted}, which it needs.")
    encoder = cached_encoder(encoder_dir)
    check_encoder(encoder, manifest.encoder)
    expected = len(manifest.labels) + 1
    try:
        reader = load_reader(artifact.file(WORDS).read_text(encoding="utf-8"))
        tokenizer = load_tokenizer(artifact.file(TOKENIZER))
        table = read_table(artifact.file(STATIC_TABLE).read_bytes())
        if tokenizer.largest_id >= len(table.values):
            raise ValueError(f"its tokenizer has the id {tokenizer.largest_id}, its table {len(table.values)} rows")
        static = StaticStage(tokenizer, table, artifact.file(STATIC_GRAPH).read_bytes())
        second: Stage = EncoderStage(encoder, artifact.file(HEAD).read_bytes())
        if manifest.encoder_fusion is not None:
            tuned = encoder.with_graph(artifact.file(ENCODER_GRAPH).read_bytes())
            beside = EncoderStage(tuned, artifact.file(TUNED_HEAD).read_bytes())
            second = FusedStages(second, beside, manifest.encoder_fusion)
        tried = [stage.logits(reader.read([PROBE_TEXT])) for stage in (static, second)]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # whatever the libraries raise on bytes that they cannot read; tokenizers panics
        raise ModelUnavailable(f"The model {manifest.version} cannot be loaded: {error}") from error
    widths = {logits.shape[1] for logits in tried}
    if widths != {expected}:
        given = " and ".join(str(width) for width in sorted(widths))
        raise ModelUnavailable(f"The model {manifest.version} gives {given} scores; it needs {expected}.")
    if not all(np.isfinite(logits).all() for logits in tried):
        raise ModelUnavailable(f"The model {manifest.version} gives scores that are no numbers; train it again.")
    return Cascade(reader, static, second, manifest.fusion)


def encoder_reference(encoder: LiteEncoder) -> EncoderReference:
    """Return what an artifact's manifest says about the encoder that it was trained on."""
    return EncoderReference(name=encoder.record.name, checksum=encoder.record.checksum, probe=_probe(encoder))


def check_encoder(encoder: LiteEncoder, reference: EncoderReference) -> None:
    """Make sure that an encoder is the one that an artifact was trained on.

    Raises:
        ModelUnavailable: it is not.
    """
    if encoder.record.name != reference.name:
        raise ModelUnavailable(
            f"The model was trained on the encoder {reference.name}, this installation has {encoder.record.name}; "
            "train it again with `helpdesk train`."
        )
    if encoder.record.checksum == reference.checksum:
        return
    vector = _probe(encoder)
    gap = float(np.abs(np.subtract(vector, reference.probe)).max()) if len(vector) == len(reference.probe) else np.inf
    if gap > _MAX_PROBE_GAP:
        raise ModelUnavailable(
            f"The encoder {encoder.record.name} of this machine gives other vectors than the model was trained on "
            f"(by {gap:.3f}); install the pinned dependencies (`make setup`), or train again with `helpdesk train`."
        )


def _probe(encoder: LiteEncoder) -> list[float]:
    return [round(float(number), 5) for number in encoder.encode([PROBE_TEXT])[0, :_PROBED]]
