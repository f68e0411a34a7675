"""Examining a version at the gate: both it and the live one are measured on the same held-out tickets."""

from helpdesk.errors import InvalidData, ModelUnavailable
from helpdesk.settings import ModelSettings
from models.artifact import Artifact
from models.dataset import load_held_out
from models.evaluate import Evaluation, evaluate_tickets
from models.gate import Bounds, Criterion, Verdict, judge
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
        candidate = _measured(artifact, settings)
    except InvalidData as error:
        criteria = [_unmeasured(version, error)]
    else:
        try:
            compared = _measured(file.artifact(live), settings) if live and live != version else None
            criteria = judge(candidate, compared, bounds)
        except (InvalidData, ModelUnavailable) as error:
            criteria = [*judge(candidate, None, bounds), _unmeasured(str(live), error)]
    return Verdict(candidate=version, live=live, data=settings.gate_data.name, criteria=tuple(criteria))


def _measured(artifact: Artifact, settings: ModelSettings) -> Evaluation:
    return evaluate_tickets(artifact, load_held_out(settings.gate_data), encoder_dir=settings.encoder_dir)


def _unmeasured(version: str, error: Exception) -> Criterion:
    return Criterion(name="measured", passed=False, finding=f"{version} cannot be measured: {error}")
