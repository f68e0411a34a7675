"""Deadlines and results on the command line: the policy shown and checked, lists by deadline, results counted apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.console import due
from helpdesk.clock import utc_now
from helpdesk.settings import SlaSettings
from tests.command_line import CommandLine, on_this_machine
from tests.factories import NOON
from tests.live_ticket_api import LiveTicketApi, running


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    with running(tmp_path_factory.mktemp("service")) as live:
        yield live


@pytest.fixture
def helpdesk(api: LiveTicketApi, tmp_path: Path) -> Iterator[CommandLine]:
    with on_this_machine(api, tmp_path) as command_line:
        yield command_line


def test_the_policy_in_force_is_shown_rule_by_rule(helpdesk: CommandLine) -> None:
    shown = helpdesk.json("sla", "show")
    assert shown["file"] == str(SlaSettings().policy_file)
    assert shown["rules"][-1]["first_reply"] == "8h"
    assert shown["calendars"]["office"]["hours"]["sat"] == ["09:00-14:00"]
    text = helpdesk.text("sla", "show")
    assert "INTERVENTION" in text
    assert "office (Europe/Berlin): mon 08:00-18:00" in text


def test_a_file_that_fits_is_said_to_fit_and_one_that_does_not_is_one_line(
    helpdesk: CommandLine, tmp_path: Path
) -> None:
    copy = tmp_path / "sla.yaml"
    copy.write_bytes(SlaSettings().policy_file.read_bytes())
    assert "fits: SLA policy 1-" in helpdesk.text("sla", "check", str(copy))
    assert helpdesk.json("sla", "check", str(copy))["policy"].startswith("1-")
    copy.write_text(copy.read_text(encoding="utf-8").replace("Europe/Berlin", "Berlin"), encoding="utf-8")
    said = helpdesk.error("sla", "check", str(copy))
    assert f"{copy}: calendars.office.time_zone: 'Berlin': no such time zone; write a name of the IANA database" in said


def test_tickets_are_listed_by_their_deadlines(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    normal, urgent, answered = api.submit(subject="normal"), api.submit(priority="high"), api.submit()
    api.answer(answered, "Here it is.")
    listed = [ticket["ticket_id"] for ticket in helpdesk.json("tickets", "--sort", "due")["tickets"]]
    assert listed.index(urgent) < listed.index(normal)
    assert answered not in listed
    assert helpdesk.json("tickets", "--sla", "breached")["tickets"] == []
    assert "due" in helpdesk.text("tickets", "--sort", "due").splitlines()[1]


def test_a_ticket_is_shown_with_its_deadlines(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    ticket_id = api.submit()
    assert "first reply in" in helpdesk.text("show", ticket_id)
    api.answer(ticket_id, "Here it is.")
    assert "first reply in time by the machine; resolution in time" in helpdesk.text("show", ticket_id)
    shown = helpdesk.json("show", ticket_id)
    assert (shown["sla"], shown["due_at"], shown["first_replied_by"]) == ("ok", None, "machine")


def test_queues_show_what_is_due_soon_missed_and_upset(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    api.route(api.submit(), "INVOICE")
    [queue] = [queue for queue in helpdesk.json("queues")["queues"] if queue["queue"] == "INVOICE"]
    assert {queue[name] for name in ("due_soon", "breached", "upset")} == {0}
    header = helpdesk.text("queues").splitlines()[1]
    assert [name for name in ("due soon", "missed", "upset") if name in header] == ["due soon", "missed", "upset"]


def test_results_are_counted_apart_for_the_machine_and_for_people(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    before = helpdesk.json("results")
    helped, not_helped, by_person = api.submit(), api.submit(user="bea"), api.submit(user="carl")
    for ticket_id, score in ((helped, 5), (not_helped, 1)):
        api.answer(ticket_id, "Here it is.")
        api.client("portal").post(f"/tickets/{ticket_id}/feedback", json={"score": score})
    api.route(by_person)
    api.client("agent").post(f"/tickets/{by_person}/claim")
    api.client("agent").post(f"/tickets/{by_person}/reply", json={"text": "Done."})
    found = helpdesk.json("results", "--since", "1d", "--days", "3")

    def more(group: str, result: str) -> int:
        return int(found[group][result] - before[group][result])

    assert found["watched_days"] == 3
    assert [more("automatic_total", name) for name in ("answers", "confirmed", "unhelpful", "open")] == [2, 1, 1, 0]
    assert [more("people_total", name) for name in ("answers", "confirmed", "open")] == [1, 0, 1]
    assert more("first_replies_automatic", "in_time") == 2
    assert more("first_replies_people", "in_time") == 1
    text = helpdesk.text("results")
    assert "Automatic answers" in text
    assert "People's answers" in text
    assert "first reply, by a person" in text


def test_a_period_that_ends_before_it_begins_is_bad_usage(helpdesk: CommandLine) -> None:
    assert helpdesk.run("results", "--since", "1d", "--until", "2d").exit_code == 2


def test_a_deadline_is_said_as_what_is_left_or_how_late_it_is() -> None:
    assert due(NOON.isoformat(), "ok", now=NOON.replace(hour=9)) == "[default]in 3 h[/]"
    assert due(NOON.isoformat(), "breached", now=NOON.replace(hour=14)) == "[red]2 h late[/]"
    assert due(None, "breached", now=utc_now()) == "[red]missed[/]"
    assert due(None, "ok", now=utc_now()) == ""
