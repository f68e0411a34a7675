"""What a source gave, before anything of it is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass

from helpdesk.knowledge.findings import Finding

MAX_PAGE_BYTES = 2**20
MAX_TABLE_BYTES = 64 * 2**20
MAX_FILES = 20_000
MAX_ARTICLES = 50_000
LISTS = frozenset({"also_asked", "tags"})
"""The fields whose value is a list of texts."""


@dataclass(frozen=True, slots=True)
class RawArticle:
    """The fields of one article as they were found; any may be missing or of a wrong type.

    Attributes:
        where: a file with its line, or an address.
        fields: by name; ``body`` is Markdown.
        fallback_id: the id where ``fields`` holds none.
    """

    where: str
    fields: Mapping[str, object]
    fallback_id: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read, and what was wrong with the reading."""

    articles: tuple[RawArticle, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __add__(self, other: "Sources") -> "Sources":
        return Sources(self.articles + other.articles, self.findings + other.findings)
