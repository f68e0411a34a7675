"""Artifacts: the newest whole one serves; a damaged one says what is wrong with it."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from helpdesk.errors import ModelUnavailable
from models.artifact import FAMILY, MANIFEST, install_artifact, load_artifact, save_artifact
from models.loading import HEAD, STATIC_GRAPH, STATIC_TABLE, TOKENIZER, WORDS, load_cascade
from models.train import TrainedModel
from tests.unit.models.conftest import ENCODER_DIR


@pytest.fixture
def root(trained: TrainedModel, tmp_path: Path) -> Path:
    """A folder of artifacts with one in it, to be damaged."""
    shutil.copytree(trained.artifact.directory.parent, tmp_path / FAMILY)
    return tmp_path


def directory_of(root: Path) -> Path:
    (directory,) = (root / FAMILY).iterdir()
    return directory


def change_manifest(directory: Path, **fields: object) -> None:
    manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    (directory / MANIFEST).write_text(json.dumps(manifest | fields), encoding="utf-8")


def test_a_whole_artifact_is_loaded(root: Path, trained: TrainedModel) -> None:
    artifact = load_artifact(root)
    assert artifact.manifest == trained.artifact.manifest
    assert artifact.checksum == trained.artifact.checksum
    assert artifact.manifest.version == artifact.directory.name


def test_the_one_trained_last_serves_unless_a_version_is_named(root: Path) -> None:
    first = directory_of(root)
    manifest = load_artifact(root).manifest
    second = first.with_name("2000.01.01-00000000")
    shutil.copytree(first, second)
    change_manifest(second, version=second.name, trained_at=(manifest.trained_at + timedelta(days=1)).isoformat())
    assert load_artifact(root).manifest.version == second.name
    assert load_artifact(root, first.name).manifest.version == first.name


@pytest.mark.parametrize("name", [STATIC_GRAPH, STATIC_TABLE, TOKENIZER, WORDS, HEAD])
def test_a_changed_file_is_noticed(root: Path, name: str) -> None:
    path = directory_of(root) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=rf"{name} .* is damaged.*helpdesk train"):
        load_artifact(root)


def test_a_missing_file_is_noticed(root: Path) -> None:
    (directory_of(root) / HEAD).unlink()
    with pytest.raises(ModelUnavailable, match=r"lacks its file head\.tflite"):
        load_artifact(root)


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 1}', b"\xff"])
def test_a_damaged_manifest_is_noticed(root: Path, content: bytes) -> None:
    (directory_of(root) / MANIFEST).write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"manifest .* is damaged"):
        load_artifact(root)


def test_a_manifest_whose_labels_and_thresholds_differ_is_noticed(root: Path) -> None:
    change_manifest(directory_of(root), thresholds={})
    with pytest.raises(ModelUnavailable, match="labels, thresholds and categories differ"):
        load_artifact(root)


def test_a_manifest_cannot_name_files_outside_of_its_folder(root: Path) -> None:
    change_manifest(directory_of(root), files={"../../secret": "0" * 64})
    with pytest.raises(ModelUnavailable, match="is damaged"):
        load_artifact(root)


def test_a_model_for_other_features_is_refused(root: Path) -> None:
    change_manifest(directory_of(root), feature_signature="preprocess-0")
    with pytest.raises(ModelUnavailable, match=r"reads texts as 'preprocess-0'.*train it again"):
        load_artifact(root)


@pytest.mark.parametrize("name", [STATIC_GRAPH, STATIC_TABLE, TOKENIZER, WORDS, HEAD])
def test_bytes_that_are_no_network_are_refused(root: Path, name: str) -> None:
    artifact = load_artifact(root)
    artifact.file(name).write_bytes(b"not a network")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        load_cascade(artifact, ENCODER_DIR)


def test_networks_for_other_labels_are_refused(root: Path) -> None:
    directory = directory_of(root)
    manifest = load_artifact(root).manifest
    labels = [*manifest.labels, "buy_boat"]
    thresholds, categories = ({label: known.get(label, filler) for label in labels} for known, filler in (
        (manifest.thresholds, 0.5), (manifest.categories, "ORDER")))  # fmt: skip
    change_manifest(directory, labels=labels, thresholds=thresholds, categories=categories)
    with pytest.raises(ModelUnavailable, match=r"gives 6 scores; it needs 7"):
        load_cascade(load_artifact(root), ENCODER_DIR)


def test_a_model_for_another_encoder_is_refused(root: Path) -> None:
    encoder = load_artifact(root).manifest.encoder
    change_manifest(directory_of(root), encoder=encoder.model_dump() | {"name": "bert"})
    with pytest.raises(ModelUnavailable, match="was trained on the encoder bert"):
        load_cascade(load_artifact(root), ENCODER_DIR)


def test_without_any_model_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="helpdesk train"):
        load_artifact(tmp_path)
    with pytest.raises(ModelUnavailable, match="no model at"):
        load_artifact(tmp_path, "2026.01.01-00000000")


def test_saving_what_is_there_already_leaves_it_as_it_is(tmp_path: Path, trained: TrainedModel) -> None:
    """A live version keeps its checksum when somebody trains the very same model again."""
    fields = trained.artifact.manifest.model_dump(
        exclude={"version", "trained_at", "feature_signature", "libraries", "files"}
    )
    files = {name: trained.artifact.file(name).read_bytes() for name in (STATIC_GRAPH, HEAD)}
    first = save_artifact(tmp_path, files, fields, "card")
    change_manifest(first.directory, trained_at="2000-01-01T00:00:00Z")
    kept = load_artifact(tmp_path)
    assert save_artifact(tmp_path, files, fields, "card") == kept
    (first.directory / HEAD).write_bytes(b"damaged")
    assert save_artifact(tmp_path, files, fields, "card").manifest.trained_at > kept.manifest.trained_at
    assert load_artifact(tmp_path).file(HEAD).read_bytes() == files[HEAD]


def test_what_was_fetched_is_installed_whole_or_not_at_all(trained: TrainedModel, tmp_path: Path) -> None:
    artifact = trained.artifact
    version, names = artifact.manifest.version, (*artifact.manifest.files, MANIFEST)
    files = {name: artifact.file(name).read_bytes() for name in names}
    for wrong in (files | {HEAD: b"damaged"}, {name: files[name] for name in names if name != HEAD}):
        with pytest.raises(ModelUnavailable, match="head"):
            install_artifact(tmp_path, version, wrong)
        assert list((tmp_path / FAMILY).iterdir()) == []
    installed = install_artifact(tmp_path, version, files)
    assert installed == load_artifact(tmp_path, version)
    assert installed.checksum == artifact.checksum
    assert install_artifact(tmp_path, version, files) == installed


def test_what_was_fetched_takes_no_other_models_place(root: Path) -> None:
    artifact = load_artifact(root)
    files = {name: artifact.file(name).read_bytes() for name in (*artifact.manifest.files, MANIFEST)}
    change_manifest(artifact.directory, out_of_scope_threshold=99.0)
    with pytest.raises(ModelUnavailable, match=r"another model .* already"):
        install_artifact(root, artifact.manifest.version, files)
    assert load_artifact(root).manifest.out_of_scope_threshold == 99.0


def test_what_cannot_be_written_is_said(trained: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / FAMILY).write_text("a file where a folder belongs")
    with pytest.raises(ModelUnavailable, match="cannot be written"):
        install_artifact(tmp_path, trained.artifact.manifest.version, {MANIFEST: b""})


def test_the_checksum_covers_thresholds_and_labels_too(root: Path) -> None:
    checksum = load_artifact(root).checksum
    assert load_artifact(root, directory_of(root).name, checksum).checksum == checksum
    change_manifest(directory_of(root), out_of_scope_threshold=99.0)
    with pytest.raises(ModelUnavailable, match="not the one that was registered"):
        load_artifact(root, directory_of(root).name, checksum)
