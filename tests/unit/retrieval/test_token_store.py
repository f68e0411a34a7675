"""Token vectors are computed once, kept in files that nobody sees half of, and held within a bound."""

from pathlib import Path

import numpy as np
import pytest

from helpdesk.adapters.retrieval import TokenStore, Wording, wording_of
from tests.contract.knowledge_contract import LAMP, STOVE, TENT, WordEncoder

WORDINGS = [wording_of(article) for article in (TENT, STOVE, LAMP)]


@pytest.fixture
def words() -> WordEncoder:
    return WordEncoder()


def files(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.npy"))


def test_what_is_missing_is_computed_and_kept(words: WordEncoder, tmp_path: Path) -> None:
    first = TokenStore(words, tmp_path).matrices(WORDINGS)
    assert len(words.encoded) == 3
    again = TokenStore(words, tmp_path).matrices(WORDINGS)
    assert len(words.encoded) == 3
    assert [one.values.tolist() for one in first] == [other.values.tolist() for other in again]


def test_one_wording_asked_for_twice_is_computed_once(words: WordEncoder, tmp_path: Path) -> None:
    assert len(TokenStore(words, tmp_path).matrices([WORDINGS[0], WORDINGS[1], WORDINGS[0]])) == 3
    assert len(words.encoded) == 2


@pytest.mark.parametrize("damage", [b"", b"no array", "floats"])
def test_a_damaged_file_is_computed_again(words: WordEncoder, tmp_path: Path, damage: bytes | str) -> None:
    [sound] = TokenStore(words, tmp_path).matrices(WORDINGS[:1])
    [file] = files(tmp_path)
    if isinstance(damage, bytes):
        file.write_bytes(damage)
    else:
        np.save(file, np.zeros((2, 2)))
    [found] = TokenStore(words, tmp_path).matrices(WORDINGS[:1])
    assert found.values.tolist() == sound.values.tolist()
    TokenStore(words, tmp_path).matrices(WORDINGS[:1])
    assert len(words.encoded) == 2


def test_another_encoders_vectors_are_not_taken_for_this_ones(words: WordEncoder, tmp_path: Path) -> None:
    TokenStore(words, tmp_path).matrices(WORDINGS)
    other = WordEncoder()
    other.name = "words-2"
    TokenStore(other, tmp_path).matrices(WORDINGS)
    assert len(other.encoded) == 3


def test_memory_stays_within_its_bound_and_files_answer_for_the_rest(words: WordEncoder, tmp_path: Path) -> None:
    many = [Wording((), f"word{number} thing{number}", f"{number:064}") for number in range(20)]
    one = TokenStore(words, None).matrices(many[:1])[0].size_bytes
    store = TokenStore(words, tmp_path, memory_bytes=5 * one)
    for wording in many:
        store.matrices([wording])
    assert store.used_bytes <= 5 * one
    words.encoded.clear()
    assert len(store.matrices(many)) == 20
    assert words.encoded == []


def test_a_directory_that_cannot_be_written_does_not_stop_a_search(
    words: WordEncoder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    store = TokenStore(words, tmp_path / "file")
    assert len(store.matrices(WORDINGS)) == 3
    assert len(store.matrices(WORDINGS)) == 3
    assert len(words.encoded) == 3
    assert [record.message for record in caplog.records] == [
        "token vectors cannot be kept; each process computes its own"
    ]


def test_files_of_wordings_that_are_gone_are_deleted(words: WordEncoder, tmp_path: Path) -> None:
    store = TokenStore(words, tmp_path)
    store.matrices(WORDINGS)
    store.prune({WORDINGS[1].digest})
    assert [file.stem for file in files(tmp_path)] == [WORDINGS[1].digest]
