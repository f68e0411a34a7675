"""A Markdown file with front matter as one article, and an article as such a file."""

from io import StringIO
from pathlib import PurePosixPath

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from helpdesk.knowledge.compiling import as_fields
from helpdesk.knowledge.encoding import decode
from helpdesk.knowledge.findings import Finding, error
from helpdesk.knowledge.sources import RawArticle, Sources
from helpdesk.ports.knowledge import Article

_HANDLER = YAMLHandler()


def read_markdown(where: str, content: bytes) -> Sources:
    """Read one article; its id is the file's name where the front matter has none."""
    text = decode(where, content)
    if isinstance(text, Finding):
        return Sources(findings=(text,))
    text = text.lstrip("\n")
    if not text.strip():
        return Sources(findings=(error("empty", where, "is empty", "write the article, or delete the file"),))
    if not _HANDLER.detect(text):
        remedy = "open it with lines between two `---`, such as `title: …`"
        return Sources(findings=(error("front-matter", where, "has no front matter", remedy),))
    try:
        fields, body = frontmatter.parse(text, handler=_HANDLER)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as failure:
        problem = f"its front matter cannot be read: {' '.join(str(failure).split())[:200]}"
        return Sources(
            findings=(error("front-matter", where, problem, "write YAML; put texts with a colon in quotes"),)
        )
    if not fields:
        problem = "its front matter holds no names and values, or is not closed"
        return Sources(findings=(error("front-matter", where, problem, "close it with a second line `---`"),))
    named = {str(name): value for name, value in fields.items()}
    return Sources((RawArticle(where, {**named, "body": body}, fallback_id=PurePosixPath(where).stem),))


def as_markdown(article: Article) -> str:
    """Return the file that reads as this article."""
    fields = dict(as_fields(article))
    body = fields.pop("body", "")
    head = StringIO()
    yaml.safe_dump(fields, head, allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{head.getvalue()}---\n\n{body}\n"
