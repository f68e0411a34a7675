"""Versions of the policy: the file is where they begin, changes append, and who is late is refused."""

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import InvalidInput, PolicyRefused, PolicyVersionNotFound, StoreUnavailable, VersionConflict
from helpdesk.policy.book import PolicyBook, PolicyOrigin, numbered
from helpdesk.policy.live import LivePolicy
from helpdesk.policy.rules import load_policy, parse_policy
from helpdesk.ports.policies import PolicyAction
from helpdesk.settings import ProcessorSettings, Settings, StoreSettings
from tests.policies import FILE, changed_text

ANNA = PolicyOrigin(by="anna", source="a test", reason="because")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path}/helpdesk.db", StoreSettings())) as store:
        store.migrate()
        yield store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_bytes(FILE.read_bytes())
    return path


def book(store: SqlStore, file: Path, *, named: bool = True) -> PolicyBook:
    return PolicyBook(store, file, file_is_named=named)


def numbers(store: SqlStore) -> list[int]:
    with store.reading() as tx:
        return [version.number for version in tx.policy_versions(limit=100)]


def test_the_file_is_the_first_version_under_the_name_that_decisions_had(store: SqlStore, file: Path) -> None:
    first = book(store, file).newest()
    assert (first.number, first.action, first.body) == (1, PolicyAction.FILE, FILE.read_text(encoding="utf-8"))
    assert first.name == load_policy(file).name
    assert book(store, file).newest() == book(store, file).take_file() == first
    assert numbers(store) == [1]


def test_numbers_go_on_from_the_one_that_the_file_states(store: SqlStore, file: Path) -> None:
    file.write_text(changed_text(version=7))
    assert book(store, file).newest().name == load_policy(file).name
    assert book(store, file).apply(changed_text(upset_at=-0.4), ANNA, against=7).version.number == 8


def test_a_change_is_a_new_version_that_says_what_changed(store: SqlStore, file: Path) -> None:
    change = book(store, file).apply(changed_text(upset_at=-0.4), ANNA, against=1)
    assert change.is_new
    assert [(rule.path, rule.before, rule.after) for rule in change.changes] == [("upset_at", -0.65, -0.4)]
    version = change.version
    assert (version.number, version.by, version.reason, version.action) == (2, "anna", "because", PolicyAction.APPLY)
    assert book(store, file).policy().upset_at == -0.4
    assert book(store, file).policy(1).upset_at == -0.65
    assert book(store, file).policy().name == version.name


def test_who_has_seen_an_older_version_is_refused_and_told_of_the_newer(store: SqlStore, file: Path) -> None:
    policies = book(store, file)
    policies.apply(changed_text(upset_at=-0.4), ANNA, against=1)
    with pytest.raises(VersionConflict, match=r"Version 2 .* by anna"):
        policies.apply(changed_text(upset_at=-0.5), ANNA, against=1)
    with pytest.raises(VersionConflict):
        policies.roll_back(ANNA, to=1, against=1)
    assert numbers(store) == [2, 1]


def test_the_same_rules_again_store_nothing(store: SqlStore, file: Path) -> None:
    policies = book(store, file)
    change = policies.apply(FILE.read_text().replace("version: 1", "version: 9"), ANNA, against=1)
    assert (change.is_new, change.version.number, numbers(store)) == (False, 1, [1])


def test_a_change_needs_a_reason_and_rules_that_fit(store: SqlStore, file: Path) -> None:
    policies = book(store, file)
    with pytest.raises(InvalidInput, match="reason"):
        policies.apply(changed_text(upset_at=-0.4), PolicyOrigin(by="anna", reason=" "), against=1)
    with pytest.raises(PolicyRefused, match="upset_at"):
        policies.apply(changed_text(upset_at=-4), ANNA, against=1)
    assert policies.newest().number == 1


def test_a_roll_back_repeats_an_old_version_as_a_new_one(store: SqlStore, file: Path) -> None:
    policies = book(store, file)
    for number, upset_at in enumerate((-0.4, -0.3), start=1):
        policies.apply(changed_text(upset_at=upset_at), ANNA, against=number)
    back = policies.roll_back(ANNA).version
    assert (back.number, back.action, back.source, policies.policy().upset_at) == (
        4,
        PolicyAction.ROLL_BACK,
        "version 2",
        -0.4,
    )
    first = policies.roll_back(ANNA, to=1).version
    assert first.checksum == policies.version(1).checksum
    assert policies.policy().upset_at == -0.65
    with pytest.raises(PolicyVersionNotFound):
        policies.roll_back(ANNA, to=99)
    assert numbers(store) == [5, 4, 3, 2, 1]


def test_there_is_nothing_before_the_first_version(store: SqlStore, file: Path) -> None:
    with pytest.raises(PolicyVersionNotFound, match="no earlier"):
        book(store, file).roll_back(ANNA)


def test_a_version_is_found_by_the_name_that_decisions_carry(store: SqlStore, file: Path) -> None:
    policies = book(store, file)
    name = policies.newest().name
    found = policies.named(name)
    assert found is not None
    assert found.name == name
    for foreign in ("1-ffffffff", "2-00000000", "1", "", "x-1", "9" * 30):
        assert policies.named(foreign) is None


