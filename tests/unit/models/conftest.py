"""A model that is really trained, on a few hundred tickets of six intents: small enough for every test run."""

import json
from pathlib import Path

import pytest

from helpdesk.settings import PROJECT_DIR, ModelSettings
from models.fitting import FitOptions
from models.network import NetworkShape
from models.train import TrainedModel, TrainingOptions, train

INTENTS = ("cancel_order", "track_order", "get_invoice", "recover_password", "get_refund", "out_of_scope")
ROWS = {"train": 60, "validation": 25, "test": 25}
SMALL = NetworkShape(dimensions=32, filters=32, hidden=32, head_hidden=64)
ENCODER_DIR = ModelSettings().encoder_dir


def options(seed: int = 0) -> TrainingOptions:
    return TrainingOptions(
        seed=seed,
        static=FitOptions(epochs=10, batch_size=16, learning_rate=4e-3),
        head=FitOptions(epochs=10, batch_size=32),
        frequent_pieces=2_000,
        noisy_copies=2,
    )


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    wanted = {(intent, split): rows for intent in INTENTS for split, rows in ROWS.items()}
    chosen = []
    for line in (PROJECT_DIR / "data" / "training_tickets.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        key = (row["intent"], row["split"])
        if wanted.get(key, 0) > 0:
            wanted[key] -= 1
            chosen.append(line)
    (directory / "tickets.jsonl").write_text("\n".join(chosen), encoding="utf-8")
    (directory / "intents.json").write_bytes((PROJECT_DIR / "data" / "intents.json").read_bytes())
    return directory / "tickets.jsonl"


@pytest.fixture(scope="session")
def trained(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return train(
        small_data,
        output_dir=tmp_path_factory.mktemp("artifacts"),
        encoder_dir=ENCODER_DIR,
        options=options(),
        shape=SMALL,
    )
