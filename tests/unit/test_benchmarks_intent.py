"""The intent benchmark's pure parts: corpora, measures and tables."""

import csv
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.intent import peers
from benchmarks.intent.__main__ import planned_runs
from benchmarks.intent.corpora import Corpus, Row, banking77, clinc150
from benchmarks.intent.measures import Sample, Scores, measure, with_temperature
from benchmarks.intent.serving import ServingSample
from benchmarks.intent.tables import accuracy_tables, serving_table
from benchmarks.processes import BenchmarkFailed
from helpdesk.settings import ModelSettings
from models.calibrate import Floats
from models.dataset import load_dataset
from models.splitting import SPLITS


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Public data sets in miniature, in their own formats."""
    for split, count in (("train", 20), ("test", 5)):
        with (tmp_path / f"banking77_{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "category"])
            writer.writerows([f"{split} card, {n}\nplease", f"card_{n % 2}"] for n in range(count))
    parts = {
        f"{prefix}{part}": [[f"{prefix}{part} {n}", "oos" if prefix else f"intent_{n % 3}"] for n in range(9)]
        for prefix in ("", "oos_")
        for part in ("train", "val", "test")
    }
    (tmp_path / "clinc150_full.json").write_text(json.dumps(parts), encoding="utf-8")
    return tmp_path


def test_validation_rows_are_drawn_from_the_official_training_rows_by_seed(directory: Path) -> None:
    corpus = banking77(directory, seed=0)
    validation = corpus.part("validation", in_scope=True)
    assert sorted(row.intent for row in validation) == ["card_0", "card_1"]
    assert all(row.text.startswith("train") for row in validation)
    assert len(corpus.part("train", in_scope=True)) == 18
    assert len(corpus.part("test", in_scope=True)) == 5
    assert banking77(directory, seed=0) == corpus
    assert banking77(directory, seed=1) != corpus


def test_out_of_scope_rows_keep_their_official_parts(directory: Path) -> None:
    corpus = clinc150(directory)
    assert corpus.labels == ("intent_0", "intent_1", "intent_2")
    assert [row.text for row in corpus.part("validation", in_scope=False)] == [f"oos_val {n}" for n in range(9)]


def test_a_corpus_is_written_as_training_reads_it(directory: Path) -> None:
    corpus = clinc150(directory)
    dataset = load_dataset(corpus.write(directory))
    assert dataset.labels == corpus.labels
    assert [row.text for row in dataset.part("test")] == [row.text for row in corpus.rows if row.split == "test"]


def test_missing_data_sets_say_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed, match=r"INTENT_DATASETS.*PolyAI.*oos-eval.*--only ours"):
        banking77(tmp_path, seed=0)


def two_intents() -> Corpus:
    """Two intents that a single word tells apart, with a foreign text in each part."""
    rows = []
    for split in ("train", "validation", "test"):
        rows += [Row(f"{word} number {n} arrived", word, split) for word in ("parcel", "refund") for n in range(50)]
        rows.append(Row("what is the weather", "out_of_scope", split))
    return Corpus("ours", tuple(rows))


def three_intents() -> Corpus:
    """One intent more: of two, a linear model gives a single score."""
    more = [Row(f"invoice number {n} arrived", "invoice", split) for split in SPLITS for n in range(50)]
    return Corpus("ours", (*two_intents().rows, *more))


def word_scores(texts: Sequence[str]) -> Floats:
    return np.array([[10.0 * ("parcel" in text), 10.0 * ("refund" in text)] for text in texts])


def test_a_model_that_is_always_right_measures_so() -> None:
    corpus = two_intents()
    sample = measure(with_temperature(word_scores, corpus), corpus, model="words", seed=0, train_s=1.0)
    assert (sample.accuracy, sample.coverage_98, sample.oos_auroc, sample.oos_recall) == (1, 1, 1, 1)
    assert sample.false_rejections == 0
    assert sample.ece < 0.01
    assert 0.8 < sample.typos < 1  # a misspelt word is a coin's toss


@pytest.mark.parametrize(
    "train",
    [
        peers.linear_svc,
        peers.logistic_regression,
        peers.fasttext_like,
        peers.embedding_pooling,
        partial(peers.minilm_logistic_regression, encoder_dir=ModelSettings().encoder_dir),
    ],
)
def test_every_peer_learns_what_a_single_word_tells(train: Callable[[Corpus, int], peers.Scorer]) -> None:
    corpus = three_intents()
    scorer, train_s = peers.timed(lambda: train(corpus, 0))
    scores = scorer(["refund number 3 arrived", "parcel number 70 arrived", "invoice number 7 arrived"])
    assert [corpus.labels[column] for column in scores.argmax(axis=1)] == ["refund", "parcel", "invoice"]
    assert train_s > 0


def test_the_threshold_for_out_of_scope_comes_from_validation_rows() -> None:
    corpus = two_intents()

    def predict(texts: Sequence[str]) -> Scores:
        foreign = np.array([1.0 if "weather" in text else float("1" in text) for text in texts])
        return Scores(word_scores(texts), foreign)

    sample = measure(predict, corpus, model="words", seed=0, train_s=1.0)
    assert sample.oos_recall == 0  # most validation rows with a 1 in them score as high
    assert sample.false_rejections == 0


def sample(corpus: str, model: str, seed: int, accuracy: float, oos: float | None) -> Sample:
    return Sample(
        corpus=corpus,
        model=model,
        seed=seed,
        accuracy=accuracy,
        ece=0.01,
        coverage_98=0.9,
        typos=0.8,
        train_s=12.0,
        ms_per_text=0.5,
        oos_auroc=oos,
        oos_recall=oos,
        false_rejections=0.03 if oos else None,
    )


def test_each_corpus_has_a_table_with_medians_over_seeds() -> None:
    samples = [sample("banking77", "a", seed, value, None) for seed, value in enumerate((0.90, 0.92, 0.97))]
    samples += [sample("clinc150", "a", 0, 0.9, 0.95)]
    first, second = accuracy_tables(samples)
    assert first.rows[0][:3] == ["a", "92.00 (90.00–97.00)", "1.00"]
    assert "OOS AUROC" not in first.columns
    assert dict(zip(second.columns, second.rows[0], strict=True))["OOS AUROC"] == "95.00"


def test_what_chance_has_no_part_in_is_trained_once_on_the_same_rows() -> None:
    first, second = (
        {name: {run.model for run in planned_runs(name, seed, fine_tune=1)} for name in ("banking77", "clinc150")}
        for seed in (0, 1)
    )
    assert first["banking77"] - second["banking77"] == {"Helpdesk --fine-tune"}  # its rows are drawn anew
    assert first["clinc150"] - second["clinc150"] == {
        "TF-IDF + linear SVC",
        "TF-IDF + logistic regression",
        "MiniLM + logistic regression",
    }


def test_serving_shows_latency_rate_and_the_most_memory() -> None:
    measured = [
        ServingSample(service="ours", round=n, clients=level, per_s=100.0 * level, p50_ms=2.0, p99_ms=4.0, rss_mib=rss)
        for n, rss in enumerate((150.0, 200.0))
        for level in (1, 32)
    ]
    table = serving_table(measured)
    assert table.rows == [["ours", "2.00 / 4.00, 100", "2.00 / 4.00, 3,200", "200 MiB"]]
