"""Further versions of the shipped artifact, for tests: the same weights under another name, changed as a test needs."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpdesk.settings import ModelSettings
from models.artifact import FAMILY, MANIFEST, load_artifact


def add_version(
    artifacts_dir: Path, version: str, change: Callable[[dict[str, Any]], None] = lambda manifest: None
) -> Path:
    """Copy the shipped artifact as this version and return its folder.

    Args:
        change: alters the manifest, such as its calibration.
    """
    shipped = load_artifact(ModelSettings().artifacts_dir)
    directory = artifacts_dir / FAMILY / version
    shutil.copytree(shipped.directory, directory)
    change_manifest(directory, lambda manifest: manifest.update(version=version))
    change_manifest(directory, change)
    return directory


def change_manifest(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Alter an artifact's manifest."""
    path = directory / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def replace_file(directory: Path, name: str, content: bytes) -> None:
    """Exchange a file and the checksum in the manifest with it: an artifact that is whole, and not one of ours."""
    (directory / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_manifest(directory, lambda manifest: manifest["files"].update({name: digest}))


def doubtful(manifest: dict[str, Any]) -> None:
    """Make a model half as sure as it should be: right as often, and badly calibrated."""
    manifest["fusion"]["sure_from"] = 1.0
    manifest["fusion"]["fused_temperature"] *= 3


def static_alone(manifest: dict[str, Any]) -> None:
    """Make a model worse: its second stage is never asked."""
    manifest["fusion"]["sure_from"] = 0.0
