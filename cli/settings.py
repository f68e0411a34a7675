"""`helpdesk settings`: every setting with its value and source, and whether what they name can be reached."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer
from rich.text import Text

from cli.app import new_app
from cli.console import Json, print_json, stdout, table

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from cli.connections import Connection
    from helpdesk.settings import Settings

app = new_app("Settings: what is in force, where it comes from, and whether it works.")

MASK = "••••••"
_STATE_STYLES = {"ok": "green", "idle": "bright_black", "failed": "bold red"}


@app.callback()
def settings_group() -> None:
    """Keep `check` a command of its own: a group with one command would swallow its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting as it is in force; a secret's value is masked."""

    name: str
    value: str
    source: str
    description: str


@app.command("check")
def check(as_json: Json = False) -> None:
    """Show every setting, report unknown names and wrong values, and test the connections."""
    from cli.connections import connections
    from helpdesk.settings import Settings
    from helpdesk.wiring import split_queue_warning

    problems = environment_problems(os.environ)
    found = [] if problems else list(connections(Settings()))
    warnings = [warning for warning in ([] if problems else [split_queue_warning(Settings())]) if warning]
    problems += [f"{item.name}: {item.detail}" for item in found if item.state == "failed"]
    rows = list(setting_rows(os.environ))
    if as_json:
        shown = {"settings": [asdict(row) for row in rows], "connections": [asdict(item) for item in found]}
        print_json({**shown, "warnings": warnings, "problems": problems})
    else:
        _show(rows, found, warnings, problems)
    if problems:
        raise typer.Exit(1)


def environment_problems(environment: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the environment: unknown names, and values that do not fit."""
    from pydantic import ValidationError

    from helpdesk.settings import PREFIX, Settings, setting_names, unknown_names

    names = setting_names()
    problems = []
    for name in sorted(unknown_names(environment)):
        near = get_close_matches(name, names, n=1)
        problems.append(f"{name}: no such setting" + (f"; did you mean {near[0]}?" if near else ""))
    try:
        Settings()
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            path = "__".join(str(part) for part in item["loc"]).upper()
            if item["type"] != "extra_forbidden":  # an unknown name within a group, which stands above
                problems.append(f"{path if path in names else PREFIX + path}: {item['msg']}")
    return problems


def setting_rows(environment: Mapping[str, str]) -> Iterator[SettingRow]:
    """Yield every setting as it is in force, in the order of the reference."""
    from helpdesk.settings import Settings

    given = {name.upper(): value for name, value in environment.items()}
    defaults = Settings.model_construct()
    for name, described in described_settings(defaults).items():
        source = "environment" if name in given else "default"
        value = given.get(name, described.default)
        shown = masked(value) if described.is_secret and value else value
        yield SettingRow(name=name, value=shown, source=source, description=described.description)


@dataclass(frozen=True, slots=True)
class _Described:
    default: str
    is_secret: bool
    description: str


def described_settings(defaults: "Settings") -> dict[str, _Described]:
    """Return default, secrecy and description of every setting, by its environment name."""
    from pydantic import AliasChoices, BaseModel

    from helpdesk.settings import PREFIX

    def described(field: "FieldInfo", default: object) -> _Described:
        text = "" if default is None else str(default)
        return _Described(text, "SecretStr" in str(field.annotation), field.description or "")

    found: dict[str, _Described] = {}
    for name, field in type(defaults).model_fields.items():
        value = getattr(defaults, name)
        if isinstance(value, BaseModel):
            for inner, inner_field in type(value).model_fields.items():
                found[f"{PREFIX}{name}__{inner}".upper()] = described(inner_field, getattr(value, inner))
        else:
            alias = field.validation_alias
            variable = str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{PREFIX}{name}".upper()
            found[variable] = described(field, value)
    return found


def masked(secret: str) -> str:
    """Return a secret with nothing of it but, for a URL, the server that it names."""
    try:
        parts = urlsplit(secret)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return MASK
    if "://" not in secret or not host:
        return MASK
    return f"{parts.scheme}://{MASK}@{host}{parts.path}" if parts.username else f"{parts.scheme}://{host}{parts.path}"


def _show(
    rows: Sequence[SettingRow], found: Sequence["Connection"], warnings: Sequence[str], problems: Sequence[str]
) -> None:
    console = stdout()
    listing = table("setting", "value", "what it is")
    for row in rows:
        style = "bold" if row.source == "environment" else ""
        listing.add_row(Text(row.name, style), Text(row.value or "–", style), Text(row.description, "bright_black"))
    listing.columns[0].no_wrap = True
    listing.columns[1].overflow = "fold"
    console.print(listing)
    console.print("[bright_black]Bold: set in the environment. The others stand at their default.[/]\n")
    if found:
        reached = table("connection", "state", "detail")
        for item in found:
            style = _STATE_STYLES[item.state]
            took = f" ({item.took_ms:.0f} ms)" if item.took_ms else ""
            reached.add_row(item.name, Text(item.state, style), Text(item.detail + took))
        console.print(reached)
    for warning in warnings:
        console.print(Text.assemble(("warning: ", "bold yellow"), warning), soft_wrap=True)
    for problem in problems:
        console.print(Text.assemble(("problem: ", "bold red"), problem), soft_wrap=True)
    if not problems:
        console.print("[green]No problem found.[/]")
