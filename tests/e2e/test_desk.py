"""The desk in a real browser: by mouse, by keyboard, without JavaScript, in both themes and on a narrow screen."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from helpdesk.tickets import Author, Status
from tests.chromium import chromium
from tests.conftest import NOT_TESTED
from tests.desk_browser import PASSWORD, Console, open_console
from tests.factories import make_answer
from tests.live_desk import serving
from tests.servers import ServerMissing


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with chromium() as browser:
            yield browser
    except ServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"Chromium is required where CI is set: {missing}", pytrace=False)
        pytest.skip(f"{NOT_TESTED}, because Chromium is missing: {missing}")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with open_console(tmp_path) as console:
        yield console


@pytest.fixture
def url(console: Console) -> Iterator[str]:
    with serving(console) as url:
        yield url


def open_page(browser: Browser, url: str, name: str, **options: Any) -> tuple[Page, list[str]]:
    """Return a page on which somebody has signed in, and what the browser complains about from now on."""
    page = browser.new_context(base_url=url, **options).new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    return page, complaints


def waiting_ticket(console: Console) -> str:
    ticket_id = console.shop.queued()
    with console.store.transaction() as tx:
        tx.add_answers([make_answer(tx.ticket(ticket_id), sent=False, text="The money is back in 5 days.")])
    return ticket_id


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_an_agent_takes_the_next_ticket_uses_the_draft_and_resolves_it(
    browser: Browser, console: Console, url: str, script: bool
) -> None:
    ticket_id = waiting_ticket(console)
    page, complaints = open_page(browser, url, "agent", java_script_enabled=script)
    page.get_by_role("button", name="Take the next").click()
    page.get_by_role("link", name="Use it").click()
    answer = page.get_by_label("Answer to ada@example.org")
    expect(answer).to_have_value("The money is back in 5 days.")
    answer.fill("Dear Ada, the money is back in 5 days.")
    page.get_by_role("button", name="Reply and resolve").click()
    expect(page.get_by_role("status").first).to_have_text("The answer is sent and the ticket is resolved.")
    assert console.ticket(ticket_id).status is Status.RESOLVED
    assert complaints == []


def test_the_same_by_keyboard_alone(browser: Browser, console: Console, url: str) -> None:
    ticket_id = waiting_ticket(console)
    page, complaints = open_page(browser, url, "agent")
    page.locator("body").press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Take the next")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("n")
    page.wait_for_url(f"**/tickets/{ticket_id}")
    page.keyboard.press("u")
    page.keyboard.type(" nnn?")
    expect(page.get_by_label("Answer to ada@example.org")).to_have_value("The money is back in 5 days. nnn?")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/queues")
    with console.store.reading() as tx:
        sent = [line.text for line in tx.conversations([ticket_id])[ticket_id] if line.author is Author.AGENT]
    assert sent == ["The money is back in 5 days. nnn?"]
    page.keyboard.type("gt")
    page.wait_for_url("**/tickets")
    assert complaints == []


def test_a_queue_that_is_open_shows_what_comes_in(browser: Browser, console: Console, url: str) -> None:
    page, complaints = open_page(browser, url, "agent")
    expect(page.get_by_role("row", name="REFUND")).to_contain_text("–")
    waiting_ticket(console)
    expect(page.get_by_role("row", name="REFUND").get_by_role("cell").first).to_have_text("1", timeout=10_000)
    assert complaints == []


def test_text_survives_another_agent_and_a_double_click_sends_once(
    browser: Browser, console: Console, url: str
) -> None:
    ticket_id = console.shop.claimed("agent")
    page, _ = open_page(browser, url, "agent")
    page.goto(f"/tickets/{ticket_id}")
    page.get_by_label("Answer to").fill("A long answer.")
    console.shop.desk.add_customer_message(ticket_id, "It came!", owner=None, decide_within_s=60)
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("has changed since you saw it")
    expect(page.get_by_label("Answer to")).to_have_value("A long answer.")
    page.get_by_role("button", name="Reply", exact=True).dblclick()
    page.wait_for_url("**/queues")
    with console.store.reading() as tx:
        assert len(tx.answers(ticket_id)) == 1


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_screen(browser: Browser, console: Console, url: str, width: int) -> None:
    ticket_id = waiting_ticket(console)
    console.shop.submitted(text="x" * 400)
    page, _ = open_page(browser, url, "operator", viewport={"width": width, "height": 800})
    for path in ("/queues", "/queues/REFUND", "/tickets", f"/tickets/{ticket_id}", "/people", "/me", "/nowhere"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_theme_follows_the_device_until_somebody_chooses(browser: Browser, console: Console, url: str) -> None:
    def ground(page: Page) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page, _ = open_page(browser, url, "agent", color_scheme="dark")
    dark = ground(page)
    page.emulate_media(color_scheme="light")
    light = ground(page)
    assert dark != light
    page.goto("/me")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Use it").click()
    assert ground(page) == dark
