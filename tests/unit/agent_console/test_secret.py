"""The secret that signs the desk's cookies."""

from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent_console.secret import signing_secret
from helpdesk.errors import InvalidSetting
from helpdesk.settings import AgentConsoleSettings, Settings
from helpdesk.wiring import open_store


def test_all_processes_on_one_store_share_the_secret_that_the_first_makes(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, DATABASE_URL=None)
    with closing(open_store(settings)) as first, closing(open_store(settings)) as second:
        first.migrate()
        made = signing_secret(settings.agent_console, first)
        assert len(made) >= 32
        assert signing_secret(settings.agent_console, second) == made


def test_a_configured_secret_is_used_and_a_short_one_refused(tmp_path: Path) -> None:
    with closing(open_store(Settings(state_dir=tmp_path, DATABASE_URL=None))) as store:
        store.migrate()
        assert signing_secret(AgentConsoleSettings(secret=SecretStr("x" * 32)), store) == "x" * 32
        with pytest.raises(InvalidSetting, match="HELPDESK_AGENT_CONSOLE__SECRET"):
            signing_secret(AgentConsoleSettings(secret=SecretStr("x" * 31)), store)
