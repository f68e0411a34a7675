"""The models that people start with, each trained on the same rows; all give logits of shape (n, labels)."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from benchmarks.intent.corpora import Corpus
from models.calibrate import Floats
from models.encoder_export import cached_encoder
from models.encoder_lite import encode_in_parallel

Scorer = Callable[[Sequence[str]], Floats]

_HASHED_GRAMS = 2**15
_GRAMS_PER_TEXT = 96
_WORD = r"\w+"


def linear_svc(corpus: Corpus, seed: int) -> Scorer:
    """TF-IDF of words and characters, linear SVC."""
    return _best(corpus, [make_pipeline(_tf_idf(), LinearSVC(C=strength)) for strength in (0.3, 1.0)])


def logistic_regression(corpus: Corpus, seed: int) -> Scorer:
    """TF-IDF of words, logistic regression."""
    strengths = (10.0, 40.0)
    return _best(corpus, [make_pipeline(_words(), LogisticRegression(C=c, max_iter=200)) for c in strengths])


def minilm_logistic_regression(corpus: Corpus, seed: int, encoder_dir: Path) -> Scorer:
    """MiniLM's sentence vectors (8 bits), logistic regression."""
    encoder = cached_encoder(encoder_dir)
    vectors: dict[str, NDArray[np.float32]] = {}

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        unknown = list({text for text in texts if text not in vectors})
        if unknown:
            vectors.update(zip(unknown, encode_in_parallel(encoder, unknown, threads=os.cpu_count() or 1), strict=True))
        return np.stack([vectors[text] for text in texts])

    strengths = (10.0, 30.0)
    return _best(corpus, [_OnVectors(LogisticRegression(C=c, max_iter=300), encode) for c in strengths])


def fasttext_like(corpus: Corpus, seed: int) -> Scorer:
    """Mean of the vectors of hashed words and word pairs, linear, in Keras (the architecture of fastText)."""
    grams = HashingVectorizer(n_features=_HASHED_GRAMS, ngram_range=(1, 2), alternate_sign=False, norm=None)

    def ids(texts: Sequence[str]) -> NDArray[np.int32]:
        return _padded([row.indices + 1 for row in grams.transform(texts)], _GRAMS_PER_TEXT)

    return _keras(corpus, seed, ids, _HASHED_GRAMS + 1, dimensions=64, hidden=0, epochs=25, learning_rate=1e-2)


def embedding_pooling(corpus: Corpus, seed: int) -> Scorer:
    """Vocabulary of 1,000 words, vectors of 16 numbers, mean, dense: what many a tutorial builds."""
    counter = CountVectorizer(max_features=1_000, token_pattern=_WORD).fit(_texts(corpus, "train"))
    analyse, number_of = counter.build_analyzer(), counter.vocabulary_

    def ids(texts: Sequence[str]) -> NDArray[np.int32]:
        return _padded([[number_of.get(word, 0) + 1 for word in analyse(text)] for text in texts], 64)

    return _keras(corpus, seed, ids, 1_002, dimensions=16, hidden=24, epochs=40, learning_rate=5e-3)


class _OnVectors:
    """A classifier that reads texts through an encoder."""

    def __init__(self, classifier: Any, encode: Callable[[Sequence[str]], NDArray[np.float32]]) -> None:
        self._classifier, self._encode = classifier, encode

    def fit(self, texts: Sequence[str], intents: Sequence[str]) -> None:
        self._classifier.fit(self._encode(texts), intents)

    def decision_function(self, texts: Sequence[str]) -> Floats:
        scores: Floats = self._classifier.decision_function(self._encode(texts))
        return scores


def _best(corpus: Corpus, models: Sequence[Any]) -> Scorer:
    """Return the scorer of the setting that does best on validation rows."""
    truth = np.array(_intents(corpus, "validation"))
    found = []
    for model in models:
        model.fit(_texts(corpus, "train"), _intents(corpus, "train"))
        scores = model.decision_function(_texts(corpus, "validation"))
        found.append((float((np.array(corpus.labels)[scores.argmax(axis=1)] == truth).mean()), model))
    _, best = max(found, key=lambda pair: pair[0])
    return lambda texts: np.asarray(best.decision_function(texts), dtype=np.float64)


def _keras(
    corpus: Corpus,
    seed: int,
    ids: Callable[[Sequence[str]], NDArray[np.int32]],
    tokens: int,
    *,
    dimensions: int,
    hidden: int,
    epochs: int,
    learning_rate: float,
) -> Scorer:
    keras.utils.set_random_seed(seed)
    column = {label: number for number, label in enumerate(corpus.labels)}
    layers = [
        keras.layers.Embedding(tokens, dimensions, mask_zero=True),
        keras.layers.GlobalAveragePooling1D(),
        *([keras.layers.Dense(hidden, activation="relu")] if hidden else []),
        keras.layers.Dense(len(column)),
    ]
    network = keras.Sequential(layers)
    network.compile(
        keras.optimizers.Adam(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    targets = {
        split: np.array([column[intent] for intent in _intents(corpus, split)]) for split in ("train", "validation")
    }
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=4, restore_best_weights=True)
    network.fit(
        ids(_texts(corpus, "train")),
        targets["train"],
        batch_size=128,
        epochs=epochs,
        validation_data=(ids(_texts(corpus, "validation")), targets["validation"]),
        callbacks=[stop],
        verbose=0,
    )
    return lambda texts: np.asarray(network.predict(ids(texts), batch_size=512, verbose=0), dtype=np.float64)


def _tf_idf() -> Any:
    return make_union(_words(), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True))


def _words() -> Any:
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORD)


def _padded(rows: Sequence[Sequence[int]], width: int) -> NDArray[np.int32]:
    ids = np.zeros((len(rows), width), dtype=np.int32)
    for target, row in zip(ids, rows, strict=True):
        target[: len(row)] = row[:width]
    return ids


def _texts(corpus: Corpus, split: str) -> list[str]:
    return [row.text for row in corpus.part(split, in_scope=True)]


def _intents(corpus: Corpus, split: str) -> list[str]:
    return [row.intent for row in corpus.part(split, in_scope=True)]


def timed(build: Callable[[], Scorer]) -> tuple[Scorer, float]:
    """Return a scorer and the seconds that its training took."""
    began = time.perf_counter()
    scorer = build()
    return scorer, time.perf_counter() - began
