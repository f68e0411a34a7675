"""`helpdesk keys`, and the keys that the first run makes, on a real store."""

import json
import stat
from contextlib import closing
from pathlib import Path

import pytest

from cli.local_keys import ROLES, ensure_keys, keys_file, read_keys
from helpdesk.clock import utc_now
from helpdesk.errors import InvalidSetting
from helpdesk.ports.store import Role, Store
from helpdesk.settings import Settings
from helpdesk.web.keys import secret_sha256
from helpdesk.wiring import open_store
from tests.command_line import CommandLine


def make_store(state_dir: Path) -> Store:
    store = open_store(Settings(state_dir=state_dir, DATABASE_URL=None))
    store.migrate()
    return store


def roles_of(store: Store, keys: dict[str, str]) -> dict[str, Role | None]:
    with store.reading() as tx:
        found = {name: tx.api_key_by_sha256(secret_sha256(secret)) for name, secret in keys.items()}
    return {name: key.role if key and key.revoked_at is None else None for name, key in found.items()}


def test_the_first_run_makes_a_key_per_role_that_only_its_owner_can_read(tmp_path: Path) -> None:
    with closing(make_store(tmp_path)) as store:
        keys = ensure_keys(store, tmp_path)
        assert roles_of(store, keys) == ROLES
    assert stat.S_IMODE(keys_file(tmp_path).stat().st_mode) == 0o600
    assert read_keys(tmp_path) == keys


def test_a_second_run_shows_the_same_keys(tmp_path: Path) -> None:
    with closing(make_store(tmp_path)) as store:
        assert ensure_keys(store, tmp_path) == ensure_keys(store, tmp_path)
        with store.reading() as tx:
            assert len(tx.api_keys()) == len(ROLES)


def test_saved_keys_work_on_another_database_too(tmp_path: Path) -> None:
    with closing(make_store(tmp_path / "one")) as first:
        keys = ensure_keys(first, tmp_path)
    with closing(make_store(tmp_path / "two")) as second:
        assert ensure_keys(second, tmp_path) == keys
        assert roles_of(second, keys) == ROLES


def test_a_revoked_key_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    with closing(make_store(tmp_path)) as store:
        before = ensure_keys(store, tmp_path)
        with store.transaction() as tx:
            revoked = tx.api_key_by_sha256(secret_sha256(before["agent"]))
            assert revoked is not None
            tx.revoke_api_key(revoked.key_id, at=utc_now())
        after = ensure_keys(store, tmp_path)
        assert {name for name in ROLES if before[name] != after[name]} == {"agent"}
        assert roles_of(store, after) == ROLES


def test_a_key_saved_under_the_wrong_role_is_replaced(tmp_path: Path) -> None:
    with closing(make_store(tmp_path)) as store:
        keys = ensure_keys(store, tmp_path)
        keys_file(tmp_path).write_text(json.dumps({**keys, "portal": keys["operator"]}))
        assert roles_of(store, ensure_keys(store, tmp_path)) == ROLES


@pytest.mark.parametrize("content", ["{", "[1]", b"\xff"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: str | bytes) -> None:
    keys_file(tmp_path).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InvalidSetting, match="delete the file"):
        read_keys(tmp_path)


def test_a_created_key_is_listed_without_its_secret_and_can_be_revoked(tmp_path: Path) -> None:
    helpdesk = CommandLine(tmp_path)
    created = helpdesk.json("keys", "create", "portal", "--name", "shop")
    assert created["secret"].startswith("hd_portal_")
    [listed] = helpdesk.json("keys", "list")["keys"]
    assert listed == {name: value for name, value in created.items() if name != "secret"}
    assert listed["revoked_at"] is None
    assert helpdesk.json("keys", "revoke", created["key_id"]) == {"key_id": created["key_id"], "revoked": True}
    assert helpdesk.json("keys", "list")["keys"][0]["revoked_at"] is not None


def test_people_see_the_secret_once(tmp_path: Path) -> None:
    helpdesk = CommandLine(tmp_path)
    shown = helpdesk.text("keys", "create", "agent", "--name", "ada")
    secret = shown.split()[0]
    assert secret.startswith("hd_agent_")
    assert secret not in helpdesk.text("keys", "list")


def test_a_key_without_a_name_is_bad_usage(tmp_path: Path) -> None:
    result = CommandLine(tmp_path).run("keys", "create", "portal")
    assert result.exit_code == 2
    assert "--name" in result.output


@pytest.mark.parametrize("name", ["", "  ", " shop", "shop\n", "s" * 101, "a\x1bb", "a\u200bb"])
def test_a_name_that_nobody_could_read_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    helpdesk = CommandLine(tmp_path)
    assert "1 to 100 visible characters" in helpdesk.error("keys", "create", "portal", "--name", name)
    assert helpdesk.json("keys", "list")["keys"] == []


@pytest.mark.parametrize("name", ["s", "s" * 100, "José's shop", "店"])
def test_a_name_may_be_of_any_language(tmp_path: Path, name: str) -> None:
    assert CommandLine(tmp_path).json("keys", "create", "portal", "--name", name)["name"] == name


def test_without_keys_the_list_says_how_to_make_one(tmp_path: Path) -> None:
    assert "keys create portal" in CommandLine(tmp_path).text("keys", "list")


def test_revoking_what_is_no_key_is_one_line(tmp_path: Path) -> None:
    assert "key_nothing" in CommandLine(tmp_path).error("keys", "revoke", "key_nothing")


def test_an_unknown_role_is_bad_usage(tmp_path: Path) -> None:
    result = CommandLine(tmp_path).run("keys", "create", "king")
    assert result.exit_code == 2
    assert "portal" in result.output
