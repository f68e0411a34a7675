"""How values read on a page."""

from datetime import timedelta

import pytest

from agent_console.wording import absolute, age, mood, percent, relative, safe_link, span, title_of, words
from helpdesk.clock import utc_now
from helpdesk.tickets import Author
from tests.factories import NOON, make_message, make_ticket


@pytest.mark.parametrize(
    ("seconds", "read"), [(-1, "0 s"), (0, "0 s"), (59, "59 s"), (61, "1 min"), (7_200, "2 h"), (172_800, "2 d")]
)
def test_a_length_of_time_reads_in_its_largest_unit(seconds: float, read: str) -> None:
    assert span(seconds) == read


def test_moments_read_as_before_or_after_now() -> None:
    assert relative(utc_now() - timedelta(minutes=5, seconds=1)) == "5 min ago"
    assert relative(utc_now() + timedelta(minutes=5, seconds=1)) == "in 5 min"
    assert age(utc_now() - timedelta(hours=3, seconds=1)) == "3 h"
    assert absolute(NOON) == "Mon 02 Mar 2026, 12:00:00 UTC"


def test_figures_and_names_read_as_words() -> None:
    assert (percent(0.614), words("get_refund")) == ("61%", "get refund")
    assert [mood(value) for value in (-1, -0.3, 0, 1)] == ["upset", "unhappy", "neutral", "friendly"]


def test_a_ticket_is_called_by_its_subject_or_the_customers_first_line() -> None:
    ticket = make_ticket(subject="")
    conversation = [
        make_message(ticket, author=Author.MACHINE, text="Hello"),
        make_message(ticket, text="\n\n  Where is it?\nBye"),
    ]
    assert title_of(ticket, conversation) == "Where is it?"
    assert title_of(ticket, []) == "Without words"
    assert title_of(make_ticket(subject="My parcel"), conversation) == "My parcel"
    assert len(title_of(make_ticket(subject="x" * 200), [])) == 90


@pytest.mark.parametrize(
    "url", ["javascript:x", "data:text/html,x", "//evil.example", "", "vbscript:x", "ftp://x", "http://["]
)
def test_only_pages_are_linked(url: str) -> None:
    assert safe_link(url) == ""
    assert safe_link("https://shop.example/a?b=c") == "https://shop.example/a?b=c"
