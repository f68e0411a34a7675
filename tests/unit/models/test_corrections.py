"""Corrections as training rows: which take part, which do not and why, and that a model learns from them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.corrections import OUT_OF_SCOPE
from helpdesk.settings import StoreSettings
from helpdesk.tickets import Author
from models import corrections
from models.artifact import CARD, load_artifact
from models.cascade import Cascade
from models.corrections import CorrectedTicket, Dropped, corrected_tickets, with_corrections
from models.dataset import Dataset, LabelledTicket, load_dataset
from models.loading import TOKENIZER, WORDS
from models.preprocess import readable
from models.splitting import SPLITS
from models.train import TrainedModel, train
from tests.factories import NOON, make_correction, make_message, make_submission, make_ticket
from tests.unit.models.conftest import ENCODER_DIR, SMALL, options

PRIVATE = "The blorbo subscription of Xanthippe Quillfeather keeps renewing itself, kindly put a stop to it"
WORSE = "My zorblax came apart on day two, Xanthippe Quillfeather here, kindly settle up with my blorbo card"
TICKET = make_ticket()


def corrected(text: str, intent: str = "get_refund") -> CorrectedTicket:
    return CorrectedTicket(text, make_correction(TICKET, intent=intent))


def dataset(*tickets: tuple[str, str, str]) -> Dataset:
    """Return a row per intent and split, and these."""
    base = {"please cancel my order": "cancel_order", "give me my money back": "get_refund"}
    rows = [(f"{text} {split}", intent, split) for text, intent in base.items() for split in SPLITS]
    labelled = tuple(LabelledTicket(*row) for row in [*rows, *tickets])
    return Dataset(labelled, ("cancel_order", "get_refund"), "mine.csv", "0" * 64)


# Reading


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'helpdesk.db'}", StoreSettings())) as store:
        store.migrate()
        yield store


def test_a_correction_comes_with_what_was_written_until_its_turn(store: SqlStore) -> None:
    submission = make_submission(text="Where is it?\n\nKind regards\nAda")
    ticket = submission.ticket
    with store.transaction() as tx:
        tx.add_submissions([submission])
        tx.add_messages(
            [
                make_message(ticket, text="On its way.", author=Author.MACHINE),
                make_message(ticket, text="I want my money back.", turn=2),
            ]
        )
        tx.add_correction(make_correction(ticket, intent="track_order"))
        tx.add_correction(make_correction(ticket, turn=2))
    assert [(item.text, item.correction.intent) for item in corrected_tickets(store)] == [
        ("My parcel\nWhere is it?", "track_order"),
        ("I want my money back.", "get_refund"),
    ]


def test_many_corrections_are_read_page_by_page(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrections, "PAGE", 3)
    submissions = [make_submission(text=f"ticket {number}") for number in range(8)]
    with store.transaction() as tx:
        tx.add_submissions(submissions)
        for submission in [*submissions, submissions[2]]:
            tx.add_correction(make_correction(submission.ticket))
    numbers = [item.text.split()[-1] for item in corrected_tickets(store)]
    assert numbers == ["0", "1", "3", "4", "5", "6", "7", "2"]


# Which take part


def test_corrected_tickets_are_training_rows_and_what_is_held_out_stays() -> None:
    before = dataset()
    after = with_corrections(before, [corrected(PRIVATE), corrected("tell me a joke", OUT_OF_SCOPE)])
    assert after.corrections is not None
    assert [(ticket.text, ticket.intent, ticket.split) for ticket in after.corrections.tickets] == [
        (PRIVATE, "get_refund", "train"),
        ("tell me a joke", OUT_OF_SCOPE, "train"),
    ]
    assert (after.corrections.dropped, after.corrections.replaced, after.corrections.until) == ({}, 0, NOON)
    assert after.tickets == before.tickets


def test_no_corrections_are_no_rows() -> None:
    rows = with_corrections(dataset(), []).corrections
    assert rows is not None
    assert (rows.tickets, rows.dropped, rows.replaced, rows.until) == ((), {}, 0, None)


@pytest.mark.parametrize(
    ("text", "intent", "reason"),
    [
        ("Give me my MONEY back: test!", "get_refund", Dropped.HELD_OUT),
        ("give me my money back validation", "cancel_order", Dropped.HELD_OUT),
        ("give me my cash back test", "get_refund", Dropped.HELD_OUT),
        ("Stop it!", "cancel_order", Dropped.REPEATED),
        ("where is my parcel", "track_order", Dropped.UNKNOWN_INTENT),
        ("\u200b\n", "get_refund", Dropped.NO_WORDS),
        ("", "get_refund", Dropped.NO_WORDS),
    ],
)
def test_what_cannot_teach_or_would_flatter_the_figures_is_dropped(text: str, intent: str, reason: Dropped) -> None:
    before = dataset(("stop it", "cancel_order", "train"))
    after = with_corrections(before, [corrected(text, intent)])
    assert after.corrections is not None
    assert (after.corrections.tickets, after.corrections.dropped) == ((), {reason: 1})
    assert after.tickets == before.tickets


def test_the_later_correction_of_a_text_wins_over_the_earlier() -> None:
    items = [corrected(PRIVATE, "cancel_order"), corrected(PRIVATE.upper()), corrected(PRIVATE + "!")]
    rows = with_corrections(dataset(), items).corrections
    assert rows is not None
    assert [(ticket.text, ticket.intent) for ticket in rows.tickets] == [(PRIVATE + "!", "get_refund")]
    assert rows.dropped == {Dropped.CONTRADICTED: 1, Dropped.REPEATED: 1}


def test_a_training_row_of_the_file_gives_way_to_a_correction_of_the_same_text() -> None:
    before = dataset(("stop it", "cancel_order", "train"))
    after = with_corrections(before, [corrected("Stop it!")])
    assert after.corrections is not None
    assert (len(after.corrections.tickets), after.corrections.replaced) == (1, 1)
    assert after.tickets == before.tickets[:-1]


# Learning


def label(cascade: Cascade, labels: list[str], text: str) -> str:
    return [*labels, OUT_OF_SCOPE][int(np.argmax(cascade.logits([readable(text)])[0]))]


@pytest.fixture(scope="module")
def corrected_model(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return train(
        small_data,
        output_dir=tmp_path_factory.mktemp("corrected"),
        encoder_dir=ENCODER_DIR,
        dataset=with_corrections(load_dataset(small_data), [corrected(PRIVATE), corrected(WORSE)]),
        options=options(),
        shape=SMALL,
    )


@pytest.mark.timeout(300)
def test_a_corrected_text_is_classified_as_corrected_and_the_figures_stand_on_the_same_rows(
    trained: TrainedModel, corrected_model: TrainedModel
) -> None:
    labels = trained.artifact.manifest.labels
    assert label(trained.cascade, labels, PRIVATE) != "get_refund"
    assert label(corrected_model.cascade, labels, PRIVATE) == "get_refund"
    assert label(corrected_model.cascade, labels, WORSE) == "get_refund"
    data = corrected_model.artifact.manifest.data
    assert data.model_copy(update={"corrections": None}) == trained.artifact.manifest.data
    assert corrected_model.evaluation.metrics["rows"] == trained.evaluation.metrics["rows"]


@pytest.mark.timeout(300)
def test_the_artifact_says_how_many_corrections_took_part_and_holds_none_of_their_words(
    trained: TrainedModel, corrected_model: TrainedModel
) -> None:
    artifact = load_artifact(corrected_model.artifact.directory.parent.parent)
    assert artifact.manifest.data.corrections is not None
    assert artifact.manifest.data.corrections.model_dump() == {
        "used": 2,
        "dropped": {},
        "replaced": 0,
        "until": NOON,
    }
    card = artifact.file(CARD).read_text(encoding="utf-8")
    assert "whose true intent agents have said: 2, made until 2026-03-02 12:00 UTC." in card
    assert "**Corrections.**" not in trained.artifact.file(CARD).read_text(encoding="utf-8")
    for name in (WORDS, TOKENIZER):
        assert artifact.file(name).read_bytes() == trained.artifact.file(name).read_bytes()
    for file in artifact.directory.iterdir():
        content = file.read_bytes().lower()
        for word in (b"quillfeather", b"xanthippe", b"zorblax", b"blorbo"):
            assert word not in content, file.name
