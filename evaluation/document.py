"""An evaluation as the document that programs read."""

from dataclasses import asdict
from typing import Any

from evaluation.judging import Judged
from evaluation.measures import measures_of
from evaluation.results import IntentRow, Results, Spent


def document(results: Results, *, failed: list[str]) -> dict[str, Any]:
    """Return one writer's figures and every question with what became of it.

    Args:
        failed: the floors that were not met.
    """
    return {
        "writer": results.writer,
        "judge": results.judge,
        "versions": dict(results.versions),
        "failed": failed,
        "measures": {measure.key: asdict(measure.of(results)) for measure in measures_of(results)},
        "placeholder_leaks": results.leaks,
        "unjudged": results.unjudged,
        "routed_because": dict(results.routed_because),
        "writing": _spent(results.writing),
        "judging": {**_spent(results.judging), "retries": results.judge_retries},
        "intents": [_intent(row) for row in results.intents],
        "questions": [_question(item) for item in results.items],
    }


def _spent(spent: Spent) -> dict[str, Any]:
    return {"calls": spent.calls, "tokens": spent.tokens, "usd": spent.usd}


def _intent(row: IntentRow) -> dict[str, Any]:
    outcomes = {outcome.value: count for outcome, count in row.outcomes.items()}
    return {
        "intent": row.intent,
        "asked": row.asked,
        "found_first": row.found_first,
        **outcomes,
        "relevant": row.relevant,
    }


def _question(item: Judged) -> dict[str, Any]:
    handled, asked = item.handled, item.handled.asked
    found: dict[str, Any] = {
        "id": asked.question_id,
        "text": asked.text,
        "coverage": asked.coverage.value,
        "intent": asked.intent,
        "predicted": handled.work.prediction.predicted_label if handled.work.prediction else "",
        "articles": list(asked.articles),
        "found": [passage.article.article_id for passage in handled.ranking],
        "outcome": handled.outcome.value,
        "reason": handled.reason.code,
        "scores": dict(handled.work.decision.scores) if handled.work.decision else {},
    }
    if item.answer is not None and item.grounding is not None:
        found["answer"] = item.answer.text
        found["cites"] = sorted({one.article_id for block in item.answer.blocks for one in block.citations})
        found["grounding"] = asdict(item.grounding)
    if item.judgement is not None:
        found["label"] = item.label.value if item.label else None
        found["why"] = item.judgement.reason
        found["findings"] = dict(item.judgement.findings)
    return found
