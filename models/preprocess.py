"""Raw ticket text to what the models read; the same in training and in serving."""

import re
import unicodedata
from itertools import islice

from models.mail import latest_message
from models.markup import visible_text

MAX_CHARACTERS = 32_768
"""What lies beyond is not read: the tokenizer's limit is reached long before."""

MIN_LETTERS = 2
"""What has fewer is out of scope, whatever a model scores."""

PLACEHOLDERS = ("[EMAIL]", "[URL]", "[MONEY]", "[DATE]", "[ORDER]", "[NUMBER]")
VERSION = 1
"""Part of an artifact's feature signature: raise it whenever the output changes for any text."""

_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffd\ud800-\udfff]"
)
_REPLACED = (
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"), " [EMAIL] "),
    (re.compile(r"(?:https?://|www\.)[^\s<>]{1,2000}", re.IGNORECASE), " [URL] "),
    (
        re.compile(
            r"(?:[€$£]|\b(?:eur|usd|gbp))\s?\d[\d.,]{0,15}|\b\d[\d.,]{0,15}\s?(?:[€$£]|(?:eur|euros?|usd|gbp|dollars?|pounds?|bucks)\b)",
            re.IGNORECASE,
        ),
        " [MONEY] ",
    ),
    (re.compile(r"\b(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2}/\d{1,2})\b"), " [DATE] "),
    (re.compile(r"#\s?\w{3,20}|\b[a-z]{0,5}[-/]?\d{1,8}(?:-?\d{2,9}){1,4}\b", re.IGNORECASE), " [ORDER] "),
    (re.compile(r"\b\d[\d.,:]{0,20}"), " [NUMBER] "),
)
_LONG_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)
_SPACE = re.compile(r"\s+")


def readable(text: str) -> str:
    """Return what the customer wrote: no markup, no quoted thread, no signature, no control characters."""
    text = _CONTROL.sub("", text[:MAX_CHARACTERS])
    return latest_message(visible_text(text)).strip()


def normalise(text: str) -> str:
    """Return readable text on one line, with placeholders for addresses, links, amounts, dates and numbers."""
    text = unicodedata.normalize("NFKC", text)[:MAX_CHARACTERS]
    for pattern, placeholder in _REPLACED:
        text = pattern.sub(placeholder, text)
    text = _LONG_RUN.sub(r"\1\1", text)
    return _SPACE.sub(" ", text).strip()


def says_something(text: str) -> bool:
    """Whether there is a word to go by, in any script; of emoji, digits or marks alone no model knows the intent."""
    return sum(1 for _ in islice(filter(str.isalpha, text), MIN_LETTERS)) == MIN_LETTERS


def clean(text: str) -> str:
    """Return ``normalise(readable(text))``."""
    return normalise(readable(text))
