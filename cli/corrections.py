"""`helpdesk corrections`: what agents said that tickets are really about, as rows to look at and to train on."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cli import access
from cli.app import new_app
from cli.console import CommandFailed, Json, print_json, program, stdout

if TYPE_CHECKING:
    from helpdesk.ports.store import Store
    from models.corrections import CorrectedTicket
    from models.dataset import CorrectedRows, Dataset

app = new_app("Corrections: what agents said that tickets are really about. `helpdesk correct` makes one.")

_WHY: Mapping[str, str] = {
    "unknown_intent": "of an intent that the file has not",
    "no_words": "of a ticket without words",
    "held_out": "read like a held-out row, but for one word at most",
    "contradicted": "contradicted by a later one on the same text",
    "repeated": "say what another row says already",
}


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write them; ends in .jsonl.", show_default=False)],
    after: Annotated[
        str, typer.Option(help="Only what was made after this moment, such as the `until` of a model's manifest.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Write every correction that stands as a labelled row, for `evaluate --data` and `train --data`; the file holds
    customers' words, and only its owner can read it. Tickets without words are left out."""
    from models.corrections import corrected_tickets

    if file.suffix != ".jsonl":
        raise typer.BadParameter(f"{file.name} does not end in .jsonl; JSON lines are what is written")
    since = _moment(after) if after else datetime.min.replace(tzinfo=UTC)
    with _reading_store() as store:
        made = (item for item in corrected_tickets(store) if item.correction.created_at > since)
        count = _write(file, (_row(item) for item in made if item.text.strip()))
    if as_json:
        print_json({"file": str(file), "corrections": count})
        return
    stdout().print(f"written: {count} corrections to {file}; they hold customers' words", soft_wrap=True)
    if count:
        measure = f"{program()} evaluate --data {file}"
        stdout().print(f"[bright_black]see how the live model does on them: {measure}[/]", soft_wrap=True)


def add_corrections(dataset: "Dataset") -> "Dataset":
    """Return the dataset with the store's corrections beside its training rows.

    Raises:
        StoreUnavailable: the store cannot be read.
    """
    from models.corrections import corrected_tickets, with_corrections

    with _reading_store() as store:
        return with_corrections(dataset, corrected_tickets(store))


def print_corrections(console: Console, rows: "CorrectedRows") -> None:
    """Print how many corrections take part in a training, and why others do not."""
    left_out = sum(rows.dropped.values())
    made = f", made until {rows.until:%Y-%m-%d %H:%M} UTC" if rows.until else ""
    console.print(f"[bold]corrections[/]: {len(rows.tickets)} of {len(rows.tickets) + left_out} take part{made}")
    for reason, count in rows.dropped.items():
        console.print(f"  {count} left out: {_WHY[reason]}")
    if rows.replaced:
        console.print(f"  {rows.replaced} of the file's training rows gave way: the same text under another intent")


def corrections_document(rows: "CorrectedRows | None") -> dict[str, Any] | None:
    """Return the same for `--json`; None where no corrections were asked for."""
    if rows is None:
        return None
    until = rows.until.isoformat() if rows.until else None
    return {"used": len(rows.tickets), "dropped": dict(rows.dropped), "replaced": rows.replaced, "until": until}


@contextmanager
def _reading_store() -> Iterator["Store"]:
    """Open the store as it is: who only reads does not migrate it."""
    from helpdesk.wiring import open_store

    with closing(open_store(access.settings())) as store:
        store.check()
        yield store


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is no moment with a time zone, as 2026-11-21T10:00:00Z is one")
    return moment


def _row(item: "CorrectedTicket") -> dict[str, Any]:
    correction = item.correction
    return {
        "text": item.text,
        "intent": correction.intent,
        "predicted": correction.predicted,
        "model_version": correction.model_version,
        "ticket_id": correction.ticket_id,
        "turn": correction.turn,
        "author": correction.author,
        "note": correction.note,
        "created_at": correction.created_at.isoformat(),
    }


def _write(file: Path, rows: Iterator[Mapping[str, Any]]) -> int:
    """Write the rows beside the file, then take its place; return how many there are."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    count = 0
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            for row in rows:
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        draft.replace(file)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            draft.unlink()
    return count
