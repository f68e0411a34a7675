"""One run of MiniLM gives a text's vector and those of its tokens."""

import numpy as np
import pytest

from helpdesk.adapters.encoder_minilm import MiniLmEncoder

TEXTS = ["Where is my parcel?", "I was charged twice for the same order, and nobody answers the phone.", "?", ""]


def test_both_ways_give_the_same_vectors(encoder: MiniLmEncoder) -> None:
    vectors = np.stack([encoding.vector for encoding in encoder.encode_with_tokens(TEXTS)])
    assert np.allclose(vectors, MiniLmEncoder().encode(TEXTS), atol=1e-4)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)


def test_every_word_piece_has_a_vector_and_padding_has_none(encoder: MiniLmEncoder) -> None:
    assert [len(encoding.tokens) for encoding in encoder.encode_with_tokens(TEXTS)] == [5, 15, 1, 0]
    assert encoder.encode_with_tokens([]) == []


def test_a_text_in_a_batch_is_encoded_as_it_is_alone(encoder: MiniLmEncoder) -> None:
    [alone] = encoder.encode_with_tokens(TEXTS[:1])
    assert encoder.encode_with_tokens(TEXTS)[0].tokens == pytest.approx(alone.tokens, abs=1e-3)


def test_what_was_encoded_with_tokens_is_remembered_for_the_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = MiniLmEncoder()
    [found] = encoder.encode_with_tokens(["Where is my order?"])
    monkeypatch.setattr("helpdesk.adapters.encoder_minilm._model", lambda: pytest.fail("encoded again"))
    assert np.array_equal(encoder.encode(["Where is my order?"])[0], found.vector)
