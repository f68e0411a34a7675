"""Our own model as the benchmark measures it: trained, saved and read back by the code that ships."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.intent.corpora import Corpus
from benchmarks.intent.measures import Predict, Scores
from models.calibrate import Floats, out_of_scope_scores
from models.preprocess import readable
from models.train import TrainedModel, TrainingOptions, train

Stages = dict[str, Predict]


def trained(corpus: Corpus, directory: Path, *, encoder_dir: Path, seed: int, fine_tune: bool) -> TrainedModel:
    """Train on a corpus with the defaults that ship."""
    return train(
        corpus.write(directory),
        output_dir=directory,
        encoder_dir=encoder_dir,
        options=TrainingOptions(seed=seed, fine_tune=fine_tune),
    )


def stages(model: TrainedModel) -> Stages:
    """Return the cascade that serves, and each of its stages alone."""
    cascade, weight = model.cascade, model.artifact.manifest.out_of_scope_weight
    return {
        "cascade": _scores(cascade.logits, weight),
        "static stage alone": _scores(cascade.static_logits, weight),
        "both stages for every text": _scores(cascade.fused_logits, weight),
    }


def _scores(logits_of: Callable[[Sequence[str]], Floats], weight: float) -> Predict:
    def predict(texts: Sequence[str]) -> Scores:
        logits = logits_of([readable(text) for text in texts])
        return Scores(logits[:, :-1], out_of_scope_scores(logits, weight))

    return predict
