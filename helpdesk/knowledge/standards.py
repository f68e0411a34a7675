"""What articles are held against: the shop's facts, the intents that the classifier knows, and the day."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Self

from helpdesk.errors import InvalidData
from helpdesk.knowledge.brand import Brand
from helpdesk.settings import Settings


@dataclass(frozen=True, slots=True)
class Standards:
    """What articles are held against.

    Attributes:
        intents: the category of each known intent; empty where none are known.
        today: in UTC.
        stale_after_days: an article that was not looked at for longer gets a warning.
    """

    today: date
    brand: Brand = field(default_factory=Brand)
    intents: Mapping[str, str] = field(default_factory=dict)
    stale_after_days: int = 730

    @classmethod
    def of(
        cls, settings: Settings, *, today: date, articles: Path | None = None, brand_file: Path | None = None
    ) -> Self:
        """Return the standards for articles from this path (None: for those that are in force).

        Raises:
            InvalidData: the brand file or the file of intents cannot be used.
        """
        named = brand_file or settings.knowledge.brand_file
        brand = Brand.read(named) if named else Brand.beside(articles or settings.knowledge.path)
        return cls(
            today=today,
            brand=brand,
            intents=known_intents(settings.knowledge.intents_file),
            stale_after_days=settings.knowledge.stale_after_days,
        )


def known_intents(path: Path) -> Mapping[str, str]:
    """Return the category of each intent in a file; none where there is no such file.

    Raises:
        InvalidData: the file cannot be used.
    """
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {str(row["intent"]): str(row["category"]) for row in rows}
    except (OSError, ValueError, TypeError, KeyError) as error:
        problem = f"cannot be read: {error}"
        raise InvalidData(
            problem, field=str(path), remedy="write a list of objects with intent and category"
        ) from error
