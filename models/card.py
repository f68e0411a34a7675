"""The model card of an artifact, generated from what was measured."""

from collections.abc import Mapping
from typing import Any

from models.artifact import CorrectionsRecord, DataRecord
from models.calibrate import NEVER, Calibration
from models.cascade import Fusion
from models.evaluate import METRICS, Evaluation
from models.picture_style import Picture
from models.pictures import CONFUSIONS, RELIABILITY, RISK_COVERAGE

_PAIRS = 12


def model_card(
    evaluation: Evaluation,
    calibration: Calibration,
    fusion: Fusion,
    data: DataRecord,
    drawn: Mapping[str, Picture],
    *,
    options: Mapping[str, Any],
) -> str:
    """Return the card as Markdown; ``{version}`` in it stands for the version.

    Args:
        drawn: the pictures that lie beside it, by file name.
    """
    measured = "\n".join(
        f"| `{name}` | {evaluation.metrics[name]:.3f} | {meaning} |"
        for name, meaning in METRICS.items()
        if name in evaluation.metrics
    )
    intents = "\n".join(
        f"| {_cell(result.intent)} | {result.rows} | {result.precision:.3f} | {result.recall:.3f} "
        f"| {_threshold(calibration.thresholds[result.intent])} | {result.automated:.3f} |"
        for result in evaluation.intents
    )
    confusions = "\n".join(
        f"| {_cell(true)} | {_cell(guess)} | {count} |" for true, guess, count in evaluation.confusions[:_PAIRS]
    )
    shown = {name: f"![{_alternative(picture)}]({name})" for name, picture in drawn.items()}
    choices = "\n".join(f"- {name}: {_choice(value)}" for name, value in options.items())
    return f"""# Intent model {{version}}

Classifies a support ticket's text into {len(calibration.thresholds)} intents, or none of them (out of scope).
A cascade, trained in Keras, served by LiteRT: a small network over static token vectors for every ticket, and where its
confidence is below {fusion.sure_from:.3f}, MiniLM with a head of its own beside it{_tuned(options)}.

**Use.** Routing and drafting in Helpdesk, where a person gets what the model is unsure of. English only: text in other
languages should come out as out of scope or below its threshold. Not for decisions about people.

**Data.** `{data.name}` (SHA-256 `{data.sha256[:16]}…`): {data.rows["train"]} rows for training,
{data.rows["validation"]} for calibration, {data.rows["test"]} for the figures below. Expect less on
tickets that were written otherwise than these, and calibrate again on your own.
{_corrections(data.corrections)}
**Calibration.** Temperature of the static stage {fusion.static_temperature:.3f}, of the encoder stage
{fusion.encoder_temperature:.3f}, of their sum {fusion.fused_temperature:.3f}, in which the encoder stage weighs
{fusion.encoder_share:.2f}; out of scope above {calibration.out_of_scope_threshold:.3f}, its column
weighing {calibration.out_of_scope_weight:g}.

**Training.**

{choices}

## Measured on held-out rows

| metric | value | meaning |
|---|---|---|
{measured}

{shown[RELIABILITY]}

{shown[RISK_COVERAGE]}

## By intent

`threshold` is the confidence from which an answer may go out without a person; `never` means that the target precision
was not reached.

| intent | rows | precision | recall | threshold | automated |
|---|---|---|---|---|---|
{intents}

## Most frequent confusions

| true | taken for | rows |
|---|---|---|
{confusions}

{shown[CONFUSIONS]}
"""


def _cell(name: str) -> str:
    return name.replace("|", "\\|")


def _alternative(picture: Picture) -> str:
    """Return the description as Markdown's alternative text, which a bracket would end."""
    return picture.description.replace("[", "(").replace("]", ")")


def _corrections(record: CorrectionsRecord | None) -> str:
    if record is None:
        return ""
    left_out = sum(record.dropped.values())
    made = f", made until {record.until:%Y-%m-%d %H:%M} UTC" if record.until else ""
    return f"""
**Corrections.** Beside them, for training alone, tickets whose true intent agents have said: {record.used}{made}.
Left out: {left_out}; rows of the file that gave way to them: {record.replaced}. Their texts are not in this artifact,
nor do its words and word pieces come from them; but a network's weights depend on all that it was trained on.
"""


def _threshold(confidence: float) -> str:
    return "never" if confidence >= NEVER else f"{confidence:.3f}"


def _tuned(options: Mapping[str, Any]) -> str:
    return ", and a copy of MiniLM that was fine-tuned" if options.get("fine_tune") else ""


def _choice(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_choice(inner)}" for name, inner in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
