"""Finds personal data in texts and puts tokens in its place: cards, IBANs, e-mail addresses, phone numbers.

What only looks like one is masked too where that does no harm: a token is turned back into what it stands for.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import count


class Kind(StrEnum):
    """What a token says of the value that it stands for."""

    EMAIL = "EMAIL"
    IBAN = "IBAN"
    CARD = "CARD"
    PHONE = "PHONE"
    NUMBER = "NUMBER"


Found = tuple[int, int, Kind]
"""Where a value begins and ends, and what it is."""

_AT, _DOT = r"\s*[\[({]\s*at\s*[\])}]\s*", r"(?:\s*[\[({]\s*(?:dot|\.)\s*[\])}]\s*|\s+dot\s+|\.)"
_EMAIL = re.compile(
    r"(?:\"[^\"\n]{1,64}\"|[^\s@＠<>()\[\],;:\"“”]+)[@＠][\w-]+(?:\.[\w-]+)*"
    rf"|[\w.+-]+{_AT}[\w-]+(?:{_DOT}[\w-]+)*"
    rf"|[\w.+-]+\s+at\s+[\w-]+(?:\s+dot\s+[\w-]+)+",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}", re.ASCII)
_DIGITS = re.compile(r"(?<![\w-])\d(?:[ \u00a0._/–-]{0,2}\d){11,}")
_PHONE = re.compile(
    r"(?<!\w)(?:\+|00)[ (]{0,2}\d(?:[\s()./-]{0,3}\d){5,14}"  # +353 20 915 0142
    r"|(?<![\w.,-])\(?0\d(?:[\s()./-]{0,2}\d){5,12}"  # 020 9150142
    r"|(?<![\w.,-])\(?\d{2,5}\)?(?:[ /-]\d{2,5}){2,5}(?!\w)"  # 555 123 4567
    r"|(?<![\w-])\d{9,15}(?!\w)"
)
_CALLED = re.compile(
    r"\b(?:tel|phone|telephone|telefon|telefono|teléfono|téléphone|mobile|mobil|móvil|cell|handy|whatsapp|fax|call|ring)"
    r"(?:\s*(?:number|nummer|no\.?|is|me|on|at|us|:|\.)){0,4}\s*(\d(?:[\s()./-]{0,2}\d){5,14})",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}[-/ ]\d{1,2}[-/ ]\d{1,2}|\d{1,2}[-/ ]\d{1,2}[-/ ]\d{2,4}")
_CARD_DIGITS = range(19, 12, -1)
_IBAN_CHARACTERS = range(34, 14, -1)
_PHONE_DIGITS = range(6, 19)


class PersonalData:
    """The personal data of some texts, with a token such as ``[EMAIL_1]`` for each; no token stands in the texts.

    Args:
        texts: all that will be masked; what is found in one of them is masked in every one.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        texts = list(texts)
        self._tokens: dict[str, str] = {}
        for text in texts:
            for start, end, kind in find(text):
                if (value := text[start:end]) not in self._tokens:
                    self._tokens[value] = self._new_token(kind, texts)
        self._values = {token: value for value, token in self._tokens.items()}
        self._known = _any_of(self._tokens)
        self._any_token = _any_of(self._values)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._tokens)

    def mask(self, text: str) -> str:
        """Return one of the texts with tokens in place of personal data."""
        parts: list[str] = []
        end = 0
        for start, stop, _ in find(text):
            parts += [self._mask_known(text[end:start]), self._tokens[text[start:stop]]]
            end = stop
        return "".join((*parts, self._mask_known(text[end:])))

    def restore(self, text: str) -> str:
        """Return a text with what its tokens stand for; tokens that are none of these stay."""
        return self._any_token.sub(lambda found: self._values[found.group()], text)

    def _mask_known(self, text: str) -> str:
        return self._known.sub(lambda found: self._tokens[found.group()], text)

    def _new_token(self, kind: Kind, texts: Iterable[str]) -> str:
        taken = self._tokens.values()
        tokens = (f"[{kind}_{number}]" for number in count(1))
        return next(token for token in tokens if token not in taken and not any(token in text for text in texts))


def find(text: str) -> list[Found]:
    """Return where personal data stands, in order and without overlaps; of two, the surer kind is whole."""
    taken: list[Found] = []
    for start, end, kind in (*_emails(text), *_ibans(text), *_cards(text), *_phones(text), *_long_numbers(text)):
        free = _free(start, end, taken)
        taken += [(*part, kind) for part in free if part == (start, end) or _digits(text, *part) in _PHONE_DIGITS]
    return sorted(taken)


def _free(start: int, end: int, taken: Iterable[Found]) -> list[tuple[int, int]]:
    """Return the parts of a stretch that nothing has taken."""
    free: list[tuple[int, int]] = []
    for other_start, other_end, _ in sorted(taken):
        if start < other_end and other_start < end:
            if start < other_start:
                free.append((start, other_start))
            start = max(start, other_end)
    return [*free, (start, end)] if start < end else free


def _digits(text: str, start: int, end: int) -> int:
    return sum(character.isdigit() for character in text[start:end])


def _emails(text: str) -> Iterator[Found]:
    for found in _EMAIL.finditer(text):
        yield *found.span(), Kind.EMAIL


def _ibans(text: str) -> Iterator[Found]:
    """Yield every IBAN whose checksum (ISO 7064, mod 97) is right, without words that follow it."""
    for found in _IBAN.finditer(text):
        places = [at for at in range(*found.span()) if text[at].isalnum()]
        for length in _IBAN_CHARACTERS:
            if length <= len(places) and _is_iban("".join(text[at] for at in places[:length])):
                yield found.start(), places[length - 1] + 1, Kind.IBAN
                break


def _is_iban(characters: str) -> bool:
    moved = characters[4:] + characters[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _cards(text: str) -> Iterator[Found]:
    """Yield every card number whose checksum (Luhn) is right, also between other figures."""
    for run in _DIGITS.finditer(text):
        places = [at for at in range(*run.span()) if text[at].isdigit()]
        first = 0
        while first < len(places):
            length = next((n for n in _CARD_DIGITS if _is_card(text, places[first : first + n], n)), 0)
            if length:
                yield places[first], places[first + length - 1] + 1, Kind.CARD
            first += length or 1


def _is_card(text: str, places: list[int], length: int) -> bool:
    """Whether the digits at these places are a whole group or several, of this number, and pass the checksum."""
    if len(places) < length or (places[0] > 0 and text[places[0] - 1].isdigit()):
        return False
    if text[places[-1] + 1 : places[-1] + 2].isdigit():
        return False
    digits = [int(text[at]) for at in reversed(places)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _phones(text: str) -> Iterator[Found]:
    for found in (*_PHONE.finditer(text), *_CALLED.finditer(text)):
        start, end = found.span(found.lastindex or 0)
        if _digits(text, start, end) in _PHONE_DIGITS and not _DATE.fullmatch(text[start:end]):
            yield start, end, Kind.PHONE


def _long_numbers(text: str) -> Iterator[Found]:
    """Yield figures as long as a card's: one with a slip in it is still somebody's."""
    for found in _DIGITS.finditer(text):
        yield *found.span(), Kind.NUMBER


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of any of the words, the longest first; of none of them, one that never matches."""
    return re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or r"(?!)")
