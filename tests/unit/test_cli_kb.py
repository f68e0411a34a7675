"""`helpdesk kb` on a local index of two articles, with the real encoder."""

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
    assert {name: value for name, value in first.items() if name != "similarity"} == shown
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


def test_an_empty_knowledge_base_says_how_to_load_it(tmp_path: Path) -> None:
    assert "kb load" in CommandLine(tmp_path).error("kb", "show", "delivery-time")
