"""Noise as customers make it: typos, casing, abbreviations and missing punctuation, the same for the same seed."""

import random
import re
from collections.abc import Sequence

_NEIGHBOURS = {
    "a": "sqwz", "b": "vghn", "c": "xdfv", "d": "sefc", "e": "wrd", "f": "drgv", "g": "fthb", "h": "gyjn", "i": "uok",
    "j": "hukm", "k": "jil", "l": "kop", "m": "njk", "n": "bhm", "o": "ipl", "p": "ol", "q": "wa", "r": "etf",
    "s": "adwx", "t": "ryg", "u": "yij", "v": "cfb", "w": "qes", "x": "zsc", "y": "tuh", "z": "xas",
}  # fmt: skip
_SHORT_FORMS = {
    "account": ("acct", "acc"), "address": ("adress", "addr"), "and": ("&", "n"), "are": ("r",),
    "because": ("cuz", "bc"),
    "before": ("b4",), "can't": ("cant",), "cannot": ("cant",), "didn't": ("didnt",), "do not": ("dont",),
    "doesn't": ("doesnt",), "don't": ("dont",), "for": ("4",), "haven't": ("havent",), "how do i": ("how to",),
    "i am": ("im",), "i'm": ("im",), "i've": ("ive",), "information": ("info",), "isn't": ("isnt",),
    "message": ("msg",), "number": ("no", "nr"), "password": ("pw", "passwrd"), "people": ("ppl",),
    "please": ("pls", "plz"), "something": ("sth",), "thank you": ("thx", "ty"), "thanks": ("thx",), "to": ("2",),
    "tomorrow": ("tmrw",), "transaction": ("txn",), "want to": ("wanna",), "what's": ("whats",), "with": ("w/",),
    "won't": ("wont",), "you": ("u",), "your": ("ur",),
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SHORTENED = re.compile(
    rf"\b(?:{'|'.join(sorted(map(re.escape, _SHORT_FORMS), key=len, reverse=True))})\b", re.IGNORECASE
)
_PUNCTUATION = re.compile(r"[.,;:!?'\"]+(?=\s|$)|(?<=\w)'(?=\w)")
_MIN_LETTERS = 3


def with_typos(texts: Sequence[str], *, share: float, seed: int) -> list[str]:
    """Return the texts with one slip of the finger in this share of their words of three letters or more."""
    rng = random.Random(seed)
    return [_mistyped(text, share, rng) for text in texts]


def noisy_copy(texts: Sequence[str], *, seed: int) -> list[str]:
    """Return the texts as they would be written in haste; some come out unchanged."""
    rng = random.Random(seed)
    return [_hasty(text, rng) for text in texts]


def _hasty(text: str, rng: random.Random) -> str:
    if rng.random() < 0.4:
        text = _SHORTENED.sub(lambda found: _shortened(found, rng), text)
    if rng.random() < 0.5:
        text = _PUNCTUATION.sub("", text)
    text = _mistyped(text, rng.choice((0.0, 0.1, 0.2, 0.3, 0.4)), rng)
    casing = rng.random()
    if casing < 0.4:
        return text.lower()
    return text.upper() if casing < 0.45 else text


def _shortened(found: re.Match[str], rng: random.Random) -> str:
    return rng.choice(_SHORT_FORMS[found[0].lower()]) if rng.random() < 0.6 else found[0]


def _mistyped(text: str, share: float, rng: random.Random) -> str:
    def slip(found: re.Match[str]) -> str:
        word = found[0]
        return _slip(word, rng) if len(word) >= _MIN_LETTERS and rng.random() < share else word

    return _WORD.sub(slip, text) if share else text


def _slip(word: str, rng: random.Random) -> str:
    """Return the word with two letters swapped, one left out, one doubled, or one replaced by a neighbouring key."""
    place = rng.randrange(len(word) - 1)
    match rng.randrange(4):
        case 0:
            return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        case 1:
            return word[: place + 1] + word[place + 2 :]
        case 2:
            return word[: place + 1] + word[place:]
        case _:
            near = _NEIGHBOURS.get(word[place + 1].lower(), "")
            return word[: place + 1] + rng.choice(near or word[place + 1]) + word[place + 2 :]
