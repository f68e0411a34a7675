"""Submitting, looking, and working the desk from the command line, against a live ticket API on SQLite."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.client import TicketApi
from cli.console import program
from cli.submit import keys_for, post_all
from helpdesk.clock import utc_now
from tests.command_line import CommandLine, on_this_machine
from tests.factories import make_citation, make_dead_letter, make_decision
from tests.live_ticket_api import LiveTicketApi, running


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    with running(tmp_path_factory.mktemp("service")) as live:
        yield live


@pytest.fixture
def helpdesk(api: LiveTicketApi, tmp_path: Path) -> Iterator[CommandLine]:
    with on_this_machine(api, tmp_path) as command_line:
        yield command_line


def routed(api: LiveTicketApi, helpdesk: CommandLine, queue: str = "REFUND") -> str:
    ticket_id = str(helpdesk.json("submit", "My refund is late.", "--user", "ada")["ticket_id"])
    api.route(ticket_id, queue)
    return ticket_id


# Submit


def test_a_submitted_text_is_a_ticket_that_show_shows(helpdesk: CommandLine) -> None:
    accepted = helpdesk.json(
        "submit",
        "Where is my parcel?",
        "--user",
        "ada",
        "--subject",
        "Parcel",
        "--channel",
        "web",
        "--priority",
        "high",
    )
    shown = helpdesk.json("show", accepted["ticket_id"])
    assert shown["conversation"][0]["text"] == "Where is my parcel?"
    assert [shown[name] for name in ("user", "subject", "channel", "priority")] == ["ada", "Parcel", "web", "high"]


def test_people_read_how_to_follow_their_ticket(helpdesk: CommandLine) -> None:
    printed = helpdesk.text("submit", "Where is my parcel?")
    ticket_id = printed.split()[1]
    assert f"{program()} show {ticket_id}" in printed
    assert "Where is my parcel?" in helpdesk.text("show", ticket_id)


@pytest.mark.parametrize("arguments", [("-",), ("--file", "-")])
def test_a_text_is_read_from_standard_input(helpdesk: CommandLine, arguments: tuple[str, ...]) -> None:
    accepted = helpdesk.json("submit", *arguments, stdin="Größe 42?\nDanke")
    assert helpdesk.json("show", accepted["ticket_id"])["conversation"][0]["text"] == "Größe 42?\nDanke"


def test_a_text_is_read_from_a_file(helpdesk: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mail.txt").write_text("Two\nlines")
    accepted = helpdesk.json("submit", "--file", str(tmp_path / "mail.txt"))
    assert helpdesk.json("show", accepted["ticket_id"])["conversation"][0]["text"] == "Two\nlines"


def test_every_line_of_a_jsonl_file_becomes_a_ticket_in_order(helpdesk: CommandLine, tmp_path: Path) -> None:
    lines = [json.dumps({"user": "ada", "description": f"ticket {number}"}) for number in range(20)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines) + "\n\n")
    results = helpdesk.json("submit", "--jsonl", str(tmp_path / "many.jsonl"))
    texts = [helpdesk.json("show", result["ticket_id"])["conversation"][0]["text"] for result in results]
    assert texts == [f"ticket {number}" for number in range(20)]


def test_a_refused_line_leaves_the_others_accepted_and_is_told(helpdesk: CommandLine, tmp_path: Path) -> None:
    lines = [{"user": "ada", "description": "fine"}, {"user": "ada"}, {"user": "ada", "description": "fine too"}]
    (tmp_path / "many.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = helpdesk.run("submit", "--jsonl", str(tmp_path / "many.jsonl"), "--json")
    assert result.exit_code == 1
    first, second, third = json.loads(result.stdout)
    assert "ticket_id" in first
    assert "description" in second["error"]
    assert "ticket_id" in third
    assert "1 of 3 tickets were refused" in result.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [(b'{"user": 1}\n{', ":2: not JSON"), (b"[1]", ":1: not a JSON object"), (b"\n", "no tickets"), (b"\xff", "UTF-8")],
)
def test_a_file_that_cannot_be_read_is_refused_before_anything_is_posted(
    helpdesk: CommandLine, tmp_path: Path, content: bytes, told: str
) -> None:
    before = len(helpdesk.json("tickets", "--limit", "1000")["tickets"])
    (tmp_path / "bad.jsonl").write_bytes(content)
    assert told in helpdesk.error("submit", "--jsonl", str(tmp_path / "bad.jsonl"))
    assert len(helpdesk.json("tickets", "--limit", "1000")["tickets"]) == before


def test_a_missing_file_is_one_line(helpdesk: CommandLine) -> None:
    assert "cannot be read" in helpdesk.error("submit", "--file", "nothing.txt")


def test_the_same_idempotency_key_gives_the_same_ticket(helpdesk: CommandLine) -> None:
    first, second = (helpdesk.json("submit", "Once", "--idempotency-key", "order-7", "--user", "a") for _ in range(2))
    assert first["ticket_id"] == second["ticket_id"]
    assert "another body" in helpdesk.error("submit", "Twice", "--idempotency-key", "order-7", "--user", "a")


def test_a_request_is_tried_again_without_a_second_ticket(api: LiveTicketApi) -> None:
    with TicketApi(api.url, api.keys["portal"]) as client:
        body = [{"user": "ada", "description": "again"}]
        names = keys_for(body)
        assert post_all(client, body, names) == post_all(client, body, names)


def test_a_blank_text_is_refused_with_the_field_and_a_remedy(helpdesk: CommandLine) -> None:
    assert "description" in helpdesk.error("submit", "   ")


@pytest.mark.parametrize("arguments", [(), ("text", "--file", "f"), ("text", "--jsonl", "f")])
def test_anything_but_one_source_is_bad_usage(helpdesk: CommandLine, arguments: tuple[str, ...]) -> None:
    result = helpdesk.run("submit", *arguments)
    assert result.exit_code == 2
    assert "exactly one" in result.output


def test_waiting_returns_when_the_ticket_is_decided(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    def decide() -> None:
        known = {ticket["ticket_id"] for ticket in before}
        while True:
            with TicketApi(api.url, api.keys["agent"]) as client:
                new = [ticket for ticket in client.tickets(limit=1000) if ticket["ticket_id"] not in known]
            if new:
                api.route(new[0]["ticket_id"], "GENERAL", "Nobody knows.")
                return
            time.sleep(0.05)

    before = helpdesk.json("tickets", "--limit", "1000")["tickets"]
    worker = threading.Thread(target=decide)
    worker.start()
    result = helpdesk.json("submit", "What is the capital of Mongolia?", "--wait", "--timeout", "20")
    worker.join()
    assert result["ticket"]["status"] == "queued"
    assert result["ticket"]["queue_reason"] == "Nobody knows."


def test_waiting_ends_at_its_limit_and_says_that_the_ticket_is_kept(helpdesk: CommandLine) -> None:
    result = helpdesk.run("submit", "Nobody decides this.", "--wait", "--timeout", "0.3")
    assert result.exit_code == 1
    assert "they are kept" in result.stderr


# Look


def test_a_ticket_is_shown_with_its_decision_draft_source_and_history(
    api: LiveTicketApi, helpdesk: CommandLine
) -> None:
    ticket_id = routed(api, helpdesk)
    api.answer(ticket_id, "Within 14 days.", sent=False, citations=(make_citation(title="Refund times"),))
    with api.store.transaction() as tx:
        tx.add_decisions([make_decision(tx.ticket(ticket_id))])
    shown = helpdesk.text("show", ticket_id)
    for part in (
        "My refund is late.",
        "draft, not sent",
        "Within 14 days.",
        "Refund times",
        "0.97, at least 0.90",
        "route",
    ):
        assert part in shown


def test_tickets_are_filtered_and_paged(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    for number in range(3):
        helpdesk.json("submit", f"Page {number}", "--user", "pager")
    mine = helpdesk.json("tickets", "--user", "pager")["tickets"]
    assert len(mine) == 3
    assert [
        ticket["ticket_id"] for ticket in helpdesk.json("tickets", "--user", "pager", "--limit", "2")["tickets"]
    ] == [ticket["ticket_id"] for ticket in mine[:2]]
    with TicketApi(api.url, api.keys["agent"]) as client:
        assert len(list(client.tickets(limit=10, user="pager"))) == 3
    assert mine[0]["ticket_id"] in helpdesk.text("tickets", "--user", "pager", "--status", "received")


def test_no_ticket_within_the_filters_says_what_to_do(helpdesk: CommandLine) -> None:
    assert "lists all" in helpdesk.text("tickets", "--user", "nobody")


def test_an_unknown_ticket_is_one_line(helpdesk: CommandLine) -> None:
    assert "There is no ticket" in helpdesk.error("show", "0" * 32)


# The desk


def test_a_claimed_ticket_is_answered_and_resolved(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    ticket_id = routed(api, helpdesk, "INVOICE")
    waiting = {queue["queue"]: queue["waiting"] for queue in helpdesk.json("queues")["queues"]}
    assert waiting["INVOICE"] == 1
    assert helpdesk.json("claim", "invoice")["ticket_id"] == ticket_id
    replied = helpdesk.json("reply", ticket_id, "It is on its way.", "--resolve")
    assert replied["status"] == "resolved"
    assert replied["answers"][-1]["text"] == "It is on its way."
    assert helpdesk.json("reopen", ticket_id, "--note", "wrong invoice")["queue"] == "INVOICE"


def test_the_most_urgent_ticket_of_all_queues_comes_first(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    while helpdesk.json("claim") is not None:
        pass
    old = routed(api, helpdesk, "ORDER")
    new = routed(api, helpdesk, "ACCOUNT")
    urgent = str(helpdesk.json("submit", "Now!", "--priority", "high")["ticket_id"])
    api.route(urgent, "SHIPPING")
    assert [helpdesk.json("claim")["ticket_id"] for _ in range(3)] == [urgent, old, new]
    assert helpdesk.json("claim") is None
    assert "Nothing waits" in helpdesk.text("claim")
    assert "Nothing waits in ORDER" in helpdesk.text("claim", "order")


def test_a_ticket_is_claimed_by_its_id_moved_and_given_back(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    ticket_id = routed(api, helpdesk)
    shown = helpdesk.text("claim", "--ticket", ticket_id)
    assert f"{program()} reply {ticket_id}" in shown
    moved = helpdesk.text("transfer", ticket_id, "payment")
    assert "in PAYMENT" in moved
    helpdesk.json("claim", "--ticket", ticket_id)
    assert helpdesk.json("release", ticket_id, "--note", "lunch")["status"] == "queued"


def test_an_operator_may_act_for_an_agent(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    ticket_id = routed(api, helpdesk)
    assert helpdesk.json("claim", "--ticket", ticket_id, "--agent", "grace")["claimed_by"] == "grace"
    assert "not claimed by agent" in helpdesk.error("resolve", ticket_id)
    assert helpdesk.json("resolve", ticket_id, "--agent", "grace")["status"] == "resolved"


def test_what_a_ticket_does_not_allow_is_one_line(helpdesk: CommandLine) -> None:
    ticket_id = helpdesk.json("submit", "New")["ticket_id"]
    assert "claim it first" in helpdesk.error("reply", ticket_id, "Hello")


def test_an_unknown_queue_names_those_that_exist(helpdesk: CommandLine) -> None:
    assert "REFUND" in helpdesk.error("claim", "NOWHERE")


# Dead letters


def test_dead_letters_are_listed_shown_replayed_and_dropped(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    assert "No message was given up" in helpdesk.text("dead", "list")
    letters = [make_dead_letter(reason=f"reason {number}", created_at=utc_now()) for number in range(2)]
    with api.store.transaction() as tx:
        for letter in letters:
            tx.add_dead_letter(letter)
    listed = helpdesk.json("dead", "list", "--status", "dead")["dead_letters"]
    assert {letter["message_id"] for letter in listed} == {letter.message_id for letter in letters}
    again, closed = (letter.message_id for letter in letters)
    assert "reason 0" in helpdesk.text("dead", "show", again)
    assert helpdesk.json("dead", "replay", again)["status"] == "replayed"
    assert helpdesk.json("dead", "drop", closed, "--note", "seen")["note"] == "by operator: seen"
    assert "replayed" in helpdesk.error("dead", "drop", again)


# Address and key


def test_without_a_key_the_way_to_one_is_told(api: LiveTicketApi, tmp_path: Path) -> None:
    elsewhere = CommandLine(tmp_path / "new", {"HELPDESK_CLIENT__URL": api.url})
    assert "helpdesk run" in elsewhere.error("queues")


def test_a_configured_key_goes_before_the_saved_ones(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    assert "role portal may not" in helpdesk.error("queues", HELPDESK_CLIENT__API_KEY=api.keys["portal"])


def test_an_unknown_key_is_one_line(helpdesk: CommandLine) -> None:
    assert "unknown or revoked" in helpdesk.error("queues", HELPDESK_CLIENT__API_KEY="hd_agent_" + "x" * 43)


def test_where_nothing_listens_is_told_with_the_way_to_start_it(helpdesk: CommandLine) -> None:
    told = helpdesk.error("tickets", HELPDESK_CLIENT__URL="http://127.0.0.1:9")
    assert "http://127.0.0.1:9" in told
    assert "helpdesk run" in told


def test_an_unknown_setting_is_one_line(helpdesk: CommandLine) -> None:
    assert "HELPDESK_CLEINT__URL" in helpdesk.error("tickets", HELPDESK_CLEINT__URL="http://127.0.0.1:9")


def test_the_traceback_shows_at_debug_level_only(helpdesk: CommandLine) -> None:
    result = helpdesk.run("show", "0" * 32, HELPDESK_LOG__LEVEL="DEBUG")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
