"""The frame of every page: headers, errors as pages, static files, and markup that stays text."""

import gzip
import re
from html import unescape
from pathlib import Path

import pytest
from fastapi import Request

from agent_console.access import Anybody
from agent_console.headers import CONTENT_SECURITY_POLICY
from helpdesk.errors import StoreUnavailable
from helpdesk.people import Theme
from helpdesk.tickets import Action
from tests.desk_browser import PASSWORD, Console, open_console
from tests.factories import make_answer, make_citation, make_decision, make_event, make_message, make_submission

PAGES = ["/queues", "/queues/REFUND", "/tickets", "/people", "/me", "/sign-in/link/x", "/nowhere", "/tickets/x"]
PROBE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'`{{7*7}}"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_forbids_what_it_does_not_need(console: Console, path: str) -> None:
    response = console.browser("operator").get(path)
    headers = response.headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "server" not in headers


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_a_script_style_or_handler_of_its_own(console: Console, path: str) -> None:
    html = console.browser("operator").get(path).text
    assert re.findall(r"<script(?![^>]* src=)", html) == []
    assert "<style" not in html
    assert re.findall(r"\s(?:style|on[a-z]+)=", html) == []
    assert "http://" not in html.replace("http://desk.test", "")


def test_static_files_are_kept_for_ever_under_the_name_of_their_content(console: Console) -> None:
    html = console.browser().read("/sign-in")
    paths = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
    assert len(paths) == 4
    browser = console.browser()
    for path in paths:
        response = browser.get(path)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert re.search(r"\.[0-9a-f]{12}\.(css|js|svg)$", path)
    for unknown in ("desk.css", "desk.000000000000.css", "..%2f..%2fpyproject.toml", "htmx.LICENSE.txt"):
        assert browser.get(f"/static/{unknown}").status_code == 404


def test_a_first_visit_needs_few_bytes_over_the_wire(console: Console) -> None:
    browser = console.browser("operator")
    html = browser.read("/queues")
    paths = ["/queues", *re.findall(r'(?:href|src)="(/static/[^"]+)"', html)]
    sizes = {path: len(gzip.compress(browser.get(path).content, 6)) for path in paths}
    assert sum(sizes.values()) < 150_000, sizes
    assert browser.get("/queues").headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/nowhere", 404, "There is nothing here"),
        ("/tickets/x", 404, "There is nothing here"),
        ("/queues/NOWHERE", 404, "There is nothing here"),
        ("/people", 403, "This is not open to you"),
        ("/tickets?cursor=x", 422, "Something does not fit"),
        ("/tickets/x?draft=perhaps", 422, "Something does not fit"),
    ],
)
def test_errors_are_pages_with_a_way_on_and_the_requests_number(
    console: Console, path: str, status: int, title: str
) -> None:
    response = console.browser("agent").get(path)
    assert response.status_code == status
    assert title in response.text
    assert response.headers["x-correlation-id"] in response.text
    assert "problem+json" not in response.headers["content-type"]


def test_an_address_that_leads_nowhere_keeps_the_bar(console: Console) -> None:
    assert 'href="/queues"' in console.browser("agent").get("/nowhere").text
    assert 'href="/queues"' not in console.browser().get("/nowhere").text


def test_a_wrong_method_is_a_page_too(console: Console) -> None:
    assert console.browser("agent").http.put("/queues").status_code in {403, 405}
    assert "text/html" in console.browser("agent").http.put("/queues").headers["content-type"]


