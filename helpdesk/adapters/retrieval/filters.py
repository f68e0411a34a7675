"""Filters: which articles a search may return at all."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from helpdesk.ports.knowledge import Article, require_known


def admitted(articles: Sequence[Article], filters: Mapping[str, str]) -> NDArray[np.bool_]:
    """Return which articles meet all filters; shape (number of articles,).

    Raises:
        InvalidInput: a filter names no field that can be filtered by.
    """
    require_known(filters)
    return np.array([all(_has(article, *wanted) for wanted in filters.items()) for article in articles], dtype=np.bool_)


def _has(article: Article, field: str, value: str) -> bool:
    return value in article.tags if field == "tag" else bool(getattr(article, field) == value)
