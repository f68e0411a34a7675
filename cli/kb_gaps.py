"""`helpdesk kb gaps`: what customers ask for and no article answers, with drafts to start from."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli import access
from cli.console import CommandFailed, Json, print_json, program, stderr, stdout
from cli.kb_feedback import Since
from cli.window import parse_moment

if TYPE_CHECKING:
    from helpdesk.knowledge.gaps import Gap
    from helpdesk.knowledge.unanswered import Unanswered
    from helpdesk.ports.knowledge import Passage

_SHOWN_CHARACTERS = 140


def knowledge_gaps(
    since: Since = "30d",
    at_least: Annotated[int, typer.Option(min=1, help="How many questions make a gap.")] = 2,
    limit: Annotated[int, typer.Option(min=1, help="How many gaps, the largest first.")] = 20,
    drafts: Annotated[
        Path | None, typer.Option(help="Also write a draft article for each into this directory.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the questions that had no good article, those that ask the same together, the largest groups first.

    Such are questions with too little evidence, drafts that agents discarded, articles marked wrong, answers that did
    not help, and whole groups that are out of scope. Personal data is masked; names in running text are not.
    """
    from helpdesk.knowledge.drafting import write_drafts
    from helpdesk.knowledge.unanswered import unanswered
    from models.wording import excerpt_at

    now = datetime.now(UTC)
    begin = parse_moment(since, now=now)
    with closing(access.store()) as store:
        questions = unanswered(store, since=begin, until=now, wording=excerpt_at)
    gaps = _found(questions, at_least)[:limit]
    try:
        written = write_drafts(drafts, gaps) if drafts is not None else []
    except OSError as error:
        raise CommandFailed(f"drafts cannot be written to {drafts}: {error.strerror}") from error
    if as_json:
        print_json(
            {
                "since": begin.isoformat(),
                "questions": len(questions),
                "gaps": [gap_document(gap) for gap in gaps],
                "drafts": [str(path) for path in written],
            }
        )
        return
    _print_gaps(gaps, len(questions), begin)
    if written:
        stdout().print(f"{len(written)} drafts in {drafts}; they hold customers' words, and no load takes them.")


def gap_document(gap: "Gap") -> dict[str, Any]:
    """Return a gap as `--json` prints it."""
    nearest = gap.nearest
    return {
        "size": gap.size,
        "upset": round(gap.upset, 4),
        "words": list(gap.words),
        "examples": list(gap.examples),
        "why": {why.value: count for why, count in gap.why.items()},
        "intent": gap.intent,
        "evidence": gap.evidence,
        "nearest": nearest
        and {
            "article_id": nearest.article.article_id,
            "title": nearest.article.title,
            "similarity": round(nearest.similarity, 4),
        },
        "replies": list(gap.replies),
    }


def _found(questions: "Sequence[Unanswered]", at_least: int) -> "list[Gap]":
    if not questions:
        return []
    from helpdesk.errors import KnowledgeUnavailable
    from helpdesk.knowledge.gaps import find_gaps
    from helpdesk.ports.knowledge import Question
    from helpdesk.wiring import open_encoder, open_knowledge

    with closing(open_knowledge(access.settings())) as knowledge, stderr().status("comparing questions"):

        def nearest(text: str) -> "Passage | None":
            try:
                [passages] = knowledge.search([Question(text=text)], limit=1)
            except KnowledgeUnavailable:  # an empty knowledge base is one great gap
                return None
            return next(iter(passages), None)

        return find_gaps(questions, open_encoder().encode, nearest, at_least=at_least)


def _print_gaps(gaps: "Sequence[Gap]", questions: int, begin: datetime) -> None:
    console = stdout()
    if not gaps:
        said = f"{questions} questions without a good article" if questions else "No question without a good article"
        console.print(
            f"{said} since {begin:%Y-%m-%d %H:%M} UTC, and no group of them that asks the same. "
            f"Look further back with --since 365d, or show single ones with --at-least 1."
        )
        return
    for number, gap in enumerate(gaps, start=1):
        upset = f", {gap.upset:.0%} upset" if gap.upset else ""
        console.print(Text.assemble((f"{number}. {gap.size} questions", "bold"), f"{upset}: {', '.join(gap.words)}"))
        for example in gap.examples:
            console.print(Text(f"   “{_short(example)}”"), soft_wrap=True)
        why = ", ".join(f"{count} {reason.value.replace('_', ' ')}" for reason, count in gap.why.items())
        evidence = "" if gap.evidence is None else f"; evidence {gap.evidence:.2f}"
        console.print(Text(f"   why: {why}{evidence}", "bright_black"))
        if gap.nearest is not None:
            near = f"   nearest: {gap.nearest.article.article_id} (similarity {gap.nearest.similarity:.2f})"
            console.print(Text(near, "bright_black"))
    together = sum(gap.size for gap in gaps)
    console.print(f"\n{together} of {questions} questions without a good article since {begin:%Y-%m-%d}.")
    console.print(f"[bright_black]A draft of an article for each: {program()} kb gaps --drafts drafts/[/]")


def _short(text: str) -> str:
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    line = " ".join(line.split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1]}…"
