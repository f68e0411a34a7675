"""Artifacts that are whole by their checksums and still no model: each is refused with the reason, before it serves."""

import io
import json
import math
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpdesk.errors import ModelUnavailable
from helpdesk.settings import ModelSettings
from models import artifact as artifacts
from models.artifact import CARD, FAMILY, MANIFEST, load_artifact
from models.lite_graph import read_table
from models.loading import HEAD, REQUIRED, STATIC_GRAPH, STATIC_TABLE, TOKENIZER, WORDS, load_cascade
from tests.model_versions import add_version, change_manifest, replace_file

ENCODER_DIR = ModelSettings().encoder_dir
VERSION = "foreign"
GIBIBYTE = 2**30


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The folder of a copy of the shipped artifact."""
    return add_version(tmp_path, VERSION)


def load(directory: Path) -> None:
    load_cascade(load_artifact(directory.parent.parent, directory.name), ENCODER_DIR)


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def table(**changes: Any) -> bytes:
    """Return a table for the shipped tokenizer, with some arrays exchanged."""
    shipped = read_table((load_artifact(ModelSettings().artifacts_dir).file(STATIC_TABLE)).read_bytes())
    return npz(**({"values": shipped.values, "scales": shipped.scales} | changes))


def bomb() -> bytes:
    """Return 1 MB that unpacks to a gibibyte of zeros."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|i1", "fortran_order": False, "shape": (2**24, 64)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("values.npy", "w") as entry:
        entry.write(header.getvalue())
        for _ in range(GIBIBYTE // 2**20):
            entry.write(bytes(2**20))
    return buffer.getvalue()


def boastful() -> bytes:
    """Return a table whose header promises a tebibyte that is not there."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|i1", "fortran_order": False, "shape": (2**34, 64)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("values.npy", header.getvalue() + bytes(1_000))
        archive.writestr("scales.npy", header.getvalue())
    return buffer.getvalue()


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


TABLES: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip bomb": (bomb, "claims to hold"),
    "header that promises a tebibyte": (boastful, "cannot be loaded"),
    "no zip": (lambda: b"\x93NUMPY", "not a table of token vectors"),
    "cut": (lambda: table()[:-100], "not a table of token vectors"),
    "one array": (lambda: npz(values=np.zeros((2, 64), np.int8)), "not a table of token vectors"),
    "floats": (lambda: table(values=np.zeros((9_999, 64))), r"int8\(n, d\) and float32\(n, 1\)"),
    "scales for fewer rows": (lambda: table(scales=np.zeros((2, 1), np.float32)), r"int8\(n, d\)"),
    "three axes": (lambda: table(values=np.zeros((2, 2, 2), np.int8)), r"int8\(n, d\)"),
    "fewer rows than the tokenizer has ids": (
        lambda: npz(values=np.zeros((9, 64), np.int8), scales=np.ones((9, 1), np.float32)),
        "its tokenizer has the id .* its table 9 rows",
    ),
    "other dimensions": (
        lambda: npz(values=np.zeros((40_000, 7), np.int8), scales=np.ones((40_000, 1), np.float32)),
        "cannot be loaded",
    ),
    "NaN": (lambda: table(scales=np.full((len(read_table(table()).values), 1), np.nan, np.float32)), "are no numbers"),
    "numbers that overflow": (
        lambda: table(scales=np.full((len(read_table(table()).values), 1), 1e38, np.float32)),
        "scores that are no numbers",
    ),
}


@pytest.mark.parametrize(("content", "reason"), TABLES.values(), ids=TABLES)
def test_a_table_that_is_none_is_refused(directory: Path, content: Callable[[], bytes], reason: str) -> None:
    replace_file(directory, STATIC_TABLE, content())
    with pytest.raises(ModelUnavailable, match=reason), np.errstate(all="ignore"):
        load(directory)


def test_a_zip_bomb_is_not_unpacked() -> None:
    content = bomb()
    assert len(content) < 2_000_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="claims to hold"):
        read_table(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("form", ["npz", "pickle"])
def test_pickled_objects_are_never_unpickled(directory: Path, tmp_path: Path, form: str) -> None:
    trap = tmp_path / "sprung"
    content = pickle.dumps(Trap(trap)) if form == "pickle" else npz(values=np.array([Trap(trap)]), scales=np.ones(1))
    replace_file(directory, STATIC_TABLE, content)
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        load(directory)
    assert not trap.exists()


def with_normaliser(normaliser: dict[str, Any]) -> bytes:
    parts = json.loads(load_artifact(ModelSettings().artifacts_dir).file(TOKENIZER).read_text(encoding="utf-8"))
    return json.dumps(parts | {"normalizer": normaliser}).encode()


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "tokenizer that panics": (
        TOKENIZER,
        lambda: with_normaliser({"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
    ),
    "tokenizer of an unknown kind": (TOKENIZER, lambda: with_normaliser({"type": "Sorcery"})),
    "tokenizer that is a list": (TOKENIZER, lambda: b"[]"),
    "tokenizer in Latin-1": (TOKENIZER, lambda: b"\xe9"),
    "words that are a list": (WORDS, lambda: b"[1, 2]"),
    "words without counts": (WORDS, lambda: b'{"words": {"a": "b"}, "known": []}'),
    "words that nest": (WORDS, lambda: b"[" * 100_000),
    "words without what is known": (WORDS, lambda: b'{"words": {}}'),
    "empty graph": (STATIC_GRAPH, bytes),
    "graph of zeros": (HEAD, lambda: bytes(10_000)),
    "graph that is cut": (
        HEAD,
        lambda: load_artifact(ModelSettings().artifacts_dir).file(HEAD).read_bytes()[:1_000],
    ),
    "graph of the other stage": (
        HEAD,
        lambda: load_artifact(ModelSettings().artifacts_dir).file(STATIC_GRAPH).read_bytes(),
    ),
}


@pytest.mark.parametrize(("name", "content"), FILES.values(), ids=FILES)
def test_a_file_that_is_something_else_is_refused(directory: Path, name: str, content: Callable[[], bytes]) -> None:
    replace_file(directory, name, content())
    with pytest.raises(ModelUnavailable, match=rf"The model {VERSION} cannot be loaded: ."):
        load(directory)


def test_a_tokenizer_that_pads_without_end_does_not(directory: Path) -> None:
    parts = json.loads((directory / TOKENIZER).read_text(encoding="utf-8"))
    parts["padding"] = {
        "strategy": {"Fixed": 10**9},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    replace_file(directory, TOKENIZER, json.dumps(parts).encode())
    load(directory)


@pytest.mark.parametrize("name", [*REQUIRED, CARD])
@pytest.mark.parametrize("damage", ["removed", "cut", "flipped", "folder", "pipe", "another version's"])
def test_every_file_is_checked(directory: Path, name: str, damage: str) -> None:
    path = directory / name
    content = bytearray(path.read_bytes())
    path.unlink()
    match damage:
        case "cut":
            path.write_bytes(content[:-1])
        case "flipped":
            content[-1] ^= 0x80
            path.write_bytes(content)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)  # reading it would never end
        case "another version's":
            path.write_bytes(content + b" ")
    expected = "is damaged" if damage in ("cut", "flipped", "another version's") else f"lacks its file {name}"
    with pytest.raises(ModelUnavailable, match=expected):
        load(directory)


def test_a_file_too_large_to_be_a_models_is_not_read(directory: Path) -> None:
    with (directory / HEAD).open("r+b") as file:
        file.truncate(artifacts.MAX_FILE_BYTES + 1)  # a hole: it takes no room on the disk
    with pytest.raises(ModelUnavailable, match=r"lacks its file head\.tflite: it has \d+ bytes, more than"):
        load(directory)


def test_a_manifest_without_a_file_that_serving_needs_is_refused(directory: Path) -> None:
    """Such a file would be read without being checked."""
    change_manifest(directory, lambda manifest: manifest["files"].pop(HEAD))
    with pytest.raises(ModelUnavailable, match=r"lists no head\.tflite"):
        load(directory)


Change = Callable[[dict[str, Any]], object]
MANIFESTS: dict[str, tuple[Change, str]] = {
    "threshold NaN": (lambda m: m["thresholds"].update(review=math.nan), "thresholds.review"),
    "threshold beyond one": (lambda m: m["thresholds"].update(review=1.5), "thresholds.review"),
    "threshold a word": (lambda m: m["thresholds"].update(review="high"), "thresholds.review"),
    "threshold missing": (lambda m: m["thresholds"].pop("review"), "labels, thresholds and categories differ"),
    "out-of-scope threshold NaN": (lambda m: m.update(out_of_scope_threshold=math.nan), "out_of_scope_threshold"),
    "out-of-scope weight infinite": (lambda m: m.update(out_of_scope_weight=math.inf), "out_of_scope_weight"),
    "temperature zero": (lambda m: m["fusion"].update(fused_temperature=0), "fusion.fused_temperature"),
    "temperature NaN": (lambda m: m["fusion"].update(static_temperature=math.nan), "fusion.static_temperature"),
    "fusion unknown": (lambda m: m["fusion"].update(colour=1), "fusion.colour"),
    "fusion incomplete": (lambda m: m["fusion"].pop("encoder_share"), "fusion.encoder_share"),
    "metric NaN": (lambda m: m["metrics"].update(accuracy=math.nan), "metrics.accuracy"),
    "label twice": (lambda m: m["labels"].append("review"), "names the label 'review' twice"),
    "label empty": (lambda m: m["labels"].append(""), "labels.27"),
    "label a number": (lambda m: m["labels"].append(5), "labels.27"),
    "labels a word": (lambda m: m.update(labels="review"), "labels"),
    "one label": (lambda m: m.update(labels=["review"]), "labels"),
    "unknown field": (lambda m: m.update(colour="red"), "colour"),
    "another schema": (lambda m: m.update(schema_version=3), "schema_version"),
    "date": (lambda m: m.update(trained_at="yesterday"), "trained_at"),
    "probe empty": (lambda m: m["encoder"].update(probe=[]), "encoder.probe"),
    "probe NaN": (lambda m: m["encoder"].update(probe=[math.nan] * 16), "encoder.probe"),
    "files a list": (lambda m: m.update(files=[]), "files"),
    "another name": (lambda m: m.update(version="other"), "a version keeps its name"),
}


@pytest.mark.parametrize(("change", "reason"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_makes_no_sense_is_refused_and_says_where(directory: Path, change: Change, reason: str) -> None:
    change_manifest(directory, change)
    with pytest.raises(ModelUnavailable, match=reason):
        load(directory)


@pytest.mark.parametrize("probe", [[0.5], [0.5] * 16], ids=["too short", "other numbers"])
def test_an_encoder_that_is_another_one_is_refused(directory: Path, probe: list[float]) -> None:
    change_manifest(directory, lambda manifest: manifest["encoder"].update(checksum="0", probe=probe))
    with pytest.raises(ModelUnavailable, match="gives other vectors than the model was trained on"):
        load(directory)


def test_a_manifest_that_is_no_plain_file_is_refused(directory: Path) -> None:
    (directory / MANIFEST).unlink()
    os.mkfifo(directory / MANIFEST)
    with pytest.raises(ModelUnavailable, match="it is no plain file"):
        load(directory)


def test_where_nothing_can_be_written_the_error_says_so(tmp_path: Path) -> None:
    (tmp_path / FAMILY).write_text("a file where a folder should be", encoding="utf-8")
    fields = load_artifact(ModelSettings().artifacts_dir).manifest.model_dump(
        exclude={"version", "trained_at", "feature_signature", "libraries", "files"}
    )
    with pytest.raises(ModelUnavailable, match="The model cannot be written to"):
        artifacts.save_artifact(tmp_path, {}, fields, "card")
