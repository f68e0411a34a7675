"""What articles must be before they may be searched: the last door, whatever the checks before it said."""

import re
from collections.abc import Sequence

from helpdesk.errors import InvalidData
from helpdesk.placeholders import find_placeholder
from helpdesk.ports.knowledge import Article

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FIX = "correct the article and load again"


def require_valid(articles: Sequence[Article]) -> None:
    """Check a whole knowledge base.

    Raises:
        InvalidData: none at all, a bad or doubled id, an empty field, or an unresolved placeholder; names the article.
    """
    if not articles:
        raise InvalidData("There are no articles.", remedy="name a directory or file that holds some")
    seen: set[str] = set()
    for article in articles:
        name = article.article_id
        if not _ID.fullmatch(name):
            raise InvalidData(
                f"The article id {name!r} is not usable.", field="id", remedy="use letters, digits, dots and hyphens"
            )
        if name in seen:
            raise InvalidData("Two articles have this id.", field=name, remedy="give one of them another id")
        seen.add(name)
        for field in ("title", "question", "body"):
            value = str(getattr(article, field))
            if not value.strip():
                raise InvalidData("is empty", field=f"{name}.{field}", remedy=_FIX)
            if placeholder := find_placeholder(value):
                raise InvalidData(f"holds the placeholder {placeholder!r}", field=f"{name}.{field}", remedy=_FIX)
