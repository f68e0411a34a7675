"""`helpdesk replay`: decide a ticket again, from its record or with today's model and knowledge base."""

from contextlib import ExitStack, closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from cli import access
from cli.console import Json, print_json, stdout, table

if TYPE_CHECKING:
    from helpdesk.policy.replay import Replay
    from helpdesk.settings import Settings

CHANGED = 3


def replay(
    ticket_id: Annotated[str, typer.Argument(help="The ticket's id.", show_default=False)],
    turn: Annotated[int | None, typer.Option(min=1, help="Which of its decisions (default: the latest).")] = None,
    policy: Annotated[
        int | None,
        typer.Option(min=1, help="Under this version of the policy (default: its own; with --run: today's)."),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Ask today's model and knowledge base again; nothing is stored or sent.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Decide a ticket again and show both decisions side by side; exit code 3 where the record does not hold."""
    from cli.policy_options import rehearsal
    from helpdesk.knowledge.opinions import OpinionReader
    from helpdesk.policy.book import PolicyBook
    from helpdesk.wiring import open_knowledge, open_predictor

    settings = access.settings()
    with ExitStack() as stack:
        store = stack.enter_context(closing(access.store()))
        again = rehearsal(store, PolicyBook.of(settings, store))
        if run:
            found = again.run(
                ticket_id,
                turn=turn,
                number=policy,
                predictor=stack.enter_context(closing(open_predictor(_with_own_key(settings)))),
                knowledge=stack.enter_context(closing(open_knowledge(settings))),
                passages=settings.knowledge.passages,
                opinions=OpinionReader(store).look(),
            )
        else:
            found = again.replay(ticket_id, turn=turn, number=policy)
    if as_json:
        print_json(document(found))
    else:
        print_replay(stdout(), found)
    if found.warning:
        raise typer.Exit(CHANGED)


def print_replay(console: Console, found: "Replay") -> None:
    """Print a decision beside its replay."""
    listing = table("", f"recorded {found.record.at:%Y-%m-%d %H:%M} UTC", "today" if found.ran else found.policy)
    for row in found.rows:
        style = "bold yellow" if row.differs else ""
        listing.add_row(row.what.replace("_", " "), _cell(row.recorded), Text(_cell(row.replayed), style))
    console.print(listing)
    if found.unknown:
        console.print(Text(f"The outcome is {found.unknown}.", "yellow"), soft_wrap=True)
    elif found.same:
        console.print(Text("The same outcome.", "green"))
    else:
        console.print(Text.assemble(("Another outcome: ", "bold yellow"), " ".join(found.reasons)), soft_wrap=True)
    if found.note:
        console.print(Text(found.note.strip(), "bright_black"), soft_wrap=True)
    if found.warning:
        console.print(Text(found.warning, "bold red"), soft_wrap=True)


def document(found: "Replay") -> dict[str, Any]:
    """Return a replay as `--json` prints it."""
    return {
        "ticket_id": found.record.ticket_id,
        "turn": found.record.turn,
        "decided_at": found.record.at.isoformat(),
        "policy": found.policy,
        "ran": found.ran,
        "same": found.same,
        "unknown": found.unknown,
        "warning": found.warning,
        "note": found.note.strip(),
        "reasons": list(found.reasons),
        "rows": [{**asdict(row), "differs": row.differs} for row in found.rows],
    }


def _with_own_key(settings: "Settings") -> "Settings":
    """Return the settings with this machine's key for the prediction API, unless one is configured."""
    from cli.local_keys import PROCESSOR, read_keys
    from cli.run import with_processor_key

    keys = read_keys(settings.state_dir)
    return with_processor_key(settings, keys) if PROCESSOR in keys else settings


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
