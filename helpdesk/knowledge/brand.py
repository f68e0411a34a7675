"""The shop's own facts, from a file: they fill placeholders in articles, and say which links are the shop's."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from helpdesk.errors import InvalidData

FILE = "brand.json"
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z][\w. -]{0,100}?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Brand:
    """What a brand file says.

    Attributes:
        facts: every value by its dotted name, such as ``phones.service``, in lower case.
        hosts: where the shop's own pages are.
        pages: addresses of pages that exist besides the articles.
        article_url_prefix: the address of an article is this and its id.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    article_url_prefix: str = ""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a brand file.

        Raises:
            InvalidData: it cannot be read, or is no JSON object.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidData(f"cannot be read: {error}", field=str(path), remedy="correct the brand file") from error
        if not isinstance(document, dict):
            raise InvalidData("is no JSON object", field=str(path), remedy="correct the brand file")
        hosts, pages = document.get("hosts"), document.get("pages")
        return cls(
            facts=dict(_facts(document, "")),
            hosts=frozenset(str(host).lower() for host in hosts) if isinstance(hosts, list) else frozenset(),
            pages=frozenset(str(page) for page in pages.values()) if isinstance(pages, dict) else frozenset(),
            article_url_prefix=str(document.get("article_url_prefix") or ""),
        )

    @classmethod
    def beside(cls, articles: Path) -> Self:
        """Read the ``brand.json`` in the directory of articles, or beside it; without one nothing is known."""
        for directory in (articles, articles.parent):
            if (directory / FILE).is_file():
                return cls.read(directory / FILE)
        return cls()

    def filled(self, text: str) -> str:
        """Return a text with its ``{{names}}`` filled; those that the file does not name stay as they are."""

        def fact(placeholder: re.Match[str]) -> str:
            return self.facts.get(_key(placeholder[1]), placeholder[0])

        return _PLACEHOLDER.sub(fact, text)


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
