"""The questions that answers are measured on: read from a table, and checked against the knowledge base."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from helpdesk.corrections import OUT_OF_SCOPE
from helpdesk.errors import InvalidData
from helpdesk.knowledge.findings import Finding, error, warning
from helpdesk.ports.judge import missing_points
from helpdesk.ports.knowledge import Article
from models.table_file import SPLIT_COLUMN, TableRow, read_table

COLUMNS = ("id", "text", "subject", "intent", "articles", "key_points", SPLIT_COLUMN)
_NONE = frozenset({"none", "-"})
_SEPARATOR = ";"


class Coverage(StrEnum):
    """Whether the knowledge base answers a question."""

    ANSWERABLE = "answerable"
    UNCOVERED = "same subject, not covered"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question, and what a person says of it.

    Attributes:
        articles: ids of those that answer it; empty: none does.
        key_points: what a good answer must name; see ``helpdesk.ports.judge``.
        split: which part of the set it belongs to; empty where the set has none.
    """

    question_id: str
    text: str
    subject: str = ""
    intent: str = ""
    articles: tuple[str, ...] = ()
    key_points: tuple[str, ...] = ()
    split: str = ""

    @property
    def coverage(self) -> Coverage:
        """Whether the knowledge base answers it."""
        if self.articles:
            return Coverage.ANSWERABLE
        return Coverage.OUT_OF_SCOPE if self.intent == OUT_OF_SCOPE else Coverage.UNCOVERED


@dataclass(frozen=True, slots=True)
class CheckedQuestions:
    """The questions of a file, and what is wrong with them."""

    questions: tuple[Asked, ...]
    findings: tuple[Finding, ...]

    def part(self, split: str) -> list[Asked]:
        """Return the questions of a split; all of a set that has none.

        Args:
            split: a name, ``all``, or empty for ``test`` where the set has splits.

        Raises:
            InvalidData: the set has splits, and none of this name.
        """
        names = sorted({asked.split for asked in self.questions} - {""})
        wanted = split or ("test" if "test" in names else "all")
        if wanted != "all" and wanted not in names:
            known = f"the splits are {', '.join(names)}" if names else "the file has no splits"
            raise InvalidData(f"there is no split {wanted!r}", field="--split", remedy=f"{known}; or say all")
        return [asked for asked in self.questions if wanted in ("all", asked.split)]


def read_questions(path: Path, articles: Mapping[str, Article], intents: Collection[str]) -> CheckedQuestions:
    """Read a .csv, .tsv, .jsonl or .json file of questions, and say what is wrong with it.

    In CSV, several articles or key points stand in one cell, separated by semicolons.

    Args:
        articles: the knowledge base, by id.
        intents: those that a question may name, besides ``out_of_scope``; empty: any.

    Raises:
        InvalidData: the file cannot be read, or has no column ``text``.
    """
    table = read_table(path)
    if "text" not in table.columns or "articles" not in table.columns:
        lacking = "text" if "text" not in table.columns else "articles"
        raise InvalidData(f"has no column {lacking!r}", field=table.name, remedy=f"columns are {', '.join(COLUMNS)}")
    questions = [_asked(row) for row in table.rows]
    findings: list[Finding] = []
    if unknown := [column for column in table.columns if column not in COLUMNS]:
        problem = f"has columns that say nothing here: {', '.join(unknown)}"
        findings.append(warning("columns", table.name, problem, f"known are {', '.join(COLUMNS)}"))
    if not questions:
        findings.append(error("empty", table.name, "holds no question", "write at least one"))
    places = [f"{table.name}:{row.line}" for row in table.rows]
    for place, asked in zip(places, questions, strict=True):
        findings += _check(place, asked, articles, intents)
    findings += _repetitions(places, questions)
    return CheckedQuestions(tuple(questions), tuple(findings))


def _asked(row: TableRow) -> Asked:
    cells = {name: row.cells.get(name) for name in COLUMNS}
    text = {name: "" if value is None else str(value).strip() for name, value in cells.items()}
    return Asked(
        question_id=text["id"] or f"line-{row.line}",
        text=text["text"],
        subject=text["subject"],
        intent=text["intent"],
        articles=tuple(name for name in _several(cells["articles"]) if name.lower() not in _NONE),
        key_points=_several(cells["key_points"]),
        split=text[SPLIT_COLUMN],
    )


def _several(cell: object) -> tuple[str, ...]:
    parts = cell if isinstance(cell, list) else str(cell or "").split(_SEPARATOR)
    return tuple(part for part in (str(one).strip() for one in parts) if part)


def _check(place: str, asked: Asked, articles: Mapping[str, Article], intents: Collection[str]) -> Iterator[Finding]:
    if not asked.text:
        yield error("text", place, "asks nothing", "write what a customer would write")
    for name in asked.articles:
        if name not in articles:
            remedy = "`helpdesk kb search` shows the ids; `none` stands for no article"
            yield error("article", place, f"names the article {name!r}, which the knowledge base lacks", remedy)
    if intents and asked.intent and asked.intent not in {*intents, OUT_OF_SCOPE}:
        yield error("intent", place, f"names the unknown intent {asked.intent!r}", "see data/intents.json")
    if asked.articles and asked.intent == OUT_OF_SCOPE:
        yield error("scope", place, "is out of scope, and names articles", "leave one of them away")
    if asked.key_points and not asked.articles:
        yield error("key_points", place, "has key points, but no article", "name the article that holds them")
    known = "\n".join(f"{articles[name].title}\n{articles[name].body}" for name in asked.articles if name in articles)
    for point in missing_points(known, asked.key_points) if known else ():
        remedy = "write it as the article does; alternatives are separated by ` | `"
        yield warning("key_point", place, f"the key point {point!r} stands in none of its articles", remedy)


def _repetitions(places: Sequence[str], questions: Sequence[Asked]) -> Iterator[Finding]:
    for code, of in (("id", lambda asked: asked.question_id), ("text", lambda asked: " ".join(asked.text.split()))):
        first: dict[str, str] = {}
        for place, asked in zip(places, questions, strict=True):
            before = first.setdefault(of(asked).casefold(), place)
            if before != place and of(asked):
                yield error(
                    code, place, f"has the {code} of {before}", "ask every question once, under an id of its own"
                )
