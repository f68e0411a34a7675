"""The frame of a report as one HTML page that needs no other file: style, tables, pictures."""

import base64
from collections.abc import Sequence
from html import escape

from models.picture_style import Picture

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #202124; background: #fff; max-width: 1100px; margin: 2rem auto;
  padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .75rem; border-bottom: 1px solid #dadce0;
  text-align: left; vertical-align: top } td.n, th.n { text-align: right;
  font-variant-numeric: tabular-nums } td.n { white-space: nowrap } small { display: block; color: #5f6368 }
figure { margin: 0 0 1.5rem } img { max-width: 100%; height: auto }
pre { white-space: pre-wrap; background: #f8f9fa; padding: .75rem; font: inherit }
.better { color: #0d652d } .worse { color: #a50e0e }
"""


def page(title: str, body: str) -> str:
    """Return a page of this title; its body is HTML."""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>
<style>{_STYLE}</style></head>
<body>
<h1>{escape(title)}</h1>
{body}
</body>
</html>
"""


def figure(picture: Picture) -> str:
    """Return a picture that stands in the page itself."""
    data = base64.b64encode(picture.png).decode()
    alt = escape(picture.description)
    return f'<figure><img alt="{alt}" width="{picture.width_px}" src="data:image/png;base64,{data}"></figure>'


def table(heads: Sequence[str], body: Sequence[str], *, numbers: int, above: str = "") -> str:
    """Return a table; the columns 1 to ``numbers`` are aligned as numbers, ``above`` is a row over the heads."""
    head = "".join(
        f'<th scope="col" class="{"n" if 1 <= place <= numbers else ""}">{escape(name)}</th>'
        for place, name in enumerate(heads)
    )
    rows = "\n".join(f"<tr>{cells}</tr>" for cells in body)
    return f"<table><thead>{above}<tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def cell(value: str, kind: str = "") -> str:
    """Return a cell of a row; its kind is a class of the style, such as ``n`` for numbers."""
    return f'<td class="{kind}">{escape(value)}</td>' if kind else f"<td>{escape(value)}</td>"
