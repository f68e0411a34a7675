"""Model artifacts: a folder per version with weights, tokenizer, manifest and card; loading verifies all of it."""

import errno
import hashlib
import json
import shutil
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from helpdesk.errors import ModelUnavailable
from models import lite_graph, preprocess, spelling
from models.calibrate import Calibration
from models.cascade import Fusion, Share

FAMILY = "intent"
MANIFEST, CARD = "manifest.json", "CARD.md"
MAX_FILE_BYTES = 2**29
"""Our largest file has 11 MB; one beyond this would only fill the memory of a process that has a model to serve."""
Finite = Annotated[float, Field(allow_inf_nan=False)]
LIBRARIES = ("tensorflow", "keras", "numpy", "tokenizers", "ai-edge-litert")

FileName = Annotated[str, Field(pattern=r"^[\w][\w.-]*$", max_length=100)]
"""A name that stays within its folder: no separator, no leading dot."""


class CorrectionsRecord(BaseModel):
    """Which corrections by agents took part in a training; see ``models.dataset.CorrectedRows``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    used: int
    dropped: dict[str, int]
    replaced: int
    until: datetime | None


class DataRecord(BaseModel):
    """What a model was trained on.

    Attributes:
        rows: of the file, by split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str
    rows: dict[str, int]
    corrections: CorrectionsRecord | None = None


class EncoderReference(BaseModel):
    """The encoder that an artifact's head was trained on; it lies outside of the artifact, see ``encoder_export``.

    Attributes:
        probe: the first numbers of a fixed sentence's vector. Files that another version of TensorFlow made may differ
            in their bytes; they serve as long as they give these numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    checksum: str
    probe: list[Finite] = Field(min_length=1)


class Manifest(BaseModel):
    """Everything about an artifact but its weights.

    Attributes:
        labels: the intents, in the order of the network's columns; one more column is out-of-scope.
        feature_signature: how texts become ids; must equal this code's own.
        encoder_fusion: of the encoder's logits with those of a fine-tuned copy, where the artifact has one.
        files: SHA-256 of every other file of the artifact, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[2] = 2
    version: FileName
    trained_at: datetime
    labels: list[Annotated[str, Field(min_length=1)]] = Field(min_length=2)
    categories: dict[str, str]
    fusion: Fusion
    encoder_fusion: Fusion | None = None
    encoder: EncoderReference
    thresholds: dict[str, Share]
    out_of_scope_weight: Finite
    out_of_scope_threshold: Finite
    metrics: dict[str, Finite]
    data: DataRecord
    training: dict[str, Any]
    feature_signature: str
    libraries: dict[str, str]
    files: dict[FileName, str]

    @property
    def calibration(self) -> Calibration:
        """The calibration as the functions of ``models.calibrate`` take it."""
        return Calibration(self.thresholds, self.out_of_scope_weight, self.out_of_scope_threshold)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One version on disk, verified.

    Attributes:
        checksum: SHA-256 of the manifest, which holds those of all other files: names the whole content.
    """

    directory: Path
    manifest: Manifest
    checksum: str

    def file(self, name: str) -> Path:
        """Return the path of one of its files."""
        return self.directory / name


def feature_signature() -> str:
    """Return how this code turns texts into ids: a model only serves where it is the one that it was trained with."""
    return (
        f"preprocess-{preprocess.VERSION}/spelling-{spelling.VERSION}/wordpiece"
        f"/head-{lite_graph.HEAD_TOKENS}/max-{lite_graph.MAX_TOKENS}"
        f"/{'+'.join(preprocess.PLACEHOLDERS)}"
    )


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that made a model."""
    return {name: installed_version(name) for name in LIBRARIES}


def save_artifact(root: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any], card: str) -> Artifact:
    """Write a new version under ``root/intent`` in one step and return it; one that is there already, whole, stays.

    Args:
        files: contents by name.
        manifest: the fields of ``Manifest`` without version, training time, files, libraries and feature signature.
        card: text of CARD.md, in which ``{version}`` stands for the version.

    Raises:
        ModelUnavailable: it cannot be written; then nothing has changed.
    """
    digests = {name: sha256(content) for name, content in files.items()}
    content = json.dumps([digests, manifest], sort_keys=True).encode()
    now = datetime.now(UTC)
    version = f"{now:%Y.%m.%d}-{sha256(content)[:8]}"
    files = {**files, CARD: card.replace("{version}", version).encode()}
    complete = Manifest(
        **manifest,
        version=version,
        trained_at=now.replace(microsecond=0),
        feature_signature=feature_signature(),
        libraries=library_versions(),
        files={name: sha256(content) for name, content in sorted(files.items())},
    )
    text = complete.model_dump_json(indent=2) + "\n"
    return _place(root, version, {**files, MANIFEST: text.encode()})


