"""`helpdesk policy`: what may be automated: look at it, try a change on past decisions, put it into force, go back."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import access
from cli import policy_view as view
from cli.app import new_app
from cli.console import CommandFailed, Json, print_json, stderr, stdout
from cli.policy_options import (
    AutonomyOption,
    EvidenceOption,
    FloorOption,
    Last,
    ThresholdOption,
    UpsetOption,
    known_intents,
    rehearsal,
    single_changes,
)
from helpdesk.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helpdesk.policy.book import PolicyBook, PolicyChange, PolicyOrigin
    from helpdesk.policy.proposal import Proposal
    from helpdesk.policy.whatif import WhatIf
    from helpdesk.ports.store import Store

app = new_app("The decision policy: what may be automated, and what is kept for people.")

Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Number = Annotated[int | None, typer.Option("--version", min=1, help="Which version (default: the one in force).")]
Against = Annotated[
    int | None, typer.Option(min=1, help="The version that is meant to be in force; refused where another one is.")
]
File = Annotated[Path, typer.Argument(help="A policy in YAML.", show_default=False)]
Examples = Annotated[int, typer.Option(min=0, max=1000, help="How many changed tickets to name.")]


@app.command("show")
def show(number: Number = None, as_json: Json = False) -> None:
    """Print a version as YAML, ready to be edited and applied; what it is goes to standard error."""
    from helpdesk.policy.book import numbered

    with _book() as (book, _):
        version = book.version(number)
    if as_json:
        print_json(view.version_document(version, with_body=True))
        return
    view.print_facts(stderr(), version)
    typer.echo(numbered(version).rstrip("\n"))


@app.command("history")
def history(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20, as_json: Json = False
) -> None:
    """List the versions, newest first: when, by whom, why, and what each changed."""
    from helpdesk.policy.book import changes_between

    with _book() as (book, _):
        versions = book.versions(limit=limit + 1)
    rows = [
        (version, changes_between(versions[place + 1], version) if place + 1 < len(versions) else [])
        for place, version in enumerate(versions[:limit])
    ]
    if as_json:
        print_json({"versions": [view.history_document(version, changes) for version, changes in rows]})
        return
    view.print_history(stdout(), rows)


@app.command("check")
def check(file: File, as_json: Json = False) -> None:
    """Say what is wrong with a policy, and how it differs from the one in force; ends with 1 where it does not fit."""
    with _book() as (book, _), view.refusals_shown(as_json=as_json):
        proposal = _from_file(book, file)
    if as_json:
        print_json({"problems": [], **view.proposal_document(proposal)})
        return
    view.print_proposal(stdout(), proposal)
    stdout().print("[green]It can be applied.[/]")


@app.command("diff")
def diff(
    target: Annotated[str, typer.Argument(help="A policy file, or the number of a version.", show_default=False)],
    last: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Also: what it would have done to so many decisions.")
    ] = 0,
    examples: Examples = 10,
    as_json: Json = False,
) -> None:
    """Show how a policy differs from the one in force, rule by rule, and what it would have done."""
    with _book() as (book, store), view.refusals_shown(as_json=as_json):
        proposal = _from_target(book, target)
        found = _rehearsed(store, book, proposal, last, examples) if last else None
    _show(proposal, found, as_json=as_json)


@app.command("whatif")
def what_if(
    threshold: ThresholdOption = None,
    autonomy: AutonomyOption = None,
    floor: FloorOption = None,
    evidence: EvidenceOption = None,
    upset_at: UpsetOption = None,
    file: Annotated[Path | None, typer.Option(help="Take the policy from this file instead.")] = None,
    last: Last = 5000,
    intent: Annotated[str | None, typer.Option(help="Only decisions with this intent.")] = None,
    since: Annotated[str, typer.Option(help="Only decisions since: 7d, 12h, 2026-11-21.")] = "",
    examples: Examples = 10,
    as_json: Json = False,
) -> None:
    """Show what a change would have done to the last decisions; nothing is changed."""
    from cli.window import parse_moment
    from helpdesk.ports.decision_log import DecisionFilter

    changes = single_changes(threshold, autonomy, floor, evidence, upset_at)
    if file is not None and changes:
        raise typer.BadParameter("give --file or single changes")
    wanted = DecisionFilter(intent=intent, since=parse_moment(since, now=utc_now()) if since else None)
    with _book() as (book, store), view.refusals_shown(as_json=as_json):
        from helpdesk.policy.proposal import proposed_changes

        proposal = _from_file(book, file) if file else proposed_changes(book, changes, known=known_intents())
        with stderr().status("deciding again"):
            found = rehearsal(store, book).what_if(proposal.policy, last=last, wanted=wanted, examples=examples)
    _show(proposal, found, as_json=as_json)


@app.command("apply")
def apply(
    file: Annotated[Path | None, typer.Argument(help="A policy in YAML (or give changes).", show_default=False)] = None,
    threshold: ThresholdOption = None,
    autonomy: AutonomyOption = None,
    floor: FloorOption = None,
    evidence: EvidenceOption = None,
    upset_at: UpsetOption = None,
    against: Against = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Put a policy into force, as a new version; workers take it up within seconds.

    A file is refused where its `version` is not the one in force: it was made from another, or say --against.
    """
    from helpdesk.policy.proposal import proposed_changes

    changes = single_changes(threshold, autonomy, floor, evidence, upset_at)
    if (file is None) == (not changes):
        raise typer.BadParameter("give a file, or single changes such as --autonomy get_refund=draft")
    if not reason.strip():
        raise typer.BadParameter("say why, with --reason: it stays in the history")
    with _book() as (book, _), view.refusals_shown(as_json=as_json):
        proposal = _from_file(book, file) if file else proposed_changes(book, changes, known=known_intents())
        made_from = proposal.policy.version
        if file is not None and against is None and made_from != proposal.base.number:
            raise CommandFailed(
                f"{file} says that it was made from version {made_from}, and version {proposal.base.number} is in "
                f"force. See `helpdesk policy diff {file}`; then write version: {proposal.base.number} into it, or "
                f"give --against {proposal.base.number}."
            )
        change = book.apply(
            proposal.body, _origin(str(file or "single changes"), reason), against=against or proposal.base.number
        )
    _done(change, proposal.unknown_intents, as_json=as_json)


