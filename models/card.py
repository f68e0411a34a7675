"""The model card of an artifact, generated from what was measured."""

from collections.abc import Mapping

from models.artifact import DataRecord
from models.calibrate import NEVER, Calibration
from models.evaluate import METRICS, Evaluation


def model_card(
    evaluation: Evaluation, calibration: Calibration, data: DataRecord, *, options: Mapping[str, float]
) -> str:
    """Return the card as Markdown; ``{version}`` in it stands for the version."""
    measured = "\n".join(
        f"| `{name}` | {evaluation.metrics[name]:.3f} | {meaning} |"
        for name, meaning in METRICS.items()
        if name in evaluation.metrics
    )
    intents = "\n".join(
        f"| {result.intent} | {result.rows} | {result.precision:.3f} | {result.recall:.3f} "
        f"| {_threshold(calibration.thresholds[result.intent])} | {result.automated:.3f} |"
        for result in evaluation.intents
    )
    confusions = "\n".join(f"| {true} | {guess} | {count} |" for true, guess, count in evaluation.confusions)
    choices = ", ".join(f"{name} {value:g}" for name, value in options.items())
    return f"""# Intent model {{version}}

Classifies a support ticket's text into {len(calibration.thresholds)} intents, or none of them (out of scope).
A small network over static token vectors, trained in Keras, served by LiteRT.

**Use.** Routing and drafting in Helpdesk, where a person gets what the model is unsure of. English only: text in other
languages should come out as out of scope or below its threshold. Not for decisions about people.

**Data.** `{data.name}` (SHA-256 `{data.sha256[:16]}…`): {data.rows["train"]} rows for training,
{data.rows["validation"]} for calibration, {data.rows["test"]} for the figures below. The rows come from a grammar; no
template stands in two parts. Real customers write otherwise: expect less, and calibrate again on your own tickets.

**Training.** {choices}.

**Calibration.** Temperature {calibration.temperature:.3f}; out of scope above {calibration.out_of_scope_threshold:.3f}.

## Measured on held-out templates

| metric | value | meaning |
|---|---|---|
{measured}

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
"""


def _threshold(confidence: float) -> str:
    return "never" if confidence >= NEVER else f"{confidence:.3f}"
