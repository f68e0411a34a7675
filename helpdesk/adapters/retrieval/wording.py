"""What is searched of an article."""

import hashlib
import re
from dataclasses import dataclass

from helpdesk.ports.knowledge import Article

_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Wording:
    """An article's words.

    Attributes:
        asked: question and title, which a long body would drown.
        whole: all of it, without addresses.
        digest: SHA-256 of ``whole``, in hexadecimal; names everything that is computed of an article.
    """

    asked: str
    whole: str
    digest: str


def wording_of(article: Article) -> Wording:
    """Return what is searched of an article."""
    asked = f"{article.question}\n{article.title}"
    whole = f"{asked}\n{_URL.sub('', article.body)}"
    return Wording(asked, whole, hashlib.sha256(whole.encode()).hexdigest())
