"""``python -m cli.reference``: writes docs/reference/cli.md from the commands themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from cli.__main__ import app
from helpdesk.settings import PROJECT_DIR

PAGE = PROJECT_DIR / "docs" / "reference" / "cli.md"

_INTRODUCTION = """\
<!-- Written by `python -m cli.reference` from the commands themselves; change their help texts instead. -->

# Command line

`helpdesk` is installed with the package: `.venv/bin/helpdesk`, or `python -m cli`.

- Every command takes `--json`: one JSON document on standard output, and nothing else. Progress and errors go to
  standard error.
- Exit codes: 0 when it is done, 1 when it could not be done (one line says why), 2 when the command is written wrongly.
  `drift` ends with 3 where it finds drift, `evaluate answers` where a floor is not met, `replay` where a record does
  not hold.
- Commands about tickets, queues and dead letters talk to the ticket API that `HELPDESK_CLIENT__URL` names (unset: the
  one on this machine) and send `HELPDESK_CLIENT__API_KEY` (unset: the key for the role that they need, from `keys.json`
  in `HELPDESK_STATE_DIR`, which the first `helpdesk run` makes). `keys`, `kb`, `models`, `policy`, `replay`, `evaluate`
  and `drift` work on store, index and registry directly; `corrections` and `train --with-corrections` read the store;
  `sla` reads its file.
- A traceback shows only where `HELPDESK_LOG__LEVEL=DEBUG`.
"""


def page() -> str:
    """Return the whole page."""
    root = typer.main.get_command(app)
    return "\n".join([_INTRODUCTION, *_commands(root, "helpdesk")])


def _commands(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield from _section(command, f"{path} {name}")


def _section(command: Any, path: str) -> Iterator[str]:
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name == "option"]
    words = [item.name.upper() if item.required else f"[{item.name.upper()}]" for item in arguments]
    yield f"## `{' '.join((path, *words))}`\n"
    yield f"{' '.join((command.help or '').split())}\n"
    yield "| argument or option | default | what it is |\n| --- | --- | --- |"
    for item in arguments:
        yield f"| `{item.name.upper()}` | {_default(item)} | {_text(item)} |"
    for item in options:
        yield f"| `{', '.join(item.opts)}` | {_default(item)} | {_text(item)} |"
    yield ""


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if value is None or value is False or value == "" or callable(value):
        return ""
    return f"`{getattr(value, 'value', value)}`"


def _text(parameter: Any) -> str:
    choices = parameter.type_descriptor.choices if parameter.type_descriptor.is_choice else None
    names = ", ".join(f"`{getattr(choice, 'value', choice)}`" for choice in choices or ())
    text = " ".join((parameter.help or "").split()).replace("|", "\\|")
    return f"{text} One of {names}." if names else text


def main(target: Path = PAGE) -> None:
    """Write the page."""
    target.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
