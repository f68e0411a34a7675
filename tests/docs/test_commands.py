"""Every command that a page tells its reader to type exists, with the options that it uses."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.__main__ import app
from helpdesk.settings import PROJECT_DIR, setting_names

PAGES = sorted([*PROJECT_DIR.glob("*.md"), *(PROJECT_DIR / "docs").rglob("*.md")])
SHELL_BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ASSIGNMENT = re.compile(r"^[A-Z_]+=")


def lines(block: str) -> Iterator[list[str]]:
    """Yield the words of each line; a quotation may go on over several."""
    pending = ""
    for line in block.replace("\\\n", " ").splitlines(keepends=True):
        pending += line
        try:
            yield shlex.split(pending, comments=True)
        except ValueError:  # an open quotation
            continue
        pending = ""
    assert not pending, f"an open quotation: {pending}"


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the simple commands of a page's shell blocks, as words."""
    for block in SHELL_BLOCK.findall(page.read_text(encoding="utf-8")):
        for words in lines(block):
            command: list[str] = []
            for word in [*words, ";"]:
                if word in {";", "|", "&&", "||", "&"}:
                    if command:
                        yield command
                    command = []
                elif command or not ASSIGNMENT.match(word):
                    command.append(word)


def of(program: str) -> list[tuple[str, list[str]]]:
    return [
        (str(page.relative_to(PROJECT_DIR)), command[1:])
        for page in PAGES
        for command in commands(page)
        if Path(command[0]).name == program
    ]


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT_DIR / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = of("make")
    assert used
    for page, arguments in used:
        for target in arguments:
            assert target in targets, f"{page}: make {target}"


def problem(arguments: list[str]) -> str | None:
    """Return what is wrong with a call of the command line, or None."""
    command: Any = typer.main.get_command(app)
    words = list(arguments)
    while hasattr(command, "commands"):
        if not words:
            return "names no command"
        inner = command.commands.get(words[0])
        if inner is None:
            return f"has no {words[0]}"
        command, words = inner, words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known | {"--help"}]
    return f"has no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize(
    ("page", "arguments"), of("helpdesk"), ids=lambda value: value if isinstance(value, str) else " ".join(value)[:40]
)
def test_every_call_of_the_command_line_fits(page: str, arguments: list[str]) -> None:
    assert problem(arguments) is None, f"{page}: helpdesk {' '.join(arguments)} {problem(arguments)}"


def test_the_check_itself_finds_what_does_not_exist() -> None:
    assert problem(["no-such-command"]) is not None
    assert problem(["queues", "--no-such-option"]) is not None
    assert problem(["queues", "--json"]) is None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_DIR)))
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    named = set(
        re.findall(r"\bHELPDESK_[A-Z]+(?:_[A-Z]+)*(?:__[A-Z]+(?:_[A-Z]+)*)?\b", page.read_text(encoding="utf-8"))
    )
    of_compose = {"HELPDESK_LOG_LEVEL"}
    internal = {"HELPDESK_FAILPOINT"}
    assert named - set(setting_names()) - of_compose - internal == set()
