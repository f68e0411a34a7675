"""`helpdesk sla`: what is promised for which ticket, and whether a policy file fits."""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli import access
from cli.app import new_app
from cli.console import Json, print_json, stdout, table

if TYPE_CHECKING:
    from helpdesk.sla import Rule, SlaPolicy

app = new_app("Deadlines: what is promised for which ticket, and in whose business hours.")

PolicyFile = Annotated[
    Path | None, typer.Argument(help="A policy file (default: the one of the settings).", show_default=False)
]


@app.command("show")
def show(file: PolicyFile = None, as_json: Json = False) -> None:
    """Show the rules in their order; the first that fits a ticket counts."""
    path, policy = _read(file)
    if as_json:
        print_json(_document(path, policy))
        return
    console = stdout()
    console.print(f"SLA policy {policy.name}, {escape(str(path))}")
    listing = table("", "queues", "priority", "customers", "first reply", "resolution", "hours of", "comes near after")
    for number, rule in enumerate(policy.rules, start=1):
        raises = ", then high priority" if rule.raise_priority else ""
        listing.add_row(
            str(number),
            ", ".join(rule.queues or ("any",)),
            rule.priority or "any",
            ", ".join(rule.tiers or ("any",)),
            _length(rule.first_reply),
            _length(rule.resolution),
            escape(rule.calendar),
            f"{rule.soon_after:.0%}{raises}",
        )
    console.print(listing)
    for name, calendar in _document(path, policy)["calendars"].items():
        hours = "; ".join(f"{day} {', '.join(shifts)}" for day, shifts in calendar["hours"].items())
        console.print(f"[bold]{escape(name)}[/] ({calendar['time_zone']}): {hours}")
        coming = [day for day in calendar["holidays"] if day >= date.today().isoformat()]
        if coming:
            more = f" and {len(coming) - 5} more" if len(coming) > 5 else ""
            console.print(f"  closed on {', '.join(coming[:5])}{more}", style="bright_black")


@app.command("check")
def check(file: PolicyFile = None, as_json: Json = False) -> None:
    """Say whether a policy file fits: exit code 0, or 1 with what is wrong and what to do."""
    path, policy = _read(file)
    if as_json:
        print_json({"file": str(path), "policy": policy.name})
    else:
        stdout().print(f"{escape(str(path))} fits: SLA policy {policy.name}, {len(policy.rules)} rules.")


def _read(file: Path | None) -> "tuple[Path, SlaPolicy]":
    from helpdesk.sla import load_sla_policy

    path = file or access.settings().sla.policy_file
    return path, load_sla_policy(path)


def _document(path: Path, policy: "SlaPolicy") -> dict[str, Any]:
    return {
        "file": str(path),
        "policy": policy.name,
        "calendars": {
            name: {
                "time_zone": str(calendar.time_zone),
                "hours": {
                    day: [f"{_clock(start)}-{_clock(end)}" for start, end in shifts]
                    for day, shifts in calendar.hours.items()
                    if shifts
                },
                "holidays": [day.isoformat() for day in sorted(calendar.holidays)],
            }
            for name, calendar in policy.calendars.items()
        },
        "rules": [_rule(rule) for rule in policy.rules],
    }


def _rule(rule: "Rule") -> dict[str, Any]:
    return rule.model_dump(mode="json") | {
        "first_reply": _length(rule.first_reply),
        "resolution": _length(rule.resolution),
    }


def _length(span: timedelta) -> str:
    hours, minutes = divmod(span // timedelta(minutes=1), 60)
    return " ".join(part for part in (f"{hours}h" if hours else "", f"{minutes}min" if minutes else "") if part)


def _clock(minute: int) -> str:
    """Return a minute since midnight as the clock shows it; 24:00 is the end of the same day."""
    return "24:00" if minute == 1440 else f"{minute // 60 % 24:02}:{minute % 60:02}"
