"""An evaluation as one HTML page: figures, pictures, intents, the worst answers, and answers as customers see them."""

from collections.abc import Mapping, Sequence
from html import escape

from evaluation.judging import Judged
from evaluation.measures import measures_of, notes
from evaluation.pictures import pictures
from evaluation.results import Results
from evaluation.shares import Share
from helpdesk.decisions import Outcome
from models.html_page import cell, figure, page, table


def html_report(runs: Mapping[str, Results], *, data: str, failed: Mapping[str, Sequence[str]], show: int) -> str:
    """Return the page.

    Args:
        runs: one or more, on the same questions, by name.
        data: what was asked.
        failed: by run, the floors that it did not meet.
        show: how many answers stand there as a customer would see them.
    """
    first = next(iter(runs.values()))
    parts = [
        f"<p>{len(first.items)} questions of {escape(data)}. Judge: <b>{escape(first.judge)}</b>. Intervals: 95 %, "
        "bootstrap.</p>",
        *(f'<p class="worse">{escape(name)}: {escape(one)}.</p>' for name, found in failed.items() for one in found),
        "<h2>Figures</h2>",
        _figures(runs),
        "<h2>Pictures</h2>",
        *map(figure, pictures(runs)),
    ]
    for name, run in runs.items():
        parts += [f"<h2>By intent: {escape(name)}</h2>", _intents(run)]
        parts += [f"<h2>Sent, and not RELEVANT: {escape(name)}</h2>", _worst(run.worst)]
        if show:
            parts += [f"<h2>Answers as customers see them: {escape(name)}</h2>", *map(_letter, shown(run, show))]
    return page(f"Answers: {' against '.join(runs)}", "\n".join(parts))


def shown(run: Results, limit: int) -> list[Judged]:
    """Return sent answers to show, spread evenly over the set, whatever they are worth."""
    sent = [item for item in run.items if item.handled.is_sent]
    step = max(1, len(sent) // limit) if limit else 1
    return sent[::step][:limit]


def share_text(found: Share, *, is_rate: bool = True) -> str:
    """Return a share with its interval and the number of things that it is of."""
    if not is_rate:
        return f"{found.value:.3f} ({found.low:.3f}–{found.high:.3f}) of {found.of}"
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f}–{100 * found.high:.1f}) of {found.of}"


def _figures(runs: Mapping[str, Results]) -> str:
    body = []
    for measure in measures_of(next(iter(runs.values()))):
        name = f"<td>{escape(measure.name)}<small>{escape(measure.meaning)}</small></td>"
        rate = not measure.key.startswith("MRR")
        body.append(name + "".join(cell(share_text(measure.of(run), is_rate=rate), "n") for run in runs.values()))
    said = [dict(notes(run)) for run in runs.values()]
    body += [cell(name) + "".join(cell(one.get(name, ""), "n") for one in said) for name in said[0]]
    return table(("measure", *runs), body, numbers=len(runs))


def _intents(run: Results) -> str:
    heads = ("intent", "asked", "right article first", *(outcome.value for outcome in Outcome), "sent and RELEVANT")
    body = []
    for row in run.intents:
        counts = (row.asked, row.found_first, *(row.outcomes.get(outcome, 0) for outcome in Outcome), row.relevant)
        body.append(cell(row.intent) + "".join(cell(str(count), "n") for count in counts))
    return table(heads, body, numbers=len(heads) - 1)


def _worst(items: Sequence[Judged]) -> str:
    body = [
        "".join(
            (
                cell(item.handled.asked.question_id),
                cell(item.handled.asked.text),
                cell(item.label.value if item.label else "no verdict"),
                cell(item.judgement.reason if item.judgement else ""),
            )
        )
        for item in items
    ]
    return table(("question", "what was asked", "label", "why"), body, numbers=0) if body else "<p>None.</p>"


def _letter(item: Judged) -> str:
    answer = item.answer.text if item.answer is not None else ""
    label = item.label.value if item.label else "no verdict"
    asked = item.handled.asked
    return f"<h3>{escape(asked.text)}</h3><p>{escape(asked.question_id)}: {label}</p><pre>{escape(answer)}</pre>"
