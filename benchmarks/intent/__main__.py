"""``python -m benchmarks.intent``: our classifier beside its peers, on public data and on our own."""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.environment import forget_settings
from benchmarks.intake.load import require_wrk
from benchmarks.intent import peers
from benchmarks.intent.corpora import Corpus, banking77, clinc150, our_own
from benchmarks.intent.measures import Sample, measure, with_temperature
from benchmarks.intent.ours import stages, trained
from benchmarks.intent.serving import ServingSample, measure_serving
from benchmarks.intent.tables import accuracy_tables, serving_table
from benchmarks.machine import machine
from benchmarks.processes import PROJECT_DIR, BenchmarkFailed, stop_in_order_when_told
from benchmarks.report import Report
from benchmarks.terminal import Steps, new_console
from helpdesk.settings import ModelSettings

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "scikit-learn", "numpy", "tokenizers")
CORPORA = ("banking77", "clinc150", "ours")
DRAWN = {"banking77"}
"""Whose validation rows are drawn anew with each seed."""
OURS, TUNED = "Helpdesk", "Helpdesk --fine-tune"
PEERS = {
    "TF-IDF + linear SVC": peers.linear_svc,
    "TF-IDF + logistic regression": peers.logistic_regression,
    "fastText-like Keras": peers.fasttext_like,
    "embedding and pooling": peers.embedding_pooling,
}
MINILM_PEER = "MiniLM + logistic regression"
LEARN_BY_CHANCE = {"fastText-like Keras", "embedding and pooling"}
"""Peers that another seed makes another model of, on the same rows."""
FINE_TUNED_CORPUS = "banking77"


class Run(NamedTuple):
    """One training of one model."""

    corpus: str
    seed: int
    model: str


def main(
    datasets: Annotated[
        Path, typer.Option(envvar="INTENT_DATASETS", help="Folder of the public data sets.")
    ] = PROJECT_DIR.parent / "shared" / "datasets",
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(CORPORA)}; repeatable.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each model is trained.")] = 3,
    fine_tune: Annotated[
        int, typer.Option(min=0, help="How often the encoder is fine-tuned too, on BANKING77: ten minutes each.")
    ] = 1,
    without_peers: Annotated[bool, typer.Option("--without-peers", help="Measure our own model alone.")] = False,
    serving_rounds: Annotated[int, typer.Option(min=0, help="Rounds of load on the service; 0: none.")] = 3,
    seconds: Annotated[int, typer.Option(min=1, help="How long each load lasts.")] = 5,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = PROJECT_DIR / "benchmarks" / "results",
) -> None:
    """Train and measure. The official test sets choose nothing: they are read once per model and seed."""
    forget_settings()
    stop_in_order_when_told()
    console = new_console()
    started_at = datetime.now(UTC)
    chosen = only or list(CORPORA)
    model = ModelSettings()
    samples: list[Sample] = []
    serving: list[ServingSample] = []
    try:
        if serving_rounds:
            require_wrk()
        with tempfile.TemporaryDirectory(prefix="helpdesk-intent-") as name:
            directory = Path(name)
            facts = machine(PACKAGES, directory=directory)
            runs = [run for name, seed in product(chosen, range(seeds)) for run in planned_runs(name, seed, fine_tune)]
            runs = [run for run in runs if run.model.startswith(OURS) or not without_peers]
            with Steps(console, len(runs) + bool(serving_rounds)) as steps:
                for run in runs:
                    steps.next(f"{run.corpus}, seed {run.seed}: {run.model}")
                    for sample in _measured(run, _corpus(run.corpus, datasets, run.seed), directory, model.encoder_dir):
                        steps.say(_line(sample))
                        samples.append(sample)
                    gc.collect()
                if serving_rounds:
                    steps.next("serving")
                    serving = measure_serving(
                        directory,
                        artifacts_dir=model.artifacts_dir,
                        encoder_dir=model.encoder_dir,
                        clients=[1, 32],
                        rounds=serving_rounds,
                        seconds=seconds,
                    )
    except BenchmarkFailed as error:
        sys.exit(str(error))
    report = Report(
        benchmark="Intent classification",
        started_at=started_at,
        settings={"corpora": ", ".join(chosen), "seeds": seeds, "seeds of fine-tuning": fine_tune},
        machine=facts,
        tables=[*accuracy_tables(samples), *([serving_table(serving)] if serving else [])],
        samples=[*map(asdict, samples), *map(asdict, serving)],
    )
    report.print(console)
    for path in report.save(out, "intent"):
        console.print(f"Written: {path}")


def _line(sample: Sample) -> str:
    return (
        f"{sample.model}: accuracy {sample.accuracy:.4f}, ECE {sample.ece:.4f}, typos {sample.typos:.4f}, "
        f"coverage {sample.coverage_98:.4f}, {sample.train_s:.0f} s{_out_of_scope(sample)}"
    )


def _out_of_scope(sample: Sample) -> str:
    if sample.oos_auroc is None or sample.oos_recall is None:
        return ""
    return f", out of scope: AUROC {sample.oos_auroc:.4f}, recall {sample.oos_recall:.4f}"


def _corpus(name: str, datasets: Path, seed: int) -> Corpus:
    match name:
        case "banking77":
            return banking77(datasets, seed=seed)
        case "clinc150":
            return clinc150(datasets)
        case "ours":
            return our_own()
    raise BenchmarkFailed(f"{name!r} is none of {', '.join(CORPORA)}")


def planned_runs(corpus: str, seed: int, fine_tune: int) -> Iterator[Run]:
    """Yield what is trained on a corpus with a seed; what chance has no part in, once per drawing of the rows."""
    yield Run(corpus, seed, OURS)
    if corpus == FINE_TUNED_CORPUS and seed < fine_tune:
        yield Run(corpus, seed, TUNED)
    for name in (*PEERS, MINILM_PEER):
        if seed == 0 or corpus in DRAWN or name in LEARN_BY_CHANCE:
            yield Run(corpus, seed, name)


def _measured(run: Run, corpus: Corpus, directory: Path, encoder_dir: Path) -> Iterator[Sample]:
    if run.model in (OURS, TUNED):
        with _folder(directory) as folder:
            model = trained(corpus, folder, encoder_dir=encoder_dir, seed=run.seed, fine_tune=run.model == TUNED)
            for stage, predict in stages(model).items():
                name = f"{run.model}, {stage}"
                yield measure(predict, corpus, model=name, seed=run.seed, train_s=model.duration_s)
        return
    builders = PEERS | {MINILM_PEER: partial(peers.minilm_logistic_regression, encoder_dir=encoder_dir)}
    scorer, train_s = peers.timed(partial(builders[run.model], corpus, run.seed))
    yield measure(with_temperature(scorer, corpus), corpus, model=run.model, seed=run.seed, train_s=train_s)


@contextmanager
def _folder(directory: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=directory) as name:
        yield Path(name)


if __name__ == "__main__":
    typer.run(main)
