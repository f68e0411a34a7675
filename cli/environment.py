"""Settings as environment variables, so that child processes see exactly the settings that a command decided on."""

import os
from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel, SecretStr

from helpdesk.settings import PREFIX, Settings, setting_names


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables from which ``load_settings`` reads these settings; defaults are left out."""
    defaults = Settings.model_construct()
    variables: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        value, default = getattr(settings, name), getattr(defaults, name)
        if isinstance(value, BaseModel):
            for inner in type(value).model_fields:
                if getattr(value, inner) != getattr(default, inner):
                    variables[f"{PREFIX}{name}__{inner}".upper()] = _text(getattr(value, inner))
        elif value != default:
            alias = field.validation_alias
            variable = str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{PREFIX}{name}".upper()
            variables[variable] = _text(value)
    return variables


def child_environment(settings: Settings, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a child process: the inherited one, with these settings in place of its own."""
    names = set(setting_names())
    parent = os.environ if inherited is None else inherited
    kept = {name: value for name, value in parent.items() if name.upper() not in names}
    return kept | environment_of(settings)


def _text(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
