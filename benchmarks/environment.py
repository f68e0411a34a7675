"""Settings as the environment of a child process; the user's own settings play no part in a benchmark."""

import os

from pydantic import AliasChoices, BaseModel, SecretStr

from helpdesk.settings import PREFIX, Settings, setting_names


def forget_settings() -> None:
    """Remove every setting from this process's environment, so that no server and no data of the user's is touched."""
    for name in list(os.environ):
        if name in setting_names() or name.startswith(PREFIX):
            del os.environ[name]


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment in which a child process loads these settings."""
    environment = dict(os.environ)
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        alias = Settings.model_fields[name].validation_alias
        if isinstance(value, BaseModel):
            for inner in value.model_fields_set:
                environment[f"{PREFIX}{name}__{inner}".upper()] = _plain(getattr(value, inner))
        elif value is not None:
            variable = str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{PREFIX}{name}".upper()
            environment[variable] = _plain(value)
    return environment


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
