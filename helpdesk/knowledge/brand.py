"""The shop's own facts, from a file: they fill placeholders in articles, and say which links are the shop's."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from helpdesk.errors import InvalidData
from helpdesk.settings import KnowledgeSettings
from helpdesk.voice import Voice

FILE = "brand.json"
MAX_BYTES = 1_048_576
_VOICE_REMEDY = "correct it there; docs/howto/give-answers-a-voice.md lists the fields"
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z][\w. -]{0,100}?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Brand:
    """What a brand file says.

    Attributes:
        facts: every value by its dotted name, such as ``phones.service``, in lower case.
        hosts: where the shop's own pages are.
        pages: addresses of pages that exist besides the articles.
        article_url_prefix: the address of an article is this and its id.
        voice: how answers sound.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    article_url_prefix: str = ""
    voice: Voice = field(default_factory=Voice)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a brand file.

        Raises:
            InvalidData: it cannot be read, is no JSON object or too large, or its voice does not fit; names the field.
        """
        try:
            if (size := path.stat().st_size) > MAX_BYTES:
                raise ValueError(f"it has {size} bytes, and at most {MAX_BYTES} are read")
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidData(f"cannot be read: {error}", field=str(path), remedy="correct the brand file") from error
        if not isinstance(document, dict):
            raise InvalidData("is no JSON object", field=str(path), remedy="correct the brand file")
        hosts, pages = document.get("hosts"), document.get("pages")
        brand = cls(
            facts=dict(_facts(document, "")),
            hosts=frozenset(str(host).lower() for host in hosts) if isinstance(hosts, list) else frozenset(),
            pages=frozenset(str(page) for page in pages.values()) if isinstance(pages, dict) else frozenset(),
            article_url_prefix=str(document.get("article_url_prefix") or ""),
        )
        return replace(brand, voice=_voice(document, brand, path))

    @classmethod
    def beside(cls, articles: Path) -> Self:
        """Read the ``brand.json`` in the directory of articles, or beside it; without one nothing is known."""
        for directory in (articles, articles.parent):
            if (directory / FILE).is_file():
                return cls.read(directory / FILE)
        return cls()

    @classmethod
    def in_force(cls, settings: KnowledgeSettings) -> Self:
        """Read the brand file that the settings name, or the one beside the articles.

        Raises:
            InvalidData: as ``read``.
        """
        return cls.read(settings.brand_file) if settings.brand_file else cls.beside(settings.path)

    def filled(self, text: str) -> str:
        """Return a text with its ``{{names}}`` filled; those that the file does not name stay as they are."""

        def fact(placeholder: re.Match[str]) -> str:
            return self.facts.get(_key(placeholder[1]), placeholder[0])

        return _PLACEHOLDER.sub(fact, text)


def _voice(document: Mapping[str, Any], brand: Brand, path: Path) -> Voice:
    section = document.get("voice")
    if section is None:
        return Voice()
    if not isinstance(section, dict):
        raise InvalidData("is no JSON object", field=f"{path}: voice", remedy=_VOICE_REMEDY)
    try:
        return Voice.model_validate({"name": document.get("name", ""), **_filled(section, brand)})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field_name = ".".join(str(part) for part in ("voice", *first["loc"]) if part != "[key]")
        given = "" if isinstance(first["input"], dict | list) else f" (it is {str(first['input'])[:60]!r})"
        raise InvalidData(first["msg"] + given, field=f"{path}: {field_name}", remedy=_VOICE_REMEDY) from error


def _filled(value: object, brand: Brand) -> Any:
    """Return a JSON value with the placeholders of every text in it filled."""
    match value:
        case dict():
            return {key: _filled(inner, brand) for key, inner in value.items()}
        case list():
            return [_filled(inner, brand) for inner in value]
        case str():
            return brand.filled(value)
        case _:
            return value


def _facts(value: object, name: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _facts(inner, f"{name}.{_key(str(key))}" if name else _key(str(key)))
        case list():
            if _is_flat(value):
                yield name, ", ".join(str(item) for item in value)
        case str() | int() | float():
            yield name, str(value)


def _is_flat(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str | int | float) for value in values)


def _key(name: str) -> str:
    return re.sub(r"[ -]+", "_", name.strip().lower())
