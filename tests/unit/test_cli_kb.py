"""`helpdesk kb` on a local index of two articles, with the real encoder."""

import json
import sys
from pathlib import Path

import pytest

from tests.command_line import CommandLine

ARTICLE = """---
id: {id}
title: "{title}"
question: "{question}"
intent: delivery_period
category: DELIVERY
updated: 2026-01-01
tags: [parcel, time]
url: https://help.shop.example/{id}
---

{body}
"""


@pytest.fixture(scope="module")
def helpdesk(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder: Path = tmp_path_factory.mktemp("articles")
    rows = (
        ("delivery-time", "Delivery times", "How long does delivery take?", "A parcel takes two to four days."),
        ("night-delivery", "Delivery at night [beta]", "Do you deliver at night?", "Until 22:00, in *some* cities."),
    )
    for name, title, question, body in rows:
        text = ARTICLE.format(id=name, title=title, question=question, body=body)
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    command_line = CommandLine(tmp_path_factory.mktemp("state"))
    assert command_line.json("kb", "load", str(folder))["added"] == 2
    return command_line


def test_an_article_that_a_search_found_is_shown_as_it_was_loaded(helpdesk: CommandLine) -> None:
    [first, _] = helpdesk.json("kb", "search", "When does my parcel come?")["passages"]
    shown = helpdesk.json("kb", "show", "delivery-time")
    assert first["article_id"] == "delivery-time"
    assert {name: value for name, value in first.items() if name not in ("similarity", "opinion")} == shown
    assert (shown["body"], shown["tags"]) == ("A parcel takes two to four days.", ["parcel", "time"])


def test_people_read_title_question_text_and_source(helpdesk: CommandLine) -> None:
    shown = helpdesk.text("kb", "show", "night-delivery")
    for part in ("Delivery at night [beta]", "Do you deliver at night?", "Until 22:00, in *some* cities.", "DELIVERY"):
        assert part in shown
    assert "https://help.shop.example/night-delivery" in shown


def test_an_unknown_article_is_one_line_that_says_where_to_look(helpdesk: CommandLine) -> None:
    told = helpdesk.error("kb", "show", "nowhere")
    assert "nowhere" in told
    assert "kb search" in told


def test_a_check_names_every_fault_by_file_and_ends_with_1(helpdesk: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("id,title,body\na,A,Dear {{customer}} we wrap your gift\na,A,\n")
    result = helpdesk.run("kb", "check", str(tmp_path), "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["usable"], report["errors"]) == (1, False, 3)
    assert {item["code"] for item in report["findings"]} >= {"duplicate-id", "placeholder", "empty"}
    assert {item["where"].partition(":")[0] for item in report["findings"]} == {"bad.csv"}
    shown = helpdesk.run("kb", "check", str(tmp_path), COLUMNS="100")
    assert shown.exit_code == 1
    assert "{{customer}}" in shown.stdout
    assert "They cannot be loaded." in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines()) <= 100


def test_a_load_with_errors_shows_the_report_and_changes_nothing(helpdesk: CommandLine, tmp_path: Path) -> None:
    before = helpdesk.json("kb", "versions")
    (tmp_path / "bad.md").write_text("---\ntitle: Bad\n---\nDear {{customer}}, we wrap your gift.\n")
    result = helpdesk.run("kb", "load", str(tmp_path))
    assert result.exit_code == 1
    assert "bad.md" in result.stdout
    assert result.stderr == "error: nothing was loaded: 1 error to correct first\n"
    assert helpdesk.json("kb", "versions") == before


def test_what_an_article_holds_never_drives_the_terminal(helpdesk: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "evil.csv").write_text('id,title,body\n"\x1b]0;owned\x07",[red]Bad[/red],"\x1b[2J gone, all of it"\n')
    shown = helpdesk.run("kb", "check", str(tmp_path)).stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_articles_are_added_edited_removed_and_brought_back(helpdesk: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "gift.md").write_text(
        "---\nid: gift\ntitle: Gifts\nintent: place_order\n---\nWe wrap gifts for free.\n"
    )
    added = helpdesk.json("kb", "add", str(tmp_path / "gift.md"), "--reason", "Christmas")
    assert (added["added"], added["ids"]["added"], added["unchanged"]) == (1, ["gift"], 2)
    assert "gift" in helpdesk.error("kb", "add", str(tmp_path / "gift.md"))
    assert helpdesk.json("kb", "edit", "gift", "--body", "We wrap gifts for two euros.")["changed"] == 1
    assert helpdesk.json("kb", "show", "gift")["body"] == "We wrap gifts for two euros."
    assert helpdesk.json("kb", "show", "gift", "--version", added["version"])["body"] == "We wrap gifts for free."
    assert "1 removed (gift)" in helpdesk.text("kb", "remove", "gift")
    assert "gift" in helpdesk.error("kb", "show", "gift")
    assert "1 added (gift)" in helpdesk.text("kb", "rollback", added["version"])
    listing = helpdesk.json("kb", "versions")
    assert [item["action"] for item in listing["versions"]] == ["rollback", "remove", "edit", "add", "load"]
    assert listing["in_force"] == added["version"]
    shown = helpdesk.text("kb", "versions", COLUMNS="100")
    assert "Christmas" in shown
    assert "Version 5 is in force." in shown
    helpdesk.text("kb", "remove", "gift")


def test_what_refuses_an_article_is_shown_whole(helpdesk: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text(
        "---\ntitle: Bad {{x}}\n---\nDear {{customer}}, see https://nowhere.example now.\n"
    )
    result = helpdesk.run("kb", "add", str(tmp_path / "bad.md"), COLUMNS="100")
    assert result.exit_code == 1
    assert result.stderr == "error: nothing was changed: 2 errors to correct first\n"
    assert "{{x}}" in result.stdout
    assert "{{customer}}" in result.stdout
    told = json.loads(helpdesk.run("kb", "add", str(tmp_path / "bad.md"), "--json").stdout)
    assert {finding["where"] for finding in told["findings"]} == {"bad"}


def test_an_article_is_edited_in_the_users_editor(helpdesk: CommandLine, tmp_path: Path) -> None:
    editor = tmp_path / "editor.py"
    change = "p.write_text(p.read_text().replace('two to four', 'three'))"
    editor.write_text(f"import sys, pathlib\np = pathlib.Path(sys.argv[1])\n{change}\n")
    command = f"{sys.executable} {editor}"
    assert "1 changed (delivery-time)" in helpdesk.text("kb", "edit", "delivery-time", EDITOR=command, VISUAL=command)
    assert helpdesk.json("kb", "show", "delivery-time")["body"] == "A parcel takes three days."
    assert "stays as it is" in helpdesk.error("kb", "edit", "delivery-time", EDITOR="true", VISUAL="true")
    helpdesk.text("kb", "rollback")


def test_an_empty_knowledge_base_says_how_to_load_it(tmp_path: Path) -> None:
    assert "kb load" in CommandLine(tmp_path).error("kb", "show", "delivery-time")
