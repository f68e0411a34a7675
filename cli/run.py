"""`helpdesk run`: all services, or some, on this machine until Ctrl-C."""

import asyncio
import json
import shlex
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.console import Json, print_json, program, stderr, stdout
from cli.service_names import ServiceName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cli.services import Service
    from cli.supervisor import Supervisor
    from helpdesk.settings import Settings


def run(
    services: Annotated[
        list[ServiceName] | None, typer.Argument(help="Which services (default: all that are needed).")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many worker processes.")] = 1,
    as_json: Json = False,
) -> None:
    """Run the services on this machine until Ctrl-C, which drains them."""
    from cli.ports import require_free_ports, with_ports
    from cli.services import needed, plan
    from helpdesk.settings import load_settings

    settings = with_ports(load_settings())
    names = services or needed(settings, workers=workers)
    require_free_ports(settings, names, workers=workers)
    console = stderr()
    keys = prepare(settings)
    link = first_link(settings) if ServiceName.AGENT_CONSOLE in names else None
    settings = with_processor_key(settings, keys)
    planned = plan(settings, names, workers=workers)

    def announce(supervisor: "Supervisor") -> None:
        pids = {name: child.pid for name, child in supervisor.children.items() if not child.service.one_shot}
        if as_json:
            print_json(document(settings, planned, keys, pids, link=link))
        else:
            print_overview(stdout(), settings, planned, keys, link=link)

    asyncio.run(_serve(settings, planned, console, announce, raw=as_json))


def prepare(settings: "Settings") -> dict[str, str]:
    """Bring the store's schema up to date and return this machine's API keys, made on the first run.

    Raises:
        StoreUnavailable: the database cannot be used.
    """
    from cli.local_keys import ensure_keys
    from helpdesk.wiring import open_store

    with closing(open_store(settings)) as store:
        store.migrate()
        return ensure_keys(store, settings.state_dir)


def first_link(settings: "Settings") -> str | None:
    """Return a link that lets the first operator into the desk once; None where an operator has a password."""
    from cli.ports import sign_in_url
    from helpdesk.accounts import Passwords, SignIn
    from helpdesk.wiring import open_store

    with closing(open_store(settings)) as store:
        token = SignIn(store, Passwords(), settings.agent_console).first_link()
    return None if token is None else sign_in_url(settings.agent_console, token)


def with_processor_key(settings: "Settings", keys: "Mapping[str, str]") -> "Settings":
    """Return the settings with the key that worker and prediction API share, unless one is configured."""
    from pydantic import SecretStr

    from cli.local_keys import PROCESSOR

    if settings.prediction_api.api_key is not None:
        return settings
    prediction_api = settings.prediction_api.model_copy(update={"api_key": SecretStr(keys[PROCESSOR])})
    return settings.model_copy(update={"prediction_api": prediction_api})


def curl_line(url: str, key: str) -> str:
    """Return a command that posts a ticket, ready to paste."""
    body = json.dumps({"user": "ada@example.com", "description": "Where is my parcel? It was due on Monday."})
    words = ["curl", "-sS", f"{url}/tickets", "-H", f"Authorization: Bearer {key}"]
    words += ["-H", "Content-Type: application/json", "-d", body]
    return " ".join(shlex.quote(word) for word in words)


def document(
    settings: "Settings",
    services: "Sequence[Service]",
    keys: "Mapping[str, str]",
    pids: "Mapping[str, int | None]",
    *,
    link: str | None = None,
) -> dict[str, Any]:
    """Return what `--json` prints once everything runs."""
    urls = {service.name: service.url for service in services if service.url}
    metrics = {service.name: service.metrics_url for service in services if service.metrics_url}
    result: dict[str, Any] = {
        "services": [
            {"name": name, "pid": pid, "url": urls.get(name), "metrics_url": metrics.get(name)}
            for name, pid in pids.items()
        ],
        "keys": dict(keys),
        "state_dir": str(settings.state_dir),
    }
    if "ticket-api" in urls:
        result["curl"] = curl_line(urls["ticket-api"], keys["portal"])
    if link is not None:
        result["sign_in_link"] = link
    return result


def print_overview(
    console: Console,
    settings: "Settings",
    services: "Sequence[Service]",
    keys: "Mapping[str, str]",
    *,
    link: str | None = None,
) -> None:
    """Print where everything is, the keys, and what to try."""
    from cli.local_keys import ROLES, keys_file

    urls = {service.name: service.url for service in services if service.url}
    grid = Table.grid(padding=(0, 2))
    for name, url in urls.items():
        grid.add_row(Text(name, style="bold"), Text(url, style="cyan"))
    for service in services:
        if service.metrics_url:
            grid.add_row(Text(service.name, style="bold"), Text(service.metrics_url, style="bright_black"))
    grid.add_row(Text("parts", style="bold"), Text(_parts(settings)))
    grid.add_row()
    for name, secret in keys.items():
        if ROLES[name] == name:
            grid.add_row(Text(f"{name} key", style="bold"), Text(secret, overflow="fold"))
    grid.add_row("", Text(f"saved in {keys_file(settings.state_dir)}", style="bright_black", overflow="fold"))
    title = "[bold green]Helpdesk runs[/]"
    console.print(Panel(grid, title=title, title_align="left", subtitle="Ctrl-C drains and stops", expand=False))
    if "ticket-api" in urls:
        console.print("Try it, in another terminal:", style="bold")
        console.print(Text(curl_line(urls["ticket-api"], keys["portal"])), soft_wrap=True)
        console.print(f'or: {program()} submit "Where is my parcel?" --wait\n')
    if link is not None:
        minutes = round(settings.agent_console.link_s / 60)
        console.print(f"Open the desk with this link; it works once, within {minutes} minutes:", style="bold")
        console.print(Text(link, style="cyan"), soft_wrap=True)
        console.print()
    elif "agent-console" in urls:
        console.print(f"[bold]The desk[/] is at {urls['agent-console']}\n")


def _parts(settings: "Settings") -> str:
    return ", ".join(
        (
            "SQLite" if settings.database_url is None else "PostgreSQL",
            "embedded queue" if settings.rabbitmq_url is None else "RabbitMQ",
            "local knowledge index" if settings.chroma_url is None else "Chroma server",
            "extractive answers" if settings.writer_provider == "extractive" else f"answers by {settings.writer.model}",
        )
    )


async def _serve(
    settings: "Settings", services: "Sequence[Service]", console: Console, announce: Any, *, raw: bool
) -> None:
    """Keep the services running until a signal; a second one ends them at once."""
    from cli.log_lines import LogPrinter
    from cli.supervisor import Supervisor

    stop = asyncio.Event()
    printer = LogPrinter(console, level=settings.log.level, raw=raw or settings.log.format == "json")

    def on_ready(service: "Service", seconds: float) -> None:
        if not raw:
            console.print(f"[green]✓[/] [bold]{service.name}[/] ready after {seconds:.1f} s  {service.url}")

    async with Supervisor(services, on_line=printer, on_ready=on_ready) as supervisor:

        def on_signal() -> None:
            if stop.is_set():
                supervisor.kill()
            elif not raw:
                console.print("[bold]stopping[/]: what was begun is finished; Ctrl-C again ends at once")
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        starting = asyncio.ensure_future(supervisor.start())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            starting.result()
            announce(supervisor)
            await supervisor.watch(stop)
        else:
            starting.cancel()
    if not raw:
        console.print("[bold]stopped[/]")
