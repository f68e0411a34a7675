"""What a run of MLflow shows of a model: its manifest as parameters and measurements (pure)."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.artifact import Manifest


def parameters(manifest: Manifest) -> dict[str, str]:
    """Return what was chosen about a training, and on which data, by dotted name."""
    options = {name: value for name, value in manifest.training.items() if name != "losses"}
    chosen = {**options, "data": manifest.data.model_dump(), "libraries": manifest.libraries}
    return dict(_flat(chosen)) | {"labels": str(len(manifest.labels)), "encoder": manifest.encoder.name}


def measurements(manifest: Manifest) -> Iterator[tuple[str, int, float]]:
    """Yield (name, step, value): the evaluation at step 0, and each stage's loss, epoch by epoch."""
    for name, value in manifest.metrics.items():
        yield name, 0, value
    for stage, losses in manifest.training.get("losses", {}).items():
        for epoch, loss in enumerate(losses, start=1):
            yield f"loss/{stage}", epoch, loss


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
