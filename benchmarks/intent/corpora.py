"""The labelled texts that are measured on: BANKING77, CLINC150 and our own, each with validation rows set apart."""

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.processes import PROJECT_DIR, BenchmarkFailed
from helpdesk.corrections import OUT_OF_SCOPE
from models.dataset import load_dataset
from models.splitting import SPLITS

VALIDATION_SHARE = 0.1
WHERE = (
    "BANKING77: banking_data/train.csv and test.csv of github.com/PolyAI-LDN/task-specific-datasets, as "
    "banking77_train.csv and banking77_test.csv; CLINC150: data/data_full.json of github.com/clinc/oos-eval, as "
    "clinc150_full.json"
)
OWN_DATA = PROJECT_DIR / "data" / "training_tickets.jsonl"


@dataclass(frozen=True, slots=True)
class Row:
    """A text, its intent (or out of scope) and the part it belongs to."""

    text: str
    intent: str
    split: str


@dataclass(frozen=True)
class Corpus:
    """One data set."""

    name: str
    rows: tuple[Row, ...]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The intents in alphabetical order, as the columns of all logits."""
        return tuple(sorted({row.intent for row in self.rows} - {OUT_OF_SCOPE}))

    def part(self, split: str, *, in_scope: bool) -> list[Row]:
        """Return the rows of one split, in scope or out of it."""
        return [row for row in self.rows if row.split == split and (row.intent != OUT_OF_SCOPE) == in_scope]

    def write(self, directory: Path) -> Path:
        """Write the rows as ``models.train.train`` reads them, and return the path."""
        path = directory / f"{self.name}.jsonl"
        path.write_text(
            "".join(
                json.dumps({"text": row.text, "intent": row.intent, "split": row.split}) + "\n" for row in self.rows
            ),
            encoding="utf-8",
        )
        categories = [{"intent": label, "category": "ANY"} for label in self.labels]
        path.with_name("intents.json").write_text(json.dumps(categories), encoding="utf-8")
        return path


def banking77(directory: Path, *, seed: int) -> Corpus:
    """Return BANKING77; a tenth of the official training rows, drawn per intent, are validation rows."""
    train = [(row["text"], row["category"]) for row in _csv(directory / "banking77_train.csv")]
    test = [(row["text"], row["category"]) for row in _csv(directory / "banking77_test.csv")]
    rows = [*_set_apart(train, seed), *(Row(text, intent, "test") for text, intent in test)]
    return Corpus("banking77", tuple(row for row in rows if row.text.strip()))


def clinc150(directory: Path) -> Corpus:
    """Return CLINC150 in its official parts; its 100 out-of-scope training rows are training rows."""
    path = directory / "clinc150_full.json"
    parts = json.loads(_read(path))
    rows = []
    for split, name in zip(SPLITS, ("train", "val", "test"), strict=True):
        rows += [Row(text, intent, split) for text, intent in parts[name]]
        rows += [Row(text, OUT_OF_SCOPE, split) for text, _ in parts[f"oos_{name}"]]
    return Corpus("clinc150", tuple(rows))


def our_own(path: Path = OWN_DATA) -> Corpus:
    """Return our training tickets; whole templates are kept out of training."""
    return Corpus("ours", tuple(Row(row.text, row.intent, row.split) for row in load_dataset(path).tickets))


def _set_apart(rows: Sequence[tuple[str, str]], seed: int) -> list[Row]:
    rng = random.Random(seed)
    by_intent: dict[str, list[str]] = {}
    for text, intent in rows:
        by_intent.setdefault(intent, []).append(text)
    marked = []
    for intent, texts in by_intent.items():
        rng.shuffle(texts)
        count = max(1, round(len(texts) * VALIDATION_SHARE))
        marked += [Row(text, intent, "validation" if place < count else "train") for place, text in enumerate(texts)]
    return marked


def _csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(_read(path).splitlines(keepends=True)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BenchmarkFailed(
            f"{path} cannot be read ({error.strerror}). Pass --datasets or set INTENT_DATASETS to a folder with the "
            f"public data sets. {WHERE}. `--only ours` needs neither."
        ) from error