def test_an_unforeseen_error_shows_no_details_and_keeps_the_headers(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:

        async def broken(request: Request, _: Anybody) -> None:
            raise RuntimeError("the password is hunter2")

        console.app.add_api_route("/broken", broken)
        response = console.browser().get("/broken")
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.text
    assert "hunter2" not in response.text
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-correlation-id"] in response.text


def test_a_store_that_is_away_is_a_page_that_keeps_the_text(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket_id = console.shop.claimed("agent")
    browser = console.browser("agent")
    fields = {"version": browser.hidden(f"/tickets/{ticket_id}", "version"), "text": "A long answer."}

    def away() -> None:
        raise StoreUnavailable("The database cannot be used now.")

    with monkeypatch.context() as patch:
        patch.setattr(console.services.store, "reading", away)
        response = browser.post(f"/tickets/{ticket_id}/reply", fields)
        assert browser.get("/queues").status_code == 503
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert "A long answer." in response.text
    assert "Nothing was changed" in response.text
    assert browser.post(f"/tickets/{ticket_id}/reply", fields).status_code == 303


def test_a_part_of_a_page_whose_session_is_over_sends_the_browser_to_the_sign_in(console: Console) -> None:
    response = console.browser().get("/queues", **{"HX-Request": "true"})
    assert response.status_code == 401
    assert response.headers["hx-redirect"] == "/sign-in?next=%2Fqueues"


@pytest.mark.parametrize("theme", Theme)
def test_the_theme_of_a_person_stands_on_every_page(console: Console, theme: Theme) -> None:
    browser = console.browser("agent")
    assert browser.post("/me/theme", {"theme": theme}).status_code == 303
    assert f'data-theme="{theme}"' in browser.read("/queues")


def test_a_message_after_a_form_is_shown_once(console: Console) -> None:
    browser = console.browser("agent")
    browser.post("/me/theme", {"theme": "dark"})
    assert "The theme is changed." in browser.read("/me")
    assert "The theme is changed." not in browser.read("/me")


def test_health_and_readiness_need_nobody(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    assert console.browser().get("/health").text == "ok\n"
    assert console.browser().get("/ready").text == "ready\n"
    signed_in = console.browser("agent")

    def check() -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(console.services.store, "check", check)
    monkeypatch.setattr(console.services.store, "reading", check)
    assert signed_in.get("/health").status_code == 200
    assert console.browser().get("/ready").status_code == 503
    assert console.browser().get("/health").status_code == 200


def test_markup_in_whatever_somebody_wrote_stays_text(console: Console) -> None:
    submission = make_submission(
        text=PROBE,
        subject=PROBE,
        user=PROBE,
        channel=PROBE,
        customer_tier=PROBE,
        language=PROBE,
        metadata={PROBE: PROBE},
        intent=PROBE,
        created_at=console.shop.now,
    )
    ticket_id = submission.ticket.ticket_id
    with console.store.transaction() as tx:
        tx.add_submissions([submission])
        ticket = tx.ticket(ticket_id)
        tx.add_messages([make_message(ticket, text=PROBE, author_name=PROBE)])
        tx.add_events([make_event(ticket, action=Action.START, actor_name=PROBE, reason=PROBE)])
        tx.add_decisions([make_decision(ticket, prediction={"top_labels": [{}, {"label": PROBE, "confidence": 0.5}]})])
        cited = make_citation(title=PROBE, quote=PROBE, url=f"https://x.example/{PROBE}")
        tx.add_answers([make_answer(ticket, sent=False, text=PROBE, author_name=PROBE, citations=(cited,))])
    console.add_person("mallory", display_name="<b onclick=x>Mallory</b>")
    browser = console.browser("operator")
    browser.post(f"/tickets/{ticket_id}/claim")
    pages = [browser.read(path) for path in (f"/tickets/{ticket_id}?draft=1", "/queues", "/tickets", "/people")]
    fields = {"version": "1", "text": PROBE, "queue": "ORDER", "note": PROBE}
    pages += [browser.post(f"/tickets/{ticket_id}/reply", {"version": "1", "text": PROBE}).text]
    pages += [browser.post(f"/tickets/{ticket_id}/transfer", fields | {"text": ""}).text]
    pages += [browser.post("/people", {"name": PROBE, "display_name": PROBE}).text]
    pages += [browser.get("/queues/" + PROBE.replace("/", "")).text]
    pages += [browser.http.get("/tickets", params={"status": PROBE, "queue": PROBE}).text]
    pages += [console.browser().http.get("/sign-in", params={"next": "/" + PROBE}).text]
    pages += [console.browser().post("/sign-in", {"name": PROBE, "password": PASSWORD, "next": PROBE}).text]
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "<b onclick" not in page
        assert not re.search(r"<[^>]*\s(?:onerror|onclick)=", re.sub(r'"[^"]*"', '""', page))
    assert PROBE in unescape(pages[0])


def test_a_person_is_added_disabled_enabled_and_let_in_by_a_link(console: Console) -> None:
    browser = console.browser("operator")
    fields = {
        "name": "Ada",
        "display_name": "Ada L.",
        "roles": ["agent", "lead"],
        "queues": ["REFUND"],
        "capacity": "3",
    }
    assert browser.post("/people", fields).status_code == 303
    listed = browser.read("/people")
    assert "Ada L." in listed
    assert "no password yet" in listed
    again = browser.post("/people", fields)
    assert again.status_code == 409
    assert "Somebody is called ada already" in again.text
    assert re.search(r'value="REFUND" checked', again.text)
    link = re.search(r'value="http://desk\.test(/sign-in/link/[^"]+)"', browser.post("/people/ada/link").text)
    assert link is not None
    newcomer = console.browser()
    newcomer.read(link[1])
    assert newcomer.post(link[1]).status_code == 303
    assert "You have none now" in newcomer.read("/me")
    browser.read("/people")
    assert browser.post("/people/ada/disable").status_code == 303
    assert newcomer.get("/me").status_code == 303
    assert browser.post("/people/ada/enable").status_code == 303
    assert browser.post("/people/operator/disable").status_code == 303
    assert "cannot disable yourself" in browser.read("/people")
    assert browser.post("/people/nobody/disable").status_code == 404
