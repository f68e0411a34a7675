"""The intents that a correction may name: the live model's, as the registry beside the artifacts has it."""

from helpdesk.corrections import OUT_OF_SCOPE
from helpdesk.settings import ModelSettings


class LiveIntents:
    """Labels of the model that serves, and ``out_of_scope``; read again only when the registry has changed."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._read: tuple[tuple[int, ...], frozenset[str]] | None = None

    def known(self) -> frozenset[str]:
        """Return every intent that there is.

        Raises:
            ModelUnavailable: no model is live here, or it cannot be used; says why.
        """
        # Imported at the first correction: a ticket API that gets none needs no code of the models.
        from models.registry_file import RegistryFile

        file = RegistryFile(self._settings.artifacts_dir)
        stamp = file.stamp()
        if self._read is None or self._read[0] != stamp:
            labels = file.artifact(self._settings.version).manifest.labels
            self._read = stamp, frozenset({*labels, OUT_OF_SCOPE})
        return self._read[1]
