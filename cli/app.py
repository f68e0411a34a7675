"""The frame of the command line: every error that we raise on purpose becomes one line and exit code 1."""

import os
import traceback
from typing import Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from cli.console import CommandFailed, stderr
from helpdesk.errors import HelpdeskError


class ErrorsAsLines(TyperGroup):
    """Prints what went wrong as one line; the traceback only where the log level is DEBUG."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (HelpdeskError, CommandFailed) as error:
            if os.environ.get("HELPDESK_LOG__LEVEL", "").upper() == "DEBUG":
                typer.echo(traceback.format_exc(), err=True)
            message = " ".join(str(error).split()) or type(error).__name__
            stderr().print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
            raise typer.Exit(1) from error


def new_app(help_text: str) -> typer.Typer:
    """Return an application, or a group of commands, without commands."""
    return typer.Typer(
        help=help_text,
        cls=ErrorsAsLines,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
