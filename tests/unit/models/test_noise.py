"""Noise: seeded, bounded, and still readable."""

from difflib import SequenceMatcher

from models.noise import noisy_copy, with_typos

TEXTS = [f"Please tell me where the parcel for order {number} is, I've waited for weeks!" for number in range(300)]


def test_the_same_seed_gives_the_same_noise() -> None:
    assert noisy_copy(TEXTS, seed=3) == noisy_copy(TEXTS, seed=3) != noisy_copy(TEXTS, seed=4)
    assert with_typos(TEXTS, share=0.25, seed=3) == with_typos(TEXTS, share=0.25, seed=3)


def test_about_the_wanted_share_of_words_gets_one_slip() -> None:
    long_words = changed = 0
    for text, mistyped in zip(TEXTS, with_typos(TEXTS, share=0.25, seed=0), strict=True):
        pairs = [(word, other) for word, other in zip(text.split(), mistyped.split(), strict=True) if len(word) > 3]
        long_words += len(pairs)
        changed += sum(word != other for word, other in pairs)
        assert all(abs(len(word) - len(other)) <= 1 for word, other in pairs)
    assert 0.18 < changed / long_words < 0.28  # a slip may double or swap equal letters, and be none


def test_no_typos_leave_texts_as_they_are() -> None:
    assert with_typos(TEXTS, share=0.0, seed=0) == TEXTS


def test_a_noisy_copy_has_every_kind_of_noise_and_resembles_the_original() -> None:
    noisy = noisy_copy(TEXTS, seed=1)
    assert any(text.isupper() for text in noisy)
    assert any(text.islower() for text in noisy)
    assert any(text.casefold().startswith(("pls ", "plz ")) for text in noisy)
    assert any("!" not in text for text in noisy)
    assert any(text == original for text, original in zip(noisy, TEXTS, strict=True))
    for text, original in zip(noisy, TEXTS, strict=True):
        assert SequenceMatcher(None, text.lower(), original.lower()).ratio() > 0.6


def test_texts_without_words_survive() -> None:
    assert noisy_copy(["", "?", "😡", "12 34"], seed=0)[0] == ""
    assert with_typos(["", "a", "12"], share=1.0, seed=0) == ["", "a", "12"]
