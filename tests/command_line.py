"""Runs commands of the command line in the test's own process, with an environment of its own."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.__main__ import app
from cli.local_keys import keys_file
from helpdesk.settings import setting_names
from tests.live_ticket_api import LiveTicketApi


class CommandLine:
    """The command line as a user of one machine has it: a state directory, and variables."""

    def __init__(self, state_dir: Path, variables: Mapping[str, str] | None = None) -> None:
        self.state_dir = state_dir
        self.variables = {"HELPDESK_STATE_DIR": str(state_dir), "COLUMNS": "200", **(variables or {})}

    def run(self, *arguments: str, stdin: str | bytes = "", **variables: str) -> Result:
        """Run one command, whatever it returns."""
        none_of_ours = {name: None for name in os.environ if name.upper() in setting_names()}
        environment = {**none_of_ours, **self.variables, **variables}
        return CliRunner().invoke(app, list(arguments), input=stdin, env=environment, prog_name="helpdesk")

    def text(self, *arguments: str, **options: Any) -> str:
        """Run a command that succeeds and return what it prints."""
        result = self.run(*arguments, **options)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    def json(self, *arguments: str, **options: Any) -> Any:
        """Run a command with `--json` that succeeds; standard output must be one JSON document."""
        return json.loads(self.text(*arguments, "--json", **options))

    def error(self, *arguments: str, **options: Any) -> str:
        """Run a command that fails and return its one line on standard error; nothing else was printed."""
        result = self.run(*arguments, **options)
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        lines = str(result.stderr).splitlines()
        assert len(lines) == 1, result.stderr
        return lines[0]


@contextmanager
def on_this_machine(api: LiveTicketApi, state_dir: Path) -> Iterator[CommandLine]:
    """Yield the command line of a machine whose saved keys fit the running ticket API."""
    state_dir.mkdir(exist_ok=True)
    keys_file(state_dir).write_text(
        json.dumps({name: api.keys[name] for name in ("portal", "agent", "operator", "ml")})
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(state_dir)
        yield CommandLine(state_dir, {"HELPDESK_CLIENT__URL": api.url})
