"""Options of every command that reads a file of labelled tickets."""

from typing import Annotated

import typer

TextColumnName = Annotated[str, typer.Option("--text-column", help="Column of the text (default: found by its name).")]
LabelColumnName = Annotated[
    str, typer.Option("--label-column", help="Column of the intent (default: found by its name).")
]
OutOfScopeLabel = Annotated[
    str, typer.Option(help="Label of tickets with none of the intents; `oos` and `out_of_scope` always are.")
]
Encoding = Annotated[str, typer.Option(help="Of the file, such as cp1252 (default: its byte order mark's, or UTF-8).")]
