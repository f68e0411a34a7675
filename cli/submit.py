"""`helpdesk submit`: post tickets from the command line, a file, standard input or a JSONL file."""

import getpass
import json
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli.access import ticket_api
from cli.console import CommandFailed, Json, print_json, program, status_markup, stdout, table
from cli.ticket_view import print_ticket
from helpdesk.ports.store import Role
from helpdesk.tickets import AWAITS_MACHINE, Priority, Status

if TYPE_CHECKING:
    from cli.client import TicketApi

POST_THREADS = 8
POLL_S = 0.1
MOST_OPEN = 2_000


def submit(
    text: Annotated[str | None, typer.Argument(help="The ticket's text; `-` reads it from standard input.")] = None,
    file: Annotated[Path | None, typer.Option(help="Read one ticket's text from a file; `-`: standard input.")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="Post one ticket per line, each a JSON object.")] = None,
    user: Annotated[str, typer.Option(help="Who asks (default: your login name).")] = "",
    subject: Annotated[str, typer.Option(help="A subject line.")] = "",
    channel: Annotated[str, typer.Option(help="api, web, email, chat, phone, mobile or social.")] = "api",
    tier: Annotated[str, typer.Option(help="free, standard, premium or enterprise.")] = "standard",
    language: Annotated[str, typer.Option(help="The language, as `en`; left out where unknown.")] = "",
    priority: Annotated[Priority | None, typer.Option(help="The lane to take.")] = None,
    idempotency_key: Annotated[
        str, typer.Option(help="Posting again under the same key gives the same ticket; with --jsonl, a prefix.")
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the machine has decided, and show the ticket.")
    ] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.1, help="How long to wait, in seconds.")] = 120.0,
    as_json: Json = False,
) -> None:
    """Submit a ticket, or many."""
    if sum(source is not None for source in (text, file, jsonl)) != 1:
        raise typer.BadParameter("give exactly one of TEXT, --file and --jsonl")
    if jsonl is not None:
        bodies = read_jsonl(jsonl)
    else:
        description = _read(file) if file is not None else _read(Path("-")) if text == "-" else str(text)
        fields = {"user": user or getpass.getuser(), "description": description, "subject": subject}
        fields |= {"channel": channel, "customer_tier": tier, "language": language}
        bodies = [fields | ({"priority": priority.value} if priority else {})]
    names = [idempotency_key] if idempotency_key and jsonl is None else keys_for(bodies, idempotency_key)
    with ticket_api(Role.PORTAL) as api:
        results = post_all(api, bodies, names)
    accepted = [result for result in results if "ticket_id" in result]
    if wait:
        with ticket_api(Role.AGENT) as reader:
            decided = wait_for_decisions(reader, [result["ticket_id"] for result in accepted], timeout_s=timeout_s)
        results = [result | {"ticket": decided.get(result.get("ticket_id", ""))} for result in results]
    if as_json:
        print_json(results if jsonl is not None else results[0])
    else:
        _show(results, wait=wait)
    undecided = [result for result in accepted if wait and result["ticket_id"] not in decided]
    if undecided:
        raise CommandFailed(f"{len(undecided)} tickets were not decided within {timeout_s:.0f} s; they are kept.")
    if len(accepted) < len(results):
        raise CommandFailed(f"{len(results) - len(accepted)} of {len(results)} tickets were refused.")


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Return the tickets of a JSONL file.

    Raises:
        CommandFailed: a line is no JSON object, or there is none.
    """
    bodies = []
    for number, line in enumerate(_read(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
        except ValueError as error:
            raise CommandFailed(f"{path}:{number}: not JSON ({error}); write one JSON object per line.") from error
        if not isinstance(body, dict):
            raise CommandFailed(f"{path}:{number}: not a JSON object; write one ticket per line.")
        bodies.append(body)
    if not bodies:
        raise CommandFailed(f"{path} holds no tickets.")
    return bodies


def keys_for(bodies: Sequence[object], prefix: str = "") -> list[str]:
    """Return one idempotency key per ticket, so that a request that is tried again makes no second ticket."""
    name = prefix or uuid.uuid4().hex
    return [f"{name}-{number}" for number in range(1, len(bodies) + 1)]


def post_all(
    api: "TicketApi",
    bodies: Sequence[Mapping[str, Any]],
    idempotency_keys: Sequence[str],
    on_accepted: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Post tickets, several at a time; return one result each, in order: what was accepted, or its ``error``.

    Raises:
        CommandFailed: a single ticket was refused, or the first of many cannot be posted at all.
    """

    def post(body: Mapping[str, Any], key: str) -> dict[str, Any]:
        accepted: dict[str, Any] = api.post("/tickets", body, idempotency_key=key)
        on_accepted()
        return accepted

    def post_or_tell(body: Mapping[str, Any], key: str) -> dict[str, Any]:
        try:
            return post(body, key)
        except CommandFailed as error:
            return {"error": str(error)}

    if len(bodies) == 1:
        return [post(bodies[0], idempotency_keys[0])]
    api.get("/health")
    with ThreadPoolExecutor(POST_THREADS, thread_name_prefix="submit") as threads:
        return list(threads.map(post_or_tell, bodies, idempotency_keys))


def wait_for_decisions(
    api: "TicketApi",
    ticket_ids: Sequence[str],
    *,
    timeout_s: float,
    on_decided: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, Any]]:
    """Return each ticket, by id, once the machine owes it nothing more; those still open at the end are missing."""
    decided: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + timeout_s
    waiting = list(ticket_ids)
    while waiting and time.monotonic() < deadline:
        still_open = _awaiting_machine(api) if len(waiting) > 1 else set()
        for ticket_id in waiting:
            if ticket_id in still_open:
                continue
            ticket = api.get(f"/tickets/{ticket_id}")
            if ticket["status"] not in AWAITS_MACHINE:
                decided[ticket_id] = ticket
                on_decided()
        waiting = [ticket_id for ticket_id in waiting if ticket_id not in decided]
        if waiting:
            time.sleep(POLL_S)
    return decided


def _awaiting_machine(api: "TicketApi") -> set[str]:
    """Return the tickets that the machine still owes a decision, with one request per status instead of per ticket."""
    statuses = (Status.RECEIVED, Status.PROCESSING, Status.REOPENED)
    return {ticket["ticket_id"] for status in statuses for ticket in api.tickets(limit=MOST_OPEN, status=status.value)}


def _read(path: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8 text.") from error


def _show(results: Sequence[Mapping[str, Any]], *, wait: bool) -> None:
    console = stdout()
    if len(results) == 1:
        if wait and results[0]["ticket"] is not None:
            print_ticket(console, results[0]["ticket"], history=False)
        else:
            ticket_id = results[0]["ticket_id"]
            console.print(f"accepted  [bold]{ticket_id}[/]\nfollow it: {program()} show {ticket_id}")
        return
    listing = table("line", "ticket", "status", "queue" if wait else "")
    for number, result in enumerate(results, start=1):
        if "error" in result:
            listing.add_row(str(number), "", "[red]refused[/]", escape(result["error"]))
        else:
            ticket = result.get("ticket") or result
            queue = ticket.get("queue") or ""
            listing.add_row(str(number), result["ticket_id"], status_markup(ticket["status"]), queue)
    console.print(listing)
