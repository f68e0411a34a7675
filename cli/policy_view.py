"""Policies, their differences and what they would do, as tables for people and as documents for programs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import CommandFailed, print_json, program, stdout, table
from helpdesk.decisions import Outcome

if TYPE_CHECKING:
    from helpdesk.policy.book import PolicyChange
    from helpdesk.policy.changes import RuleChange
    from helpdesk.policy.intervals import Interval
    from helpdesk.policy.proposal import Proposal
    from helpdesk.policy.whatif import ChangedTicket, Side, WhatIf
    from helpdesk.ports.policies import PolicyVersion

SHOWN_CHANGES = 6
_STYLES = {"answer": "green", "ask": "cyan", "draft": "magenta", "route": "yellow", "unknown": "bright_black"}


@contextmanager
def refusals_shown(*, as_json: bool) -> Iterator[None]:
    """Print every problem of a policy that the block refuses, with what to do, and end the command."""
    from helpdesk.errors import PolicyRefused

    try:
        yield
    except PolicyRefused as refused:
        if as_json:
            names = ("rule", "problem", "remedy")
            print_json({"problems": [dict(zip(names, problem, strict=True)) for problem in refused.problems]})
        else:
            listing = table("rule", "what is wrong", "what to do")
            for problem in refused.problems:
                listing.add_row(*(Text(_visible(cell)) for cell in problem))
            stdout().print(listing)
        count = len(refused.problems)
        raise CommandFailed(
            f"{refused.field} is no policy: {count} {'rule' if count == 1 else 'rules'} to correct first"
        ) from refused


def print_facts(console: Console, version: "PolicyVersion") -> None:
    """Print what a version is, in one line."""
    why = f": {version.reason}" if version.reason else ""
    said = f"version {version.number} ({version.name}), {version.at:%Y-%m-%d %H:%M} UTC, by {version.by}{why}"
    console.print(Text(_visible(said), "bright_black"), soft_wrap=True)


def print_history(console: Console, rows: "Sequence[tuple[PolicyVersion, Sequence[RuleChange]]]") -> None:
    """Print versions, newest first; the first is in force."""
    listing = table("version", "name", "when", "by", "what", "why", "changes")
    for column in (0, 1, 2):
        listing.columns[column].no_wrap = True
    for place, (version, changes) in enumerate(rows):
        shown = [_change_text(change) for change in changes[:SHOWN_CHANGES]]
        more = [f"… and {len(changes) - SHOWN_CHANGES} more"] if len(changes) > SHOWN_CHANGES else []
        cells = (str(version.number), version.name, f"{version.at:%Y-%m-%d %H:%M}", version.by, version.action.value)
        why = " · ".join(part for part in (version.reason, version.source) if part)
        listing.add_row(
            *(Text(_visible(cell)) for cell in (*cells, why)),
            Text("\n".join([*shown, *more])),
            style="bold green" if place == 0 else "",
        )
    console.print(listing)
    console.print(Text(f"Version {rows[0][0].number} is in force.", "green"))


def print_proposal(console: Console, proposal: "Proposal") -> None:
    """Print how a policy differs from the one in force."""
    if not proposal.changes:
        console.print(f"No rule differs from version {proposal.base.number}, which is in force.")
    else:
        listing = table("rule", f"version {proposal.base.number}, in force", "changed")
        for change in proposal.changes:
            before, after = _shown(change.before) or "–", _shown(change.after) or "–"
            listing.add_row(Text(_visible(change.path)), Text(before, "red"), Text(after, "green"))
        console.print(listing)
    _warn_of(console, proposal.unknown_intents)


def print_change(console: Console, change: "PolicyChange", unknown_intents: Sequence[str]) -> None:
    """Print what a change did."""
    version = change.version
    if not change.is_new:
        console.print(f"Nothing changes: version {version.number} ({version.name}) says the same and stays in force.")
        return
    console.print(Text(f"Version {version.number} is in force ({version.name}).", "bold"))
    for rule in change.changes:
        console.print(Text(f"  {_change_text(rule)}"), soft_wrap=True)
    if not change.changes:
        console.print("  No rule changed; the text did.")
    _warn_of(console, unknown_intents)
    console.print(f"[bright_black]the way back: {program()} policy rollback[/]")


def print_what_if(console: Console, found: "WhatIf") -> None:
    """Print what another policy would have done."""
    if not found.total:
        console.print("\nThere are no decisions to try it on.")
        return
    span = f"{found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC"
    console.print(f"\n[bold]{found.total:,} decisions[/], {span}")
    listing = table("", "before", "after", "")
    listing.columns[1].justify = listing.columns[2].justify = "right"
    for cells in _rows(found):
        listing.add_row(*cells[:3], Text(cells[3], "bright_black"))
    console.print(listing)
    if found.before.queues != found.after.queues:
        console.print(_loads(found))
    if found.examples:
        tickets = table("ticket", "turn", "intent", "sure", "before", "after", "why")
        for example in found.examples:
            tickets.add_row(*_example(example))
        tickets.columns[0].no_wrap = True
        console.print(tickets)
    moved = found.changed + found.became_unknown
    if moved > len(found.examples):
        console.print(f"[bright_black]{moved:,} tickets would change or become unknown; --examples shows more.[/]")


def _loads(found: "WhatIf") -> Table:
    """Return how many tickets more or fewer each queue gets; queues that get as many are left out."""
    listing = table("queue", "before", "after", "change")
    for column in listing.columns[1:]:
        column.justify = "right"
    for name in sorted(found.before.queues.keys() | found.after.queues.keys()):
        before, after = found.before.queues[name], found.after.queues[name]
        if before != after:
            listing.add_row(name, f"{before:,}", f"{after:,}", f"{after - before:+,}")
    return listing


def _rows(found: "WhatIf") -> Iterator[tuple[str, str, str, str]]:
    before, after = found.before, found.after
    for outcome in Outcome:
        first, second = before.share_of(outcome), after.share_of(outcome)
        note = ""
        if outcome is Outcome.ANSWER:
            change = found.automatic_difference
            note = f"{change.value:+.1%}, 95 % between {change.low:+.1%} and {change.high:+.1%}"
        yield _title(outcome), _percent(before, outcome, first), _percent(after, outcome, second), note
    if before.unknown or after.unknown:
        lacking = "; ".join(f"{count:,} {kind.sentence}" for kind, count in after.unknown.items())
        yield "unknown", f"{before.unknown.total():,}", f"{after.unknown.total():,}", lacking
        yield (
            "answered at most",
            f"{before.answers_at_most:,}",
            f"{after.answers_at_most:,}",
            "if every unknown one went as far as the policy lets it",
        )
    note = "of the answered; 1 − calibrated confidence, 95 % interval"
    yield "wrong intents expected", _span(before.wrong), _span(after.wrong), note
    judged = (before.corrected, before.confirmed, after.corrected, after.confirmed)
    if any(judged):
        yield (
            "intents known wrong / right",
            f"{before.corrected:,} / {before.confirmed:,}",
            f"{after.corrected:,} / {after.confirmed:,}",
            "of the answered, by agents",
        )
    if any((before.unhelpful, before.helpful, after.unhelpful, after.helpful)):
        yield (
            "rated bad / good",
            f"{before.unhelpful:,} / {before.helpful:,}",
            f"{after.unhelpful:,} / {after.helpful:,}",
            "of the answered, by customers",
        )
    if found.not_by_policy:
        yield "decided by no policy", f"{found.not_by_policy:,}", f"{found.not_by_policy:,}", "they stay as they were"
    yield "change", "", f"{found.changed:,}", "another outcome or queue"


def _title(outcome: Outcome) -> str:
    titles = {"answer": "answered", "ask": "asked back", "draft": "drafted", "route": "routed"}
    return titles.get(outcome.value, outcome.value)


def _percent(side: "Side", outcome: Outcome, found: "Interval") -> str:
    return f"{side.outcomes[outcome]:,}  {found.value:.1%}"


def _span(found: "Interval") -> str:
    return f"{found.value:,.1f} ({found.low:,.0f}–{found.high:,.0f})"


def _example(ticket: "ChangedTicket") -> tuple[str | Text, ...]:
    sure = "" if ticket.confidence is None else f"{ticket.confidence:.0%}"
    before, after = _where(ticket.before, ticket.before_queue), _where(ticket.after, ticket.after_queue)
    return ticket.ticket_id, str(ticket.turn), ticket.intent or "", sure, before, after, Text(_visible(ticket.reason))


def _where(outcome: Outcome | None, queue: str | None) -> Text:
    name = outcome.value if outcome else "unknown"
    return Text(f"{name} {queue or ''}".rstrip(), _STYLES.get(name, ""))


def _warn_of(console: Console, unknown_intents: Sequence[str]) -> None:
    if unknown_intents:
        names = ", ".join(_visible(name) for name in unknown_intents)
        console.print(Text(f"No such intents: {names}. Their rules have no effect.", "yellow"), soft_wrap=True)


def _change_text(change: "RuleChange") -> str:
    if change.before is None:
        return f"{_visible(change.path)}: + {_shown(change.after)}"
    if change.after is None:
        return f"{_visible(change.path)}: − {_shown(change.before)}"
    return f"{_visible(change.path)}: {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: object) -> str:
    return "" if value is None else _visible(f"{value:g}" if isinstance(value, float) else str(value))


def version_document(version: "PolicyVersion", *, with_body: bool = False) -> dict[str, Any]:
    """Return a version as `--json` prints it."""
    document = {"name": version.name, **asdict(version), "at": version.at.isoformat()}
    if not with_body:
        del document["body"]
    return document


def history_document(version: "PolicyVersion", changes: "Sequence[RuleChange]") -> dict[str, Any]:
    """Return a version of the history as `--json` prints it."""
    return {**version_document(version), "changes": [asdict(change) for change in changes]}


def proposal_document(proposal: "Proposal") -> dict[str, Any]:
    """Return a proposal as `--json` prints it."""
    return {
        "against": proposal.base.number,
        "changes": [asdict(change) for change in proposal.changes],
        "unknown_intents": list(proposal.unknown_intents),
    }


def change_document(change: "PolicyChange", unknown_intents: Sequence[str]) -> dict[str, Any]:
    """Return a change as `--json` prints it."""
    return {
        "version": version_document(change.version),
        "is_new": change.is_new,
        "changes": [asdict(rule) for rule in change.changes],
        "unknown_intents": list(unknown_intents),
    }


def what_if_document(found: "WhatIf") -> dict[str, Any]:
    """Return what another policy would have done as `--json` prints it."""
    return {
        "decisions": found.total,
        "since": found.since.isoformat() if found.since else None,
        "until": found.until.isoformat() if found.until else None,
        "before": _side_document(found.before),
        "after": _side_document(found.after),
        "automatic_difference": asdict(found.automatic_difference),
        "changed": found.changed,
        "became_unknown": found.became_unknown,
        "not_by_policy": found.not_by_policy,
        "moves": [{"before": one, "after": other, "tickets": count} for (one, other), count in found.moves.items()],
        "examples": [{**asdict(example), "at": example.at.isoformat()} for example in found.examples],
    }


def _side_document(side: "Side") -> dict[str, Any]:
    return {
        "outcomes": {
            outcome.value: {"tickets": side.outcomes[outcome], "share": asdict(side.share_of(outcome))}
            for outcome in Outcome
        },
        "unknown": {kind.value: count for kind, count in side.unknown.items()},
        "answers_at_most": side.answers_at_most,
        "queues": dict(sorted(side.queues.items())),
        "wrong_expected": asdict(side.wrong),
        **{name: getattr(side, name) for name in ("corrected", "confirmed", "unhelpful", "helpful")},
    }


def _visible(text: str) -> str:
    """Return a text whose control characters can be seen, so that no rule and no name drives the terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
