"""How the shop sounds: name, tone, greeting and sign-off, words that it never uses; a section of the brand file."""

import hashlib
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from helpdesk.placeholders import find_placeholder


def _readable(text: str) -> str:
    if not all(line.isprintable() for line in text.split("\n")):
        raise ValueError("holds a control or invisible character")
    if placeholder := find_placeholder(text):
        raise ValueError(f"holds the placeholder {placeholder}, which the brand file does not fill")
    return text.strip()


def _one_line(text: str) -> str:
    if "\n" in text:
        raise ValueError("must be one line")
    return _readable(text)


Language = Annotated[str, Field(pattern="^[a-z]{2}$")]
"""An ISO 639-1 code."""

Line = Annotated[str, Field(max_length=500), AfterValidator(_one_line)]
Courtesy = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_readable)]
Word = Annotated[str, Field(min_length=2, max_length=60), AfterValidator(_one_line)]


class Voice(BaseModel):
    """What the brand file says of the shop's voice; empty fields say nothing. The sizes are bounded.

    Attributes:
        tone: for a model that writes.
        salutation, sign_off: put before and after every answer, by language; a language that is not named has none.
        forbidden_words: phrases that no answer may hold; ``*`` ends a word stem.
        default_language: of a ticket whose language is not known.
        language_notes: for a model that writes, by language.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=100), AfterValidator(_one_line)] = ""
    tone: Line = ""
    salutation: dict[Language, Courtesy] = {}
    sign_off: dict[Language, Courtesy] = {}
    forbidden_words: Annotated[tuple[Word, ...], Field(max_length=100)] = ()
    default_language: Language = "en"
    language_notes: Annotated[dict[Language, Line], Field(max_length=20)] = {}

    @property
    def version(self) -> str:
        """Eight hexadecimal digits that change with anything that the voice says; empty where it says nothing."""
        if self == Voice():
            return ""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]

    @property
    def style(self) -> tuple[str, ...]:
        """What a model that writes is told, one instruction each."""
        words = ", ".join(f"“{word}”" for word in self.forbidden_words)
        return (
            *([f"You write for the shop “{self.name}”."] if self.name else ()),
            *([f"Tone: {self.tone}"] if self.tone else ()),
            *(f"Where you write in the language “{code}”: {note}" for code, note in self.language_notes.items()),
            *([f"Never use these words (an asterisk stands for any ending): {words}."] if words else ()),
        )

    def courtesies(self, language: str) -> tuple[str, str]:
        """Return greeting and sign-off in a language (empty: not known); each is empty where there is none."""
        code = language or self.default_language
        return self.salutation.get(code, ""), self.sign_off.get(code, "")