@app.command("rollback")
def roll_back(
    number: Annotated[
        int | None, typer.Argument(min=1, help="Which version (default: the one before).", show_default=False)
    ] = None,
    against: Against = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Put an earlier version into force again, as a new one with the same rules."""
    with _book() as (book, _):
        change = book.roll_back(_origin("", reason), to=number, against=against)
    _done(change, (), as_json=as_json)


@contextmanager
def _book() -> "Iterator[tuple[PolicyBook, Store]]":
    from helpdesk.policy.book import PolicyBook

    with closing(access.store()) as store:
        yield PolicyBook.of(access.settings(), store), store


def _origin(source: str, reason: str) -> "PolicyOrigin":
    from helpdesk.policy.book import PolicyOrigin

    return PolicyOrigin(by=access.user(), source=source, reason=reason)


def _from_file(book: "PolicyBook", file: Path) -> "Proposal":
    from helpdesk.policy.proposal import proposed_text
    from helpdesk.policy.rules import read_policy_file

    return proposed_text(book, read_policy_file(file), where=str(file), known=known_intents())


def _from_target(book: "PolicyBook", target: str) -> "Proposal":
    from helpdesk.policy.proposal import proposed_text

    if target.isascii() and target.isdigit() and not Path(target).exists():
        version = book.version(int(target))
        return proposed_text(book, version.body, where=f"version {version.number}", known=known_intents())
    return _from_file(book, Path(target))


def _rehearsed(store: "Store", book: "PolicyBook", proposal: "Proposal", last: int, examples: int) -> "WhatIf":
    with stderr().status("deciding again"):
        return rehearsal(store, book).what_if(proposal.policy, last=last, examples=examples)


def _show(proposal: "Proposal", found: "WhatIf | None", *, as_json: bool) -> None:
    if as_json:
        whatif = {"what_if": view.what_if_document(found)} if found else {}
        print_json(view.proposal_document(proposal) | whatif)
        return
    view.print_proposal(stdout(), proposal)
    if found:
        view.print_what_if(stdout(), found)


def _done(change: "PolicyChange", unknown: "Sequence[str]", *, as_json: bool) -> None:
    if as_json:
        print_json(view.change_document(change, unknown))
    else:
        view.print_change(stdout(), change, unknown)