def test_what_is_shown_can_be_edited_and_applied(store: SqlStore, file: Path) -> None:
    policies = book(store, file)
    policies.apply(changed_text(upset_at=-0.4), ANNA, against=1)
    shown = numbered(policies.newest())
    assert parse_policy(shown, where="a test").version == 2
    assert numbered(policies.version(1)) == FILE.read_text(encoding="utf-8")


class TestTheFileOfAWorkerThatStarts:
    """Which rules where the file and the store differ: see docs/adr/0026-policy-versions.md."""

    def test_a_named_file_that_says_something_new_becomes_a_version(self, store: SqlStore, file: Path) -> None:
        policies = book(store, file)
        policies.take_file()
        policies.apply(changed_text(upset_at=-0.4), ANNA, against=1)
        file.write_text(changed_text(upset_at=-0.3))
        taken = policies.take_file()
        assert (taken.number, taken.action, taken.source) == (3, PolicyAction.FILE, str(file))

    def test_a_named_file_that_stayed_does_not_undo_what_people_applied_since(
        self, store: SqlStore, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        policies = book(store, file)
        policies.take_file()
        applied = policies.apply(changed_text(upset_at=-0.4), ANNA, against=1).version
        with caplog.at_level(logging.WARNING):
            assert policies.take_file() == applied
        [warning] = caplog.records
        assert warning.message == "the policy file is not in force"
        assert warning.__dict__["in_force"] == applied.name

    def test_a_file_goes_to_and_fro_as_long_as_nobody_else_changes_the_policy(
        self, store: SqlStore, file: Path
    ) -> None:
        policies = book(store, file, named=False)
        policies.take_file()
        file.write_text(changed_text(upset_at=-0.3))
        assert policies.take_file().number == 2
        file.write_bytes(FILE.read_bytes())
        assert policies.take_file().number == 3

    def test_the_shipped_file_of_a_newer_helpdesk_does_not_undo_what_people_applied(
        self, store: SqlStore, file: Path
    ) -> None:
        policies = book(store, file, named=False)
        policies.take_file()
        applied = policies.apply(changed_text(upset_at=-0.4), ANNA, against=1).version
        file.write_text(changed_text(upset_at=-0.3))
        assert policies.take_file() == applied

    def test_the_shipped_file_of_one_worker_does_not_undo_the_named_one_of_another(
        self, store: SqlStore, file: Path, tmp_path: Path
    ) -> None:
        named = tmp_path / "mine.yaml"
        named.write_text(changed_text(upset_at=-0.3))
        book(store, file, named=False).take_file()
        assert book(store, named).take_file().number == 2
        assert book(store, file, named=False).take_file().number == 2

    def test_a_file_that_does_not_fit_is_refused(self, store: SqlStore, file: Path) -> None:
        file.write_text(changed_text(upset_at=-3))
        with pytest.raises(PolicyRefused, match="upset_at"):
            book(store, file).take_file()
        assert numbers(store) == []

    def test_a_named_file_is_told_from_the_shipped_one_by_the_settings(self, store: SqlStore, file: Path) -> None:
        shipped, named = Settings(), Settings(processor=ProcessorSettings(policy_file=file))
        assert not PolicyBook.of(shipped, store)._file_is_named
        assert PolicyBook.of(named, store)._file_is_named


class TestLivePolicy:
    def test_a_new_version_counts_at_the_next_look(self, store: SqlStore, file: Path) -> None:
        policies = book(store, file)
        live = LivePolicy(store, policies.newest(), look_every_s=0.0)
        assert live().upset_at == -0.65
        policies.apply(changed_text(upset_at=-0.4), ANNA, against=1)
        assert live().upset_at == -0.4
        policies.roll_back(ANNA)
        assert (live().upset_at, live().version) == (-0.65, 3)

    def test_between_two_looks_the_store_is_not_asked(self, store: SqlStore, file: Path) -> None:
        policies = book(store, file)
        live = LivePolicy(store, policies.newest(), look_every_s=3600)
        policies.apply(changed_text(upset_at=-0.4), ANNA, against=1)
        assert live().upset_at == -0.65

    def test_a_version_that_this_code_cannot_read_leaves_the_one_before_in_force(
        self, store: SqlStore, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        policies = book(store, file)
        live = LivePolicy(store, policies.newest(), look_every_s=0.0)
        of_tomorrow = policies._version(2, "version: 2\nclairvoyance: high\n", PolicyAction.APPLY, ANNA)
        with store.transaction() as tx:
            tx.add_policy_version(of_tomorrow)
        with caplog.at_level(logging.ERROR):
            assert [live().version for _ in range(3)] == [1, 1, 1]
        assert [record.message for record in caplog.records] == ["a policy cannot be used, so the one before stays"]

    def test_while_the_store_is_away_the_policy_stays(
        self, store: SqlStore, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        live = LivePolicy(store, book(store, file).newest(), look_every_s=0.0)

        def away() -> None:
            raise StoreUnavailable("The database cannot be used now: away")

        monkeypatch.setattr(store, "reading", away)
        assert live().version == 1
        assert "away" in caplog.records[0].__dict__["error"]
