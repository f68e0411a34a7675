"""`helpdesk demo`: the main job end to end, on embedded parts, with the same service processes as `helpdesk run`."""

import asyncio
import signal
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import CommandFailed, Json, print_json, stderr, stdout
from cli.service_names import ServiceName

if TYPE_CHECKING:
    from rich.progress import Progress

    from cli.log_lines import LogLine
    from cli.services import Service
    from helpdesk.settings import Settings

SAMPLES = Path("data") / "sample_tickets.jsonl"
Played = tuple[list[dict[str, Any]], int]
"""The decided tickets in the order of the file, and how many were accepted."""

START_LIMIT_S = 180.0
SPARE_S = 30.0
"""How much longer than a ticket's deadline the demo waits; by then a person has it, whatever has failed."""


def demo(
    file: Annotated[
        Path | None, typer.Option(help="Tickets to post, one JSON object per line (default: the sample tickets).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run sample tickets through the whole system: no server, no key, nothing kept."""
    from cli.demo_results import row, totals
    from cli.demo_table import print_table, print_totals
    from cli.submit import read_jsonl
    from helpdesk.settings import PROJECT_DIR, load_settings

    started = time.monotonic()
    bodies = read_jsonl(file or PROJECT_DIR / SAMPLES)
    configured = load_settings()
    with tempfile.TemporaryDirectory(prefix="helpdesk-demo-") as directory:
        settings = demo_settings(configured, Path(directory))
        log_file = configured.state_dir / "cache" / "demo.log"
        tickets, accepted = _until_signalled(_play(settings, bodies, log_file))
    rows = [row(ticket) for ticket in tickets]
    result = totals(rows, tickets, accepted=accepted)
    seconds = time.monotonic() - started
    if as_json:
        print_json({"tickets": [asdict(item) for item in rows], "totals": asdict(result), "seconds": round(seconds, 1)})
    else:
        console = stdout()
        print_table(console, rows)
        print_totals(console, result, seconds=seconds)
    if result.lost:
        raise CommandFailed(f"{result.lost} of {accepted} tickets have no decision; the services' log is {log_file}.")


def demo_settings(configured: "Settings", directory: Path) -> "Settings":
    """Return settings for a run in a directory of its own, on embedded parts and free ports.

    The index of the knowledge base is shared between demos: it holds nothing of a run, and building it takes time.
    """
    from cli.ports import LOOPBACK, with_ports

    index = configured.state_dir / "cache" / "knowledge"
    index.mkdir(parents=True, exist_ok=True)
    (directory / "knowledge").symlink_to(index, target_is_directory=True)
    local = {"host": LOOPBACK, "port": 0}
    embedded = {"rabbitmq_url": None, "database_url": None, "chroma_url": None, "anthropic_api_key": None}
    services = {
        "writer": configured.writer.model_copy(update={"provider": "extractive"}),
        "metrics": configured.metrics.model_copy(update={"relay_port": 0, "worker_port": 0}),
        "ticket_api": configured.ticket_api.model_copy(update=local),
        "prediction_api": configured.prediction_api.model_copy(update={**local, "url": "", "api_key": None}),
    }
    return with_ports(configured.model_copy(update={"state_dir": directory, **embedded, **services}))


def _until_signalled(playing: Coroutine[Any, Any, Played]) -> Played:
    """Run to the end, or until SIGTERM or Ctrl-C: then everything is stopped all the same."""

    async def play() -> Played:
        task = asyncio.ensure_future(playing)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(play())
    except asyncio.CancelledError:
        raise CommandFailed("stopped before all tickets were decided") from None


async def _play(settings: "Settings", bodies: list[dict[str, Any]], log_file: Path) -> Played:
    """Start everything, post the tickets, wait for the decisions, stop everything."""
    from cli.run import prepare, with_processor_key
    from cli.services import needed, plan
    from cli.supervisor import Supervisor

    with _progress() as progress, log_file.open("w", encoding="utf-8") as log:
        starting = progress.add_task("services", total=None, detail="")
        loading = progress.add_task("knowledge base", total=None, detail="")
        keys = await asyncio.to_thread(prepare, settings)
        with_key = with_processor_key(settings, keys)
        names = [name for name in needed(settings, workers=1) if name != ServiceName.AGENT_CONSOLE]
        planned = plan(with_key, names, workers=1, replace_knowledge=True)
        # No ticket comes before all are ready, so that nothing has to wait for anything while it starts.
        planned = [replace(service, after=()) for service in planned]
        progress.update(starting, total=sum(not service.one_shot for service in planned))

        def on_line(service: str, line: "LogLine") -> None:
            log.write(f"{service:<15}{line.raw}\n")

        def on_ready(service: "Service", seconds: float) -> None:
            told = f"{service.name} after {seconds:.1f} s"
            if service.one_shot:
                progress.update(loading, total=1, completed=1, detail=told)
            else:
                progress.update(starting, advance=1, detail=told)

        async with Supervisor(planned, on_line=on_line, on_ready=on_ready) as supervisor:
            await supervisor.start(limit_s=START_LIMIT_S)
            url = next(service.url for service in planned if service.name == "ticket-api")
            return await asyncio.to_thread(_post_and_wait, url, keys, bodies, settings, progress)


def _post_and_wait(
    url: str, keys: dict[str, str], bodies: list[dict[str, Any]], settings: "Settings", progress: "Progress"
) -> Played:
    from cli.client import TicketApi
    from cli.submit import keys_for, post_all, wait_for_decisions

    accepted = progress.add_task("tickets accepted", total=len(bodies), detail="")
    decided = progress.add_task("tickets decided", total=len(bodies), detail="")
    with TicketApi(url, keys["portal"]) as portal, TicketApi(url, keys["agent"]) as agent:
        results = post_all(portal, bodies, keys_for(bodies), on_accepted=lambda: progress.advance(accepted))
        refused = [f"line {number}: {item['error']}" for number, item in enumerate(results, 1) if "error" in item]
        if refused:
            raise CommandFailed(f"{len(refused)} tickets were refused; {refused[0]}")
        ids = [str(item["ticket_id"]) for item in results]
        limit_s = settings.processor.decide_within_s + SPARE_S
        found = wait_for_decisions(agent, ids, timeout_s=limit_s, on_decided=lambda: progress.advance(decided))
    return [found[ticket_id] for ticket_id in ids if ticket_id in found], len(ids)


@contextmanager
def _progress() -> Iterator["Progress"]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<17}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[bright_black]{task.fields[detail]}"),
    )
    with Progress(*columns, console=stderr()) as progress:
        yield progress
