"""An evaluation as one HTML page that needs no other file: metrics, differences, pictures, and a row per intent."""

from collections.abc import Mapping, Sequence
from html import escape

from models.comparison import Difference, verdict
from models.evaluate import METRICS, Evaluation
from models.html_page import cell, figure, page, table
from models.pictures import pictures


def html_report(evaluations: Mapping[str, Evaluation], differences: Sequence[Difference], *, data: str) -> str:
    """Return the page.

    Args:
        evaluations: one or two, on the same rows, by model version.
        differences: between the two; empty for one.
        data: what they were evaluated on.
    """
    versions = list(evaluations)
    title = " against ".join(versions)
    figures = "\n".join(map(figure, pictures(evaluations).values()))
    rows = int(next(iter(evaluations.values())).metrics["rows"])
    return page(
        title,
        f"""<p>{rows} rows of {escape(data)}.</p>
<h2>Metrics</h2>
{_metrics(evaluations, {difference.metric: difference for difference in differences})}
<h2>Pictures</h2>
{figures}
<h2>By intent</h2>
{_intents(evaluations)}""",
    )


def _metrics(evaluations: Mapping[str, Evaluation], differences: Mapping[str, Difference]) -> str:
    compared = ("difference (95 %)", "second model is") if differences else ()
    body = []
    for name, meaning in METRICS.items():
        values = [_number(found.metrics.get(name)) for found in evaluations.values()]
        if not any(values):
            continue
        cells = [_metric_cell(name, meaning), *(cell(value, "n") for value in values)]
        if differences:
            found = differences.get(name)
            interval = f"{found.second - found.first:+.4f} ({found.low:+.4f} to {found.high:+.4f})" if found else ""
            said = verdict(found) if found else ""
            cells += [cell(interval, "n"), cell(said, said if said in ("better", "worse") else "")]
        body.append("".join(cells))
    return table(("metric", *evaluations, *compared), body, numbers=len(evaluations) + len(compared) // 2)


def _intents(evaluations: Mapping[str, Evaluation]) -> str:
    by_intent = [{result.intent: result for result in found.intents} for found in evaluations.values()]
    body = []
    for result in next(iter(evaluations.values())).intents:
        cells = [cell(result.intent), cell(str(result.rows), "n")]
        for results in by_intent:
            mine = results.get(result.intent)
            shown = (mine.precision, mine.recall, mine.automated) if mine else (None, None, None)
            cells += [cell(_number(value), "n") for value in shown]
        body.append("".join(cells))
    heads = ("precision", "recall", "automated")
    above = "".join(f'<th scope="colgroup" colspan="{len(heads)}">{escape(version)}</th>' for version in evaluations)
    names = ("intent", "rows", *heads * len(evaluations))
    return table(names, body, numbers=len(names) - 1, above=f'<tr><td colspan="2"></td>{above}</tr>')


def _metric_cell(name: str, meaning: str) -> str:
    return f"<td>{escape(name)}<small>{escape(meaning)}</small></td>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
