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


class WithDefault(ErrorsAsLines):
    """A group that takes what names none of its commands for the arguments of one of them."""

    default = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_named else [self.default, *args])


def new_app(help_text: str, *, default: str = "") -> typer.Typer:
    """Return an application, or a group of commands, without commands.

    Args:
        default: the command that is meant where none is named; empty: the help is shown.
    """
    group = type("Group", (WithDefault,), {"default": default}) if default else ErrorsAsLines
    return typer.Typer(
        help=help_text,
        cls=group,
        no_args_is_help=not default,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
