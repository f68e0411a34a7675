"""A gap as the draft of an article: a file to start from, which no load takes before it is finished."""

import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import yaml

from helpdesk.knowledge.compiling import slug
from helpdesk.knowledge.gaps import Gap

_TITLE_CHARACTERS = 100


def write_drafts(directory: Path, gaps: Sequence[Gap]) -> list[Path]:
    """Write a draft for each gap that has none here yet, readable by its owner alone; return the new files.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for gap in gaps:
        name, text = draft_of(gap)
        try:
            descriptor = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # somebody may be at work on it
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        written.append(directory / name)
    return written


def draft_of(gap: Gap) -> tuple[str, str]:
    """Return the draft's file name and its text: Markdown with front matter that says it is a draft."""
    question = _one_line(gap.examples[0])
    article_id = slug(question)
    fields: dict[str, object] = {"draft": True, "id": article_id, "title": question, "question": question}
    if gap.intent:
        fields["intent"] = gap.intent
    fields["tags"] = list(gap.words)
    head = StringIO()
    yaml.safe_dump(fields, head, allow_unicode=True, sort_keys=False, width=10_000)
    parts = [
        f"---\n{head.getvalue()}---",
        f"Write the answer here, delete the rest, and remove `draft: true`. {gap.size} tickets asked for it.",
        "## What customers asked",
        *(_quoted(text) for text in gap.examples),
    ]
    if gap.nearest is not None:
        nearest = gap.nearest.article
        parts += ["## The nearest article", f"{nearest.article_id}: {nearest.title} ({gap.nearest.similarity:.2f})"]
    if gap.replies:
        parts += ["## What agents answered", *(_quoted(text) for text in gap.replies)]
    return f"{article_id}.md", "\n\n".join(parts) + "\n"


def _one_line(text: str) -> str:
    """Return a text's first words, as many whole ones as a title has room for."""
    line = " ".join(text.split())
    if len(line) <= _TITLE_CHARACTERS:
        return line
    return line[:_TITLE_CHARACTERS].rpartition(" ")[0] or line[:_TITLE_CHARACTERS]


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
