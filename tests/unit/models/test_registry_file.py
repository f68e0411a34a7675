"""The registry's file: what is live without one, changes that are whole or not at all, one process at a time."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from helpdesk.errors import HelpdeskError, ModelUnavailable
from helpdesk.settings import PROJECT_DIR, ModelSettings
from models.artifact import FAMILY, load_artifact
from models.gate import Verdict
from models.registry import Action, Registry, State
from models.registry_file import FILE, RegistryFile, noted
from tests.model_versions import add_version, change_manifest

NOTE = noted("ada", "a test")


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A folder with one version, ``first``."""
    add_version(tmp_path, "first")
    return tmp_path


@pytest.fixture
def file(artifacts: Path) -> RegistryFile:
    return RegistryFile(artifacts)


def registered(file: RegistryFile, artifacts: Path, version: str) -> Registry:
    add_version(artifacts, version)
    checksum = load_artifact(artifacts, version).checksum
    return file.change(lambda before: before.register(version, checksum, NOTE))


def promotion(version: str, live: str | None) -> Callable[[Registry], Registry]:
    def change(before: Registry) -> Registry:
        checksum = before.versions[version].checksum
        verdict = Verdict(candidate=version, checksum=checksum, live=live, data="", criteria=())
        return before.promote(version, verdict, NOTE)

    return change


def test_in_a_fresh_checkout_the_shipped_artifact_is_live() -> None:
    settings = ModelSettings()
    file = RegistryFile(settings.artifacts_dir)
    assert file.artifact() == load_artifact(settings.artifacts_dir)


def test_reading_writes_nothing(file: RegistryFile) -> None:
    assert file.read().live == "first"
    assert file.stamp() == ()
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["first"]


def test_a_folder_without_models_has_no_live_one(tmp_path: Path) -> None:
    file = RegistryFile(tmp_path)
    assert file.read() == Registry()
    with pytest.raises(ModelUnavailable, match=r"no model in .*helpdesk train"):
        file.artifact()


def test_what_was_live_stays_so_when_a_newer_version_is_registered(file: RegistryFile, artifacts: Path) -> None:
    file.settle()
    after = registered(file, artifacts, "second")
    assert (after.live, after.state_of("second")) == ("first", State.CANDIDATE)
    assert file.read() == after
    assert file.artifact().manifest.version == "first"


def test_a_version_that_only_lies_there_does_not_serve(file: RegistryFile, artifacts: Path) -> None:
    file.settle()
    directory = add_version(artifacts, "second")
    change_manifest(directory, lambda manifest: manifest.update(trained_at="2099-01-01T00:00:00Z"))
    assert file.artifact().manifest.version == "first"


def test_each_change_can_be_seen_from_outside(file: RegistryFile, artifacts: Path) -> None:
    file.settle()
    stamps = [file.stamp()]
    registered(file, artifacts, "second")
    stamps.append(file.stamp())
    file.change(promotion("second", "first"))
    stamps.append(file.stamp())
    assert len(set(stamps)) == 3
    file.change(lambda before: before)
    assert file.stamp() == stamps[-1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "EOF"),
        (b"{", "EOF"),
        (b"\xff\xfe", "invalid unicode|expected value"),
        (b'{"schema_version": 2}', "schema_version"),
        (b'{"versions": {"first": {"state": "loved", "checksum": ""}}}', r"versions\.first\.state"),
        (b'{"colour": "red"}', "colour"),
        (
            b'{"versions": {"a": {"state": "live", "checksum": ""}, "b": {"state": "live", "checksum": ""}}}',
            "several versions are live: a, b",
        ),
    ],
    ids=["empty", "cut", "no text", "of another time", "unknown state", "unknown field", "two live"],
)
def test_a_damaged_file_is_named_with_what_is_wrong_and_never_overwritten(
    file: RegistryFile, content: bytes, problem: str
) -> None:
    file.path.write_bytes(content)
    for attempt in (file.read, file.artifact, file.settle, lambda: file.change(lambda before: before)):
        with pytest.raises(ModelUnavailable, match=rf"registry\.json is damaged \(.*({problem}).*restore it"):
            attempt()
    assert file.path.read_bytes() == content


def test_a_file_that_is_no_file_is_a_clear_error(file: RegistryFile) -> None:
    file.path.mkdir()
    with pytest.raises(ModelUnavailable, match="cannot be read: Is a directory"):
        file.read()


