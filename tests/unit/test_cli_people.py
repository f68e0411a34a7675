"""`helpdesk people`, on a real store."""

import re
from contextlib import closing
from pathlib import Path

from helpdesk.accounts import Passwords, SignIn
from helpdesk.people import Account, DeskRole
from helpdesk.settings import AgentConsoleSettings, Settings
from helpdesk.wiring import open_store
from tests.command_line import CommandLine

PASSWORD = "green teapot on the roof"


def enter(state_dir: Path, *, link: str = "", password: str = "") -> Account | None:
    """Return who comes in by a link, or as Maria by a password."""
    with closing(open_store(Settings(state_dir=state_dir, DATABASE_URL=None))) as store:
        sign_in = SignIn(store, Passwords(), AgentConsoleSettings())
        token = sign_in.with_link(link.rpartition("/")[2]) if link else sign_in.with_password("maria", password)
        return sign_in.account(token)


def test_somebody_new_gets_a_link_that_lets_them_in(tmp_path: Path) -> None:
    command = CommandLine(tmp_path)
    printed = command.text("people", "add", "Maria", "--role", "agent", "--role", "lead", "--queue", "refund")
    assert "added maria: agent, lead" in printed
    link = re.search(r"http://127\.0\.0\.1:8081/sign-in/link/\S+", printed)
    assert link is not None
    account = enter(tmp_path, link=link[0])
    assert account is not None
    assert (account.name, account.queues) == ("maria", ("REFUND",))
    assert account.roles == frozenset({DeskRole.AGENT, DeskRole.LEAD})


def test_links_lead_to_where_browsers_reach_the_desk(tmp_path: Path) -> None:
    command = CommandLine(tmp_path, {"HELPDESK_AGENT_CONSOLE__URL": "https://desk.example.org/"})
    added = command.json("people", "add", "maria")
    assert added["sign_in_link"].startswith("https://desk.example.org/sign-in/link/")
    made = command.json("people", "link", "maria")
    assert made["sign_in_link"] != added["sign_in_link"]


def test_people_are_listed_changed_disabled_and_enabled(tmp_path: Path) -> None:
    command = CommandLine(tmp_path)
    assert "people add" in command.text("people", "list")
    command.text("people", "add", "maria", "--display-name", "Maria Schulze")
    command.text("people", "edit", "maria", "--capacity", "3", "--queue", "ORDER", "--role", "operator")
    command.text("people", "disable", "maria")
    (person,) = command.json("people", "list")["people"]
    assert (person["display_name"], person["capacity"], person["queues"]) == ("Maria Schulze", 3, ["ORDER"])
    assert (person["roles"], person["active"], person["has_password"]) == (["operator"], False, False)
    assert "disabled" in command.text("people", "list")
    edited = command.json("people", "edit", "maria", "--enable", "--all-queues")
    assert (edited["active"], edited["queues"], edited["capacity"]) == (True, [], 3)


def test_a_password_is_read_and_ends_the_sessions(tmp_path: Path) -> None:
    command = CommandLine(tmp_path)
    command.text("people", "add", "maria")
    assert "their sessions are ended" in command.text("people", "password", "maria", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert enter(tmp_path, password=PASSWORD) is not None
    assert command.json("people", "password", "maria", "--stdin", stdin="another teapot in the cellar\n")
    assert command.json("people", "sign-out", "maria")["ended"] == 0
    assert enter(tmp_path, password="another teapot in the cellar") is not None
    assert command.json("people", "sign-out", "maria")["ended"] == 1


def test_what_does_not_fit_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    command = CommandLine(tmp_path)
    command.text("people", "add", "maria")
    assert "Somebody is called maria already" in command.error("people", "add", "MARIA")
    assert "people list" in command.error("people", "disable", "nobody")
    assert "no queue is called 'NOWHERE'" in command.error("people", "edit", "maria", "--queue", "nowhere")
    assert "it takes 12 or more" in command.error("people", "password", "maria", "--stdin", stdin="short\n")
    assert "cannot be a name" in command.error("people", "add", "Maria Schulze")