def install_artifact(root: Path, version: str, files: Mapping[str, bytes]) -> Artifact:
    """Write a version that was made elsewhere under ``root/intent`` in one step, once it is verified, and return it.

    Args:
        files: contents by name, the manifest's among them.

    Raises:
        ModelUnavailable: it is incomplete, damaged, or made for other code, or another one has its name here; nothing
            is left behind.
    """
    artifact = _place(root, version, files)
    if artifact.checksum != sha256(files[MANIFEST]):
        raise ModelUnavailable(
            f"There is another model {version} in {root / FAMILY} already, and it stays; "
            "put it elsewhere if you want the one that was fetched."
        )
    return artifact


def _place(root: Path, version: str, files: Mapping[str, bytes]) -> Artifact:
    """Put a version in its place, where no whole one is, and return what is there."""
    final = root / FAMILY / version
    with suppress(ModelUnavailable):
        return _verified(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=final.parent, prefix=".new-") as temporary:
            unfinished = Path(temporary) / version
            unfinished.mkdir()
            for name, content in files.items():
                (unfinished / name).write_bytes(content)
            verified = _verified(unfinished)
            if final.exists():
                shutil.rmtree(final)
            unfinished.rename(final)
    except OSError as error:
        raise ModelUnavailable(f"The model cannot be written to {final}: {error.strerror}.") from error
    return replace(verified, directory=final)


def load_artifact(root: Path, version: str = "", checksum: str = "") -> Artifact:
    """Return a version, or the one trained last, after checking every file against the manifest.

    Args:
        checksum: the artifact's, where it is known; one that has another is refused.

    Raises:
        ModelUnavailable: there is none, or it is damaged, or made for other code; says which and what to do.
    """
    version = version or newest_version(root) or ""
    if not version:
        raise ModelUnavailable(f"There is no model in {root / FAMILY}; `helpdesk train` makes one.")
    artifact = _verified(root / FAMILY / version)
    if checksum and artifact.checksum != checksum:
        raise ModelUnavailable(
            f"The model {version} is not the one that was registered (its manifest's checksum differs); "
            "restore its files, or go back with `helpdesk models rollback`."
        )
    return artifact


def versions_in(root: Path) -> list[str]:
    """Return the names of all versions under ``root/intent``, usable or not."""
    found = (path.parent.name for path in (root / FAMILY).glob(f"*/{MANIFEST}"))
    return sorted(name for name in found if not name.startswith("."))


def newest_version(root: Path) -> str | None:
    """Return the version trained last.

    Raises:
        ModelUnavailable: a manifest is damaged.
    """
    versions = versions_in(root)
    return max(versions, key=lambda name: _manifest(root / FAMILY / name)[0].trained_at, default=None)


def _verified(directory: Path) -> Artifact:
    manifest, checksum = _manifest(directory)
    if manifest.version != directory.name:
        raise ModelUnavailable(f"The folder {directory} holds the model {manifest.version}; a version keeps its name.")
    if manifest.feature_signature != feature_signature():
        raise ModelUnavailable(
            f"The model {manifest.version} reads texts as {manifest.feature_signature!r}, this code as "
            f"{feature_signature()!r}; train it again with `helpdesk train`."
        )
    for name, digest in manifest.files.items():
        try:
            content = _content(directory / name)
        except OSError as error:
            raise ModelUnavailable(f"The model {manifest.version} lacks its file {name}: {error.strerror}.") from error
        if sha256(content) != digest:
            raise ModelUnavailable(
                f"The file {name} of the model {manifest.version} is damaged (its checksum differs from the manifest); "
                "restore it, or train again with `helpdesk train`."
            )
    return Artifact(directory, manifest, checksum)


def _manifest(directory: Path) -> tuple[Manifest, str]:
    """Return a folder's manifest and its checksum."""
    try:
        content = _content(directory / MANIFEST)
    except OSError as error:
        raise ModelUnavailable(f"There is no model at {directory}: {error.strerror}.") from error
    return read_manifest(content, source=str(directory)), sha256(content)


def read_manifest(content: bytes, *, source: str) -> Manifest:
    """Return the manifest that these bytes are.

    Raises:
        ModelUnavailable: they are none; names the source and the field.
    """
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ModelUnavailable(f"The manifest in {source} is damaged: {field}: {first['msg']}.") from error
    labels = set(manifest.labels)
    if len(labels) < len(manifest.labels):
        twice = next(label for label in manifest.labels if manifest.labels.count(label) > 1)
        raise ModelUnavailable(f"The manifest in {source} is damaged: it names the label {twice!r} twice.")
    if labels != set(manifest.thresholds) or labels != set(manifest.categories):
        raise ModelUnavailable(f"The manifest in {source} is damaged: labels, thresholds and categories differ.")
    return manifest


def _content(path: Path) -> bytes:
    """Return a file's bytes; raises OSError, also for what is no plain file, or too large to be one of ours."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file")
    if status.st_size > MAX_FILE_BYTES:
        raise OSError(errno.EFBIG, f"it has {status.st_size} bytes, more than {MAX_FILE_BYTES}")
    return path.read_bytes()


def sha256(content: bytes) -> str:
    """Return the SHA-256 by which files and artifacts are told apart, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
