"""The registry's file beside the artifacts: read at any time, changed by one process at a time, written in one step."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from helpdesk.errors import ModelUnavailable
from models.artifact import FAMILY, Artifact, load_artifact, newest_version
from models.registry import Note, Registry

FILE, LOCK = "registry.json", "registry.lock"


class RegistryFile:
    """The registry of one folder of artifacts.

    Without a file the version trained last is live: so it is in a fresh checkout. The first change writes the file.
    """

    def __init__(self, artifacts_dir: Path) -> None:
        self._artifacts_dir, self._family = artifacts_dir, artifacts_dir / FAMILY
        self.path = self._family / FILE

    def stamp(self) -> tuple[int, ...]:
        """Return what differs after every change of the file; nothing where there is none."""
        try:
            status = self.path.stat()
        except OSError:
            return ()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def read(self) -> Registry:
        """Return the registry.

        Raises:
            ModelUnavailable: the file cannot be read or is damaged.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return self._implied()
        except OSError as error:
            raise ModelUnavailable(f"The model registry {self.path} cannot be read: {error.strerror}.") from error
        try:
            return Registry.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            problem = ": ".join(part for part in (where, first["msg"]) if part)
            raise ModelUnavailable(
                f"The model registry {self.path} is damaged ({problem}); restore it, from a backup or with git."
            ) from error

    def change(self, change: Callable[[Registry], Registry]) -> Registry:
        """Replace the registry by what ``change`` makes of it; others wait meanwhile.

        Raises:
            ModelUnavailable: the file is damaged, or cannot be written.
        """
        with self._locked():
            before = self.read()
            after = change(before)
            if after is not before or not self.path.exists():
                self._write(after)
            return after

    def settle(self) -> None:
        """Write down what is live, so that a version that is trained next does not serve by being the newest.

        Raises:
            ModelUnavailable: the file is damaged.
        """
        try:
            self.change(lambda registry: registry)
        except ModelUnavailable:
            # Without a file, what lies here cannot serve either: a version trained next is to take its place.
            if self.path.exists():
                raise

    def artifact(self, version: str = "") -> Artifact:
        """Return a version, or the live one, verified, and the same that was registered.

        Raises:
            ModelUnavailable: no version is live, or the artifact cannot be used; says why.
        """
        registry = self.read()
        name = version or registry.live
        if name is None:
            raise ModelUnavailable(f"There is no model in {self._family}; `helpdesk train` makes one.")
        entry = registry.versions.get(name)
        return load_artifact(self._artifacts_dir, name, entry.checksum if entry else "")

    def _implied(self) -> Registry:
        version = newest_version(self._artifacts_dir)
        if version is None:
            return Registry()
        artifact = load_artifact(self._artifacts_dir, version)
        note = Note(
            at=artifact.manifest.trained_at.astimezone(UTC), by="", reason="the newest one, before any registry"
        )
        return Registry().register(version, artifact.checksum, note)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._family.mkdir(parents=True, exist_ok=True)
            lock = (self._family / LOCK).open("w")
        except OSError as error:
            raise ModelUnavailable(f"The model registry {self.path} cannot be changed: {error.strerror}.") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, registry: Registry) -> None:
        """Write beside the file, then take its place: readers see the old one or the new one, whole."""
        text = registry.model_dump_json(indent=2) + "\n"
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=self._family, prefix=".registry-", delete=False
            ) as file:
                try:
                    file.write(text)
                    file.flush()
                    os.fchmod(file.fileno(), 0o644)  # the service may run as another user than the one who promotes
                    os.fsync(file.fileno())
                    os.replace(file.name, self.path)
                except BaseException:
                    os.unlink(file.name)
                    raise
            _sync(self._family)
        except OSError as error:
            raise ModelUnavailable(f"The model registry {self.path} cannot be written: {error.strerror}.") from error


def noted(by: str, reason: str = "") -> Note:
    """Return a note of this moment."""
    return Note(at=datetime.now(UTC).replace(microsecond=0), by=by, reason=reason)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
