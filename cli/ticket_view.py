"""One ticket as people read it: state, decision and why, conversation, draft, history."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.console import age, clock_time, due, status_markup

_AUTHOR_STYLES = {"customer": "cyan", "machine": "green", "agent": "magenta"}


def print_ticket(console: Console, ticket: Mapping[str, Any], *, history: bool = True) -> None:
    """Print a ticket, in the customer's view or with all that agents see."""
    head = f"[bold]{escape(ticket['subject'] or first_words(ticket))}[/]  {status_markup(ticket['status'])}"
    console.print(Panel(_facts(ticket), title=head, title_align="left", border_style="bright_black"))
    for decision in ticket.get("decisions", ())[-1:]:
        console.print(_decision(decision))
    for message in ticket["conversation"]:
        what = f"{message['author']} asks back" if message.get("is_question") else message["author"]
        console.print(_message(message, f"{what} · {age(message['created_at'])} ago"))
    for answer in ticket["answers"]:
        if answer.get("sent", True):
            console.print(_sources(answer))
        else:
            console.print(_message(answer, "draft, not sent"), _sources(answer))
    if history:
        console.print(_history(ticket))


def first_words(ticket: Mapping[str, Any]) -> str:
    """Return the customer's first line, where the view holds the conversation; else the id."""
    texts = [message["text"] for message in ticket.get("conversation", ()) if message["author"] == "customer"]
    lines = [line.strip() for line in texts[0].splitlines() if line.strip()] if texts else []
    return lines[0][:80] if lines else str(ticket["ticket_id"])


def _facts(ticket: Mapping[str, Any]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for name, value in _fact_rows(ticket):
        grid.add_row(Text(name, style="bright_black"), value)
    return grid


def _fact_rows(ticket: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    yield "ticket", Text(ticket["ticket_id"])
    sender = [str(ticket[name]) for name in ("user", "channel", "customer_tier") if ticket.get(name)]
    yield "from", Text(" · ".join(sender))
    yield "created", Text(f"{age(ticket['created_at'])} ago, turn {ticket['turn']}, priority {ticket['priority']}")
    if ticket.get("queue"):
        yield "queue", Text(f"{ticket['queue']}: {ticket['queue_reason']}")
    if ticket.get("first_reply_due_at") or ticket.get("resolution_due_at"):
        yield "deadlines", Text.from_markup("; ".join(_deadlines(ticket)))
    if ticket.get("claimed_by"):
        yield "with", Text(f"{ticket['claimed_by']} until {clock_time(ticket['claimed_until'])}")
    if ticket.get("intent"):
        mood = "" if ticket["sentiment"] is None else f", sentiment {ticket['sentiment']:+.2f}"
        yield "intent", Text(f"{ticket['intent']}, {ticket['confidence']:.0%} sure{mood}")
    for correction in {made["turn"]: made for made in ticket.get("corrections", ())}.values():
        said = {"right": ", as the model had said", "wrong": f", not {correction['predicted']}"}
        agent = f" (turn {correction['turn']}, by {correction['author']})"
        yield "corrected", Text(correction["intent"] + said.get(correction["verdict"], "") + agent)


def _deadlines(ticket: Mapping[str, Any]) -> Iterator[str]:
    """Yield how each target stands, as markup."""
    by = {"machine": "by the machine", "agent": "by a person"}.get(ticket["first_replied_by"] or "", "")
    targets = (
        ("first reply", ticket["first_reply_due_at"], ticket["first_reply_sla"], ticket["first_replied_at"], by),
        ("resolution", ticket["resolution_due_at"], ticket["resolution_sla"], ticket["paused_at"], ""),
    )
    for name, due_at, state, stopped_at, by_whom in targets:
        if stopped_at is None and ticket["paused_at"] is None:
            yield f"{name} {due(due_at, state)}"
        elif stopped_at is not None and due_at is not None:
            yield f"{name} {'missed' if state == 'breached' else 'in time'} {by_whom}".strip()


def _decision(decision: Mapping[str, Any]) -> RenderableType:
    where = f" to {decision['queue']}" if decision["queue"] else ""
    reasons = " ".join(reason["text"] for reason in decision["reasons"])
    versions = ", ".join(f"{name} {version}" for name, version in decision["versions"].items() if version)
    taken = " · ".join(f"{stage} {ms:.0f} ms" for stage, ms in decision["duration_ms"].items())
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        Text("decision", "bright_black"), Text.assemble((f"{decision['outcome']}{where}", "bold"), f"  {reasons}")
    )
    lines = (versions, taken, _cost(decision))
    grid.add_row("", Text("\n".join(line for line in lines if line), style="bright_black"))
    return Group(grid, Text())


def _cost(decision: Mapping[str, Any]) -> str:
    if not decision["usage"]:
        return ""
    tokens = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in decision["usage"].items())
    cost = decision["cost_usd"]
    return f"{tokens} · {'price not known' if cost is None else f'{cost:.5f} USD'}"


def _message(message: Mapping[str, Any], title: str) -> RenderableType:
    style = _AUTHOR_STYLES.get(message["author"], "default")
    name = message.get("author_name", "")
    label = f"{name} ({title})" if name else title
    return Panel(Text(message["text"]), title=escape(label), title_align="left", border_style=style)


def _sources(answer: Mapping[str, Any]) -> RenderableType:
    lines = {f"  source: {citation['title']}  {citation['url']}".rstrip(): None for citation in answer["citations"]}
    return Text("\n".join(lines), style="bright_black")


def _history(ticket: Mapping[str, Any]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for step in ticket["history"]:
        name = step.get("actor_name") or step["actor"]
        done = step.get("action") or ("submit" if step["status"] == "received" else "note")
        moment = Text(step["at"][11:23], style="bright_black")
        grid.add_row(moment, Text(done), status_markup(step["status"]), Text(name), Text(step.get("reason", "")))
    return Panel(grid, title="history (UTC)", title_align="left", border_style="bright_black")
