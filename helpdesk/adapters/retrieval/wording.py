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
        asked: question and title, which a long body would drown; then each further wording of the question.
        whole: question, title and body, without addresses.
        digest: SHA-256 of all that, in hexadecimal; names everything that is computed of an article.
    """

    asked: tuple[str, ...]
    whole: str
    digest: str


def wording_of(article: Article) -> Wording:
    """Return what is searched of an article."""
    asked = f"{article.question}\n{article.title}"
    whole = f"{asked}\n{_URL.sub('', article.body)}"
    digest = hashlib.sha256("\n".join((whole, *article.also_asked)).encode()).hexdigest()
    return Wording((asked, *article.also_asked), whole, digest)
