"""An evaluation as one HTML page that needs no other file: metrics, differences, pictures, and a row per intent."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

from models.comparison import Difference, verdict
from models.evaluate import METRICS, Evaluation
from models.picture_style import Picture
from models.pictures import pictures

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #202124; background: #fff; max-width: 1100px; margin: 2rem auto;
  padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .75rem; border-bottom: 1px solid #dadce0;
  text-align: left; vertical-align: top } td.n, th.n { text-align: right;
  font-variant-numeric: tabular-nums } td.n { white-space: nowrap } small { display: block; color: #5f6368 }
figure { margin: 0 0 1.5rem } img { max-width: 100%; height: auto }
.better { color: #0d652d } .worse { color: #a50e0e }
"""


def html_report(evaluations: Mapping[str, Evaluation], differences: Sequence[Difference], *, data: str) -> str:
    """Return the page.

    Args:
        evaluations: one or two, on the same rows, by model version.
        differences: between the two; empty for one.
        data: what they were evaluated on.
    """
    versions = list(evaluations)
    title = " against ".join(versions)
    figures = "\n".join(map(_figure, pictures(evaluations).values()))
    rows = int(next(iter(evaluations.values())).metrics["rows"])
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>
<style>{_STYLE}</style></head>
<body>
<h1>{escape(title)}</h1>
<p>{rows} rows of {escape(data)}.</p>
<h2>Metrics</h2>
{_metrics(evaluations, {difference.metric: difference for difference in differences})}
<h2>Pictures</h2>
{figures}
<h2>By intent</h2>
{_intents(evaluations)}
</body>
</html>
"""


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    alt = escape(picture.description)
    return f'<figure><img alt="{alt}" width="{picture.width_px}" src="data:image/png;base64,{data}"></figure>'


def _metrics(evaluations: Mapping[str, Evaluation], differences: Mapping[str, Difference]) -> str:
    compared = ("difference (95 %)", "second model is") if differences else ()
    body = []
    for name, meaning in METRICS.items():
        values = [_number(found.metrics.get(name)) for found in evaluations.values()]
        if not any(values):
            continue
        cells = [_metric_cell(name, meaning), *(_cell(value, "n") for value in values)]
        if differences:
            found = differences.get(name)
            interval = f"{found.second - found.first:+.4f} ({found.low:+.4f} to {found.high:+.4f})" if found else ""
            said = verdict(found) if found else ""
            cells += [_cell(interval, "n"), _cell(said, said if said in ("better", "worse") else "")]
        body.append("".join(cells))
    return _table(("metric", *evaluations, *compared), body, numbers=len(evaluations) + len(compared) // 2)


def _intents(evaluations: Mapping[str, Evaluation]) -> str:
    by_intent = [{result.intent: result for result in found.intents} for found in evaluations.values()]
    body = []
    for result in next(iter(evaluations.values())).intents:
        cells = [_cell(result.intent), _cell(str(result.rows), "n")]
        for results in by_intent:
            mine = results.get(result.intent)
            shown = (mine.precision, mine.recall, mine.automated) if mine else (None, None, None)
            cells += [_cell(_number(value), "n") for value in shown]
        body.append("".join(cells))
    heads = ("precision", "recall", "automated")
    above = "".join(f'<th scope="colgroup" colspan="{len(heads)}">{escape(version)}</th>' for version in evaluations)
    names = ("intent", "rows", *heads * len(evaluations))
    return _table(names, body, numbers=len(names) - 1, above=f'<tr><td colspan="2"></td>{above}</tr>')


def _table(heads: Sequence[str], body: Sequence[str], *, numbers: int, above: str = "") -> str:
    """Return a table; the columns 1 to ``numbers`` are aligned as numbers, ``above`` is a row over the heads."""
    head = "".join(
        f'<th scope="col" class="{"n" if 1 <= place <= numbers else ""}">{escape(name)}</th>'
        for place, name in enumerate(heads)
    )
    rows = "\n".join(f"<tr>{cells}</tr>" for cells in body)
    return f"<table><thead>{above}<tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def _cell(value: str, kind: str = "") -> str:
    return f'<td class="{kind}">{escape(value)}</td>' if kind else f"<td>{escape(value)}</td>"


def _metric_cell(name: str, meaning: str) -> str:
    return f"<td>{escape(name)}<small>{escape(meaning)}</small></td>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
