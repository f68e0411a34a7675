"""Examining a version at the gate: both it and the live one are measured on the same held-out tickets."""

import hashlib
from pathlib import Path

from helpdesk.errors import InvalidData, ModelUnavailable
from helpdesk.settings import ModelSettings
from models.dataset import load_held_out
from models.evaluate import evaluate_tickets
from models.gate import Bounds, Criterion, Verdict, judge
from models.loading import load_cascade
from models.registry_file import RegistryFile


def examine(settings: ModelSettings, version: str) -> Verdict:
    """Return the gate's verdict on a version.

    Where the live model or the tickets do not allow a comparison, that is a criterion that is not met.

    Raises:
        ModelUnavailable: the version itself cannot be loaded, or the registry cannot be read.
    """
    file = RegistryFile(settings.artifacts_dir)
    live, artifact = file.read().live, file.artifact(version)
    bounds = Bounds(max_ece=settings.gate_max_ece, min_precision=settings.gate_min_precision)
    try:
        tickets = load_held_out(settings.gate_data)
        candidate = evaluate_tickets(artifact, tickets, encoder_dir=settings.encoder_dir)
    except InvalidData as error:
        load_cascade(artifact, settings.encoder_dir)  # what cannot serve is refused, measured or not
        criteria = [_unmeasured(version, error)]
    else:
        try:
            beside = evaluate_tickets(file.artifact(live), tickets, encoder_dir=settings.encoder_dir) if live else None
            criteria = judge(candidate, beside, bounds)
        except (InvalidData, ModelUnavailable) as error:
            criteria = [*judge(candidate, None, bounds), _unmeasured(str(live), error)]
    data = _named(settings.gate_data)
    return Verdict(candidate=version, checksum=artifact.checksum, live=live, data=data, criteria=tuple(criteria))


def _unmeasured(version: str, error: Exception) -> Criterion:
    return Criterion(name="measured", passed=False, finding=f"{version} cannot be measured: {error}")


def _named(path: Path) -> str:
    """Return a file's name with its checksum, by which the history tells which tickets a verdict rests on."""
    try:
        return f"{path.name} ({hashlib.sha256(path.read_bytes()).hexdigest()[:16]})"
    except OSError:
        return path.name
