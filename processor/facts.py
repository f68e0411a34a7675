"""The checkable particulars of a text: links, addresses, phone numbers and figures, in a form that can be compared."""

import re
from dataclasses import dataclass
from functools import lru_cache

_LINK = re.compile(r"(?:https?|hxxps?|ftp)://\S+|\bwww\.\S+", re.IGNORECASE)
_HOST = re.compile(r"(?<![@\w.-])(?:[\w-]+\.)+[^\W\d_]{2,}(?::\d+)?(?:/\S*)?", re.IGNORECASE)
_SPELT_HOST = re.compile(
    r"[\w-]+(?:\s*[\[({]\s*(?:dot|\.)\s*[\])}]\s*|\s+(?:dot|punkt|punto|ponto|point|kropka|nokta|точка)\s+|\s+\.\s*)(?:com|net|org|io|info|biz|co|shop|example)\b",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(?:javascript|vbscript|data|file|tel|sms|mailto|bitcoin|intent):\S+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SPELT_EMAIL = re.compile(
    r"[\w.+-]+\s*(?:[\[({]\s*at\s*[\])}]|\s+at\s+(?=[\w-]+\s*(?:[\[({]|\s)dot))\s*[\w-]+", re.IGNORECASE
)
_PHONE = re.compile(r"(?:\+|\b00)\d[\d\s()./-]{5,}\d|\(?\b\d{2,5}\)?(?:[\s/-]\d{2,5}){2,}(?![.,:]?\d)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LIST_MARKER = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
_REFERENCE = re.compile(
    r"(?P<named>\b[A-Z]{2,4}-(?:\d{4}-)?\d{4,8}\b)"
    r"|(?:\b(?:order|invoice|parcel|reference)(?:\s+(?:number|no\.?))?\s+|#)(?P<plain>\d{5,8})\b"
    r"(?!\s*(?:EUR|euros?|days?|hours?|[€$£%.,]\d|[€$£%]))",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?)]}>\"'*_`"
_SMALL = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ROUND = {"fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90}
_LARGE = {"hundred": 100, "thousand": 1000}
_WORDS = {word: str(value) for word, value in ({w: n for n, w in enumerate(_SMALL, start=2)} | _ROUND | _LARGE).items()}
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a text names.

    Attributes:
        links: links and host names as they are written, also such as somebody spelt to get past a filter.
        emails: in lower case.
        phones: digits only.
        numbers: figures in digits or words, without the numbers of list items; ``4.90``, ``08:00``, ``2500``.
    """

    links: frozenset[str]
    emails: frozenset[str]
    phones: frozenset[str]
    numbers: frozenset[str]


@lru_cache(maxsize=2048)
def facts_of(text: str) -> Facts:
    """Return the particulars of a text that is ``plain``; the same articles come again and again."""
    found = [*_LINK.findall(text), *_SCHEME.findall(text), *_SPELT_HOST.findall(text)]
    found += _HOST.findall(_EMAIL.sub(" ", _LINK.sub(" ", text)))
    return Facts(
        links=frozenset(link.rstrip(_TRAILING).lower() for link in found),
        emails=frozenset(email.lower() for email in (*_EMAIL.findall(text), *_SPELT_EMAIL.findall(text))),
        phones=frozenset(re.sub(r"\D", "", phone) for phone in _PHONE.findall(_DATE.sub(" ", text))),
        numbers=_numbers(text),
    )


def host_of(place: str) -> str:
    """Return the host of a link or e-mail address in lower case, with no port; empty where it has none."""
    bare = re.sub(r"^(?:https?|ftp)://", "", place.lower())
    host = re.split(r"[/?#:]", bare, maxsplit=1)[0].rpartition("@")[2]
    return host.strip(".")


def without_links(text: str) -> str:
    """Return the text without its links, whose words are no sentences."""
    return _LINK.sub(" ", text)


def without_references_of(text: str, asked: str) -> str:
    """Return the text without the order or invoice numbers that stand, as such, in the customer's own messages.

    Other figures of a ticket may not be repeated: an amount or a deadline would be the customer's word, not the shop's.
    """
    known = {_reference(found) for found in _REFERENCE.finditer(asked)}
    return _REFERENCE.sub(lambda found: " " if _reference(found) in known else found.group(), text)


def names_reference(text: str) -> bool:
    """Whether the text names an order or invoice number."""
    return _REFERENCE.search(text) is not None


def _reference(found: re.Match[str]) -> str:
    return (found["named"] or found["plain"]).lower()


def _numbers(text: str) -> frozenset[str]:
    without_markers = _LIST_MARKER.sub("", text)
    digits = {_canonical(number) for number in _NUMBER.findall(without_markers)}
    return frozenset(digits | {_WORDS[word.lower()] for word in _NUMBER_WORD.findall(without_markers)})


def _canonical(number: str) -> str:
    if ":" in number:
        return number
    whole, separator, cents = number.replace(",", ".").rpartition(".")
    if not separator:
        return number.lstrip("0") or "0"
    if len(cents) == 3:  # a thousands separator
        return _canonical(whole + cents)
    whole = whole.replace(".", "").lstrip("0") or "0"
    return whole if not cents.strip("0") else f"{whole}.{cents}"
