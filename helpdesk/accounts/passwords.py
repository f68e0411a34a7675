"""Passwords: which are good enough, and how they are kept and compared (argon2id)."""

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from helpdesk.errors import InvalidInput

MIN_CHARACTERS = 12
MAX_CHARACTERS = 256
_FIELD = "password"
_LEAST_DIFFERENT = 5
_LEAST_OWN = 4
_REMEDY = "several words that belong together only for you make a good one"
# What is taken away before a password is looked at: alone or together, with digits between, these are guessed first.
_GUESSED_FIRST = (
    *("password", "passwort", "passwd", "helpdesk", "support", "desk", "welcome", "willkommen", "letmein", "admin"),
    *("administrator", "operator", "agent", "login", "secret", "changeme", "default", "iloveyou", "princess", "dragon"),
    *("monkey", "football", "baseball", "sunshine", "superman", "batman", "trustno", "master", "shadow", "starwars"),
    *("correcthorsebatterystaple", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "qwerty", "qwertz"),
    *("azerty", "asdf", "qazwsx", "abcdefghijklmnopqrstuvwxyz", "abc", "test", "user", "guest", "root", "hello"),
    *("spring", "summer", "autumn", "winter", "january", "february", "march", "april", "june", "july", "august"),
    *("september", "october", "november", "december", "monday", "friday"),
)


class Passwords:
    """Hashes and compares passwords; at most ``at_once`` at a time, since each takes 64 MiB for its moment.

    Source:
        RFC 9106, second recommended option; NIST SP 800-63B for what a password must be.
    """

    def __init__(self, *, hasher: PasswordHasher | None = None, at_once: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = threading.BoundedSemaphore(at_once)

    def hash(self, password: str) -> str:
        """Return what is stored in a password's place."""
        with self._turn:
            return self._hasher.hash(_normal(password))

    def matches(self, password_hash: str, password: str) -> bool:
        """Say whether the password is the one that was hashed; it takes as long where there is none (empty hash)."""
        known = bool(password_hash)
        with self._turn:
            try:
                self._hasher.verify(password_hash or self._nobodys, _normal(password))
            except (VerificationError, InvalidHashError):
                return False
        return known

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether the hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody has this password")


def require_good(password: str, *, names: Iterable[str]) -> None:
    """Refuse what would be guessed soon; there are no rules about kinds of characters.

    Args:
        names: of the person, none of which makes a password any better.

    Raises:
        InvalidInput: says why, and what would do.
    """
    text = _normal(password).casefold()
    if len(text) < MIN_CHARACTERS:
        raise InvalidInput(
            f"has {len(text)} characters; it takes {MIN_CHARACTERS} or more", field=_FIELD, remedy=_REMEDY
        )
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput(f"has more than {MAX_CHARACTERS} characters", field=_FIELD, remedy="shorten it")
    if len(set(text)) < _LEAST_DIFFERENT:
        raise InvalidInput("consists of very few different characters", field=_FIELD, remedy=_REMEDY)
    own = re.sub(r"[\W\d_]+", "", text)
    for known in sorted({*_words(names), *_GUESSED_FIRST}, key=len, reverse=True):
        own = own.replace(known, "")
    if len(set(_without_runs(own))) < _LEAST_OWN:
        problem = "is made of your name, digits, or words that are guessed first"
        raise InvalidInput(problem, field=_FIELD, remedy=_REMEDY)


def _normal(password: str) -> str:
    """Return the one form of what may be typed in several, depending on the keyboard."""
    return unicodedata.normalize("NFKC", password)


def _words(names: Iterable[str]) -> set[str]:
    words = (word for name in names for word in re.split(r"[\W\d_]+", name.casefold()))
    return {word for word in words if len(word) >= 3}


def _without_runs(text: str) -> str:
    """Return the text without characters that repeat, or follow, the one before: ``aaa``, ``abcd``, ``9876``."""
    return "".join(now for before, now in zip("\0" + text, text, strict=False) if abs(ord(now) - ord(before)) > 1)