def test_a_folder_that_cannot_be_written_is_a_clear_error(file: RegistryFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ModelUnavailable, match="cannot be written: No space left on device"):
        file.change(lambda before: before)
    assert not file.path.exists()


def test_a_change_that_ends_in_the_middle_leaves_the_file_as_it_was(
    file: RegistryFile, artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = registered(file, artifacts, "second")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            file.change(promotion("second", "first"))
    assert file.read() == before
    assert not list(file.path.parent.glob(".registry-*"))
    assert file.change(promotion("second", "first")).live == "second"


def test_a_reader_never_sees_half_a_file(file: RegistryFile, artifacts: Path) -> None:
    registered(file, artifacts, "second")
    done = threading.Event()
    seen: list[str | None] = []

    def look() -> None:
        while not done.is_set():
            seen.append(file.read().live)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for number in range(30):
            if number % 2 == 0:
                file.change(promotion("second", "first"))
            else:
                file.change(lambda before: before.roll_back(NOTE))
                file.change(lambda before: before.register("second", before.versions["second"].checksum, NOTE))
    finally:
        done.set()
        reader.join()
    assert set(seen) <= {"first", "second"}


def test_a_refused_change_changes_nothing(file: RegistryFile, artifacts: Path) -> None:
    before = registered(file, artifacts, "second")
    with pytest.raises(HelpdeskError):
        file.change(promotion("second", "nobody"))
    assert file.read() == before


PROMOTE = """
import sys
from pathlib import Path
from models.gate import Verdict
from models.registry_file import RegistryFile, noted

file, version = RegistryFile(Path(sys.argv[1])), sys.argv[2]
found = file.read()
checksum = found.versions[version].checksum
verdict = Verdict(candidate=version, checksum=checksum, live=found.live, data="", criteria=())
print("ready", flush=True)
sys.stdin.readline()
try:
    file.change(lambda before: before.promote(version, verdict, noted(version)))
except Exception as error:
    sys.exit(type(error).__name__)
"""


def test_of_two_processes_that_promote_at_once_one_is_told_that_the_other_was_first(
    file: RegistryFile, artifacts: Path
) -> None:
    for version in ("second", "third"):
        registered(file, artifacts, version)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTE, str(artifacts), version],
            cwd=PROJECT_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for version in ("second", "third")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outcomes = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        outcomes.append((process.returncode, errors.strip().splitlines()[-1:]))
    assert sorted(outcomes) == [(0, []), (1, ["PromotionRefused"])]
    after = file.read()
    winner = ("second", "third")[[code for code, _ in outcomes].index(0)]
    assert after.live == winner
    assert [change.action for change in after.history].count(Action.PROMOTE) == 1


def test_an_artifact_that_was_changed_after_it_was_registered_is_refused(file: RegistryFile, artifacts: Path) -> None:
    file.settle()
    change_manifest(artifacts / FAMILY / "first", lambda manifest: manifest["fusion"].update(sure_from=0.0))
    with pytest.raises(ModelUnavailable, match=r"first is not the one that was registered.*helpdesk models rollback"):
        file.artifact()


def test_an_artifact_under_anothers_name_is_refused(file: RegistryFile, artifacts: Path) -> None:
    (artifacts / FAMILY / "first").rename(artifacts / FAMILY / "second")
    with pytest.raises(ModelUnavailable, match="second holds the model first"):
        file.artifact("second")


def test_where_nothing_that_lies_there_can_serve_the_next_trained_one_may(artifacts: Path, file: RegistryFile) -> None:
    (artifacts / FAMILY / "first" / "head.tflite").unlink()
    file.settle()
    assert file.stamp() == ()
    directory = add_version(artifacts, "second")
    change_manifest(directory, lambda manifest: manifest.update(trained_at="2099-01-01T00:00:00Z"))
    checksum = load_artifact(artifacts, "second").checksum
    assert file.change(lambda before: before.register("second", checksum, NOTE)).live == "second"


def test_the_file_can_be_read_by_people_and_by_other_users(file: RegistryFile) -> None:
    file.settle()
    stored = json.loads((file.path.parent / FILE).read_text(encoding="utf-8"))
    assert stored["versions"]["first"]["state"] == "live"
    assert file.path.stat().st_mode & 0o777 == 0o644
