"""`helpdesk evaluate judge`: how far the judge of answers agrees with a person."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import Json, print_json, stderr, stdout
from cli.evaluation_base import Articles, JudgedBy, Questions, knowledge_of, questions_of, with_judge

if TYPE_CHECKING:
    from evaluation.agreement import Agreement

LABELS = Path("data") / "answer_labels.jsonl"


def evaluate_judge(
    labels: Annotated[
        Path | None, typer.Option(help="Answers that a person labelled: .csv, .tsv, .jsonl or .json (default: ours).")
    ] = None,
    questions: Questions = None,
    articles: Articles = None,
    judge: JudgedBy = "",
    as_json: Json = False,
) -> None:
    """Let the judge judge answers that a person has labelled, and say how far the two agree."""
    from cli.evaluate_answers_view import print_agreement
    from evaluation.agreement import agreement, read_labels
    from helpdesk.settings import PROJECT_DIR, load_settings
    from helpdesk.wiring import open_judge

    settings = with_judge(load_settings(), judge)
    with closing(open_judge(settings)) as opened, knowledge_of(settings, articles) as (_, known):
        checked = questions_of(questions, settings, known, as_json=as_json)
        asked = {one.question_id: one for one in checked.questions}
        labelled = read_labels(labels or PROJECT_DIR / LABELS, asked, known)
        with stderr().status(f"judging {len(labelled)} answers"):
            found = agreement(labelled, opened)
    if as_json:
        print_json(_document(found))
    else:
        print_agreement(stdout(), found)


def _document(found: "Agreement") -> dict[str, Any]:
    return {
        "judge": found.judge,
        "same": asdict(found.same),
        "same_relevant": asdict(found.same_relevant),
        "kappa": found.kappa,
        "table": [
            {"person": person.value, "judge": judge.value if judge else None, "answers": count}
            for (person, judge), count in found.table.items()
        ],
        "differing": [
            {
                "question": one.question_id,
                "person": one.label.value,
                "judge": judgement.label.value if judgement.label else None,
                "why": judgement.reason,
                "answer": one.task.answer.text,
            }
            for one, judgement in found.differing
        ],
    }
