"""Where the service's models come from: the registry says which version serves and which is in shadow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from helpdesk.errors import ModelUnavailable
from helpdesk.settings import ModelSettings
from prediction_api.batching import Model


@dataclass(frozen=True, slots=True)
class Pin:
    """A version, and the checksum of its artifact where one is known."""

    version: str = ""
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Roles:
    """Which version serves, and which is in shadow, if any."""

    live: Pin
    shadow: Pin | None = None


class ModelSource(Protocol):
    """Says what is to serve, and loads it."""

    def roles(self) -> Roles:
        """Return the versions in force; called again and again, it must be cheap while nothing changes.

        Raises:
            ModelUnavailable: it cannot be said.
        """
        ...

    def load(self, pin: Pin) -> Model:
        """Return a version, loaded.

        Raises:
            ModelUnavailable: it cannot be used; says why.
        """
        ...


class FixedSource:
    """One model for the process's whole life."""

    def __init__(self, load_model: Callable[[], Model]) -> None:
        self._load_model = load_model

    def roles(self) -> Roles:
        """Return the one there is."""
        return Roles(live=Pin())

    def load(self, pin: Pin) -> Model:
        """Return it."""
        return self._load_model()


class RegistrySource:
    """The registry beside the artifacts; a version that the settings name serves whatever the registry says."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._read: tuple[tuple[int, ...], Roles] | None = None

    def roles(self) -> Roles:
        """Return the versions in force; the file is read only when it has changed."""
        # The heavy imports wait until the service answers /health.
        from models.registry_file import RegistryFile

        if self._settings.version:
            return Roles(live=Pin(self._settings.version))
        file = RegistryFile(self._settings.artifacts_dir)
        stamp = file.stamp()
        if self._read is None or self._read[0] != stamp:
            if self._read is not None and not stamp:
                # Without a file the newest version would be live, whether it ever passed the gate or not.
                raise ModelUnavailable(
                    f"The model registry {file.path} is gone; restore it, from a backup or with git."
                )
            registry = file.read()
            live, shadow = (
                Pin(name, registry.versions[name].checksum) if name else None
                for name in (registry.live, registry.shadow)
            )
            if live is None:
                file.artifact()  # raises, and says what is missing
                return Roles(live=Pin())
            self._read = stamp, Roles(live, shadow)
        return self._read[1]

    def load(self, pin: Pin) -> Model:
        """Return a version's classifier, verified."""
        from models.classifier import load_classifier

        return load_classifier(self._settings, pin.version, pin.checksum)
