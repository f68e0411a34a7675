"""Signing in over HTTP: cookies, forged requests, fixation, redirects, brute force, one-time links."""

import re
from pathlib import Path

import pytest

from helpdesk.ports.store import Role
from helpdesk.settings import AgentConsoleSettings
from tests.desk_browser import PASSWORD, Browser, Console, open_console

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "evil.example",
    "/\tx",
    "/%0d%0aSet-Cookie:x\r\nSet-Cookie: y=1",
    "",
]


def test_a_page_asks_for_the_sign_in_and_comes_back(console: Console) -> None:
    browser = console.browser()
    asked = browser.get("/tickets?status=queued")
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=%2Ftickets%3Fstatus%3Dqueued")
    browser.get(asked.headers["location"])
    entered = browser.post("/sign-in", {"name": "agent", "password": PASSWORD, "next": "/tickets?status=queued"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/tickets?status=queued")


@pytest.mark.parametrize("where", ELSEWHERE)
def test_the_way_on_never_leads_to_another_site(console: Console, where: str) -> None:
    browser = console.browser()
    entered = browser.post("/sign-in", {"name": "agent", "password": PASSWORD, "next": where})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    again = browser.http.get("/sign-in", params={"next": where})
    assert again.headers["location"] == "/queues"


def test_the_cookie_is_kept_from_scripts_and_other_sites(console: Console) -> None:
    entered = console.browser().post("/sign-in", {"name": "agent", "password": PASSWORD})
    cookie = entered.headers["set-cookie"].lower()
    assert cookie.startswith("helpdesk=")
    for part in ("httponly", "samesite=lax", "path=/", "max-age=604800"):
        assert part in cookie
    assert "secure" not in cookie


def test_over_tls_the_cookie_is_secure_and_bound_to_the_host(console: Console) -> None:
    browser = console.browser(base_url="https://desk.test")
    entered = browser.post("/sign-in", {"name": "agent", "password": PASSWORD})
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith("__Host-helpdesk=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    browser.read("/queues")


def test_signing_in_gives_a_new_id_so_that_nobody_can_know_it_before(console: Console) -> None:
    browser = console.browser()
    browser.get("/sign-in")
    planted = browser.http.cookies["helpdesk"]
    browser.sign_in("agent")
    assert browser.http.cookies["helpdesk"] != planted
    attacker = console.browser()
    attacker.http.cookies.set("helpdesk", planted, domain="desk.test")
    assert attacker.get("/queues").status_code == 303


def test_a_cookie_that_we_did_not_sign_is_a_new_visit(console: Console) -> None:
    for forged in ("x", "x.y", "", "a" * 5_000, console.browser("agent").http.cookies["helpdesk"][:-1] + "x"):
        browser = console.browser()
        browser.http.cookies.set("helpdesk", forged, domain="desk.test")
        assert browser.get("/queues").status_code == 303


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/queues/take", "/me/theme", "/people"])
def test_a_form_without_the_visits_own_token_does_nothing(console: Console, path: str) -> None:
    browser, other = console.browser("operator"), console.browser("operator")
    foreign = other.hidden("/me", "csrf_token")
    own = browser.hidden("/me", "csrf_token")
    for token in ("", "x", foreign, own[:-8] + "AAAAAAA=", "é"):
        refused = browser.http.post(path, data={"csrf_token": token, "theme": "dark"})
        assert refused.status_code == 403, token
        assert "Reload the page" in refused.text
    missing = browser.http.post(path, data={"theme": "dark"})
    assert missing.status_code == 403
    browser.read("/people")  # still signed in


def test_the_token_may_come_in_a_header_and_looks_different_on_each_page(console: Console) -> None:
    browser = console.browser("agent")
    first, second = (browser.hidden("/me", "csrf_token") for _ in range(2))
    assert first != second
    for token in (first, second):
        changed = browser.http.post("/me/theme", data={"theme": "dark"}, headers={"X-CSRF-Token": token})
        assert changed.status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
)
def test_another_site_cannot_send_a_form_even_with_the_token(console: Console, headers: dict[str, str]) -> None:
    browser = console.browser("agent")
    assert browser.post("/me/theme", {"theme": "dark"}, **headers).status_code == 403
    assert browser.post("/me/theme", {"theme": "dark"}, Origin="http://desk.test").status_code == 303
    assert browser.post("/me/theme", {"theme": "dark"}, **{"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_guessing_a_password_is_slowed_down_and_said_so(console: Console) -> None:
    browser = console.browser()
    for _ in range(5):
        wrong = browser.post("/sign-in", {"name": "agent", "password": "wrong"})
        assert wrong.status_code == 401
        assert "The name or the password is wrong" in wrong.text
    refused = browser.post("/sign-in", {"name": "AGENT ", "password": PASSWORD})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert "wait until the minute is over" in refused.text
    assert browser.post("/sign-in", {"name": "lead", "password": PASSWORD}).status_code == 303


def test_an_attacker_does_not_lock_a_person_out(console: Console) -> None:
    console.browser("agent", address="198.51.100.1")
    for number in range(10):
        attacker = Browser(console.app, address=f"192.0.2.{number}")
        for _ in range(5):
            attacker.post("/sign-in", {"name": "agent", "password": "wrong"})
    assert attacker.post("/sign-in", {"name": "agent", "password": PASSWORD}).status_code == 429
    console.browser("agent", address="198.51.100.1")


def test_guessing_many_names_or_keys_from_one_address_is_slowed_down_too(tmp_path: Path) -> None:
    with open_console(tmp_path, agent_console=AgentConsoleSettings(failures_per_address=6)) as console:
        browser = console.browser()
        for number in range(3):
            assert browser.post("/sign-in", {"name": f"name{number}", "password": "x"}).status_code == 401
            assert browser.post("/sign-in/key", {"key": f"key{number}"}).status_code == 401
        assert browser.post("/sign-in/key", {"key": console.keys[Role.AGENT]}).status_code == 429
        console.browser("agent", address="198.51.100.1")


def test_a_link_asks_for_a_press_of_a_button_and_works_once(console: Console) -> None:
    link = f"/sign-in/link/{console.services.sign_in.new_link('agent')}"
    browser = console.browser()
    browser.read(link)
    browser.read(link)  # a preview or a mail scanner uses nothing up
    entered = browser.post(link)
    assert (entered.status_code, entered.headers["location"]) == (303, "/me")
    again = console.browser()
    again.read(link)
    assert again.post(link).status_code == 401


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(console: Console) -> None:
    browser = console.browser("agent")
    kept = browser.http.cookies["helpdesk"]
    assert browser.post("/sign-out").headers["location"] == "/sign-in"
    assert "You are signed out" in browser.read("/sign-in")
    thief = console.browser()
    thief.http.cookies.set("helpdesk", kept, domain="desk.test")
    assert thief.get("/queues").status_code == 303


def test_signing_out_everywhere_ends_all_sessions(console: Console) -> None:
    here, there = console.browser("agent"), console.browser("agent")
    assert here.post("/me/sign-out-everywhere").status_code == 303
    for browser in (here, there):
        assert browser.get("/me").status_code == 303
    assert "2 sessions are ended" in here.read("/sign-in")


def test_a_revoked_key_and_a_disabled_person_are_out_at_the_next_page(console: Console) -> None:
    with_key = console.browser()
    with_key.post("/sign-in/key", {"key": console.keys[Role.AGENT]})
    with_key.read("/queues")
    person = console.browser("agent")
    with console.store.transaction() as tx:
        key_id = next(key.key_id for key in tx.api_keys() if key.role is Role.AGENT)
        tx.revoke_api_key(key_id, at=console.services.clock())
    console.services.roster.set_active("agent", active=False)
    for browser in (with_key, person):
        assert browser.get("/queues").status_code == 303


def test_a_password_is_changed_only_with_the_present_one(console: Console) -> None:
    browser, other = console.browser("agent"), console.browser("agent")
    new = "a yellow submarine in the garden"
    wrong = browser.post("/me/password", {"password": "x", "new_password": new})
    assert wrong.status_code == 403
    assert "present password is wrong" in wrong.text
    weak = browser.post("/me/password", {"password": PASSWORD, "new_password": "short"})
    assert weak.status_code == 422
    assert "12 or more" in weak.text
    assert browser.post("/me/password", {"password": PASSWORD, "new_password": new}).status_code == 303
    browser.read("/me")
    assert other.get("/me").status_code == 303
    console.browser().sign_in("agent", new)


def test_a_session_that_is_over_keeps_what_was_typed(console: Console) -> None:
    browser = console.browser("agent")
    ticket_id = console.shop.claimed("agent")
    console.services.sign_in.end_sessions_of("agent")
    lost = browser.post(f"/tickets/{ticket_id}/reply", {"version": "3", "text": "Dear Ada,\nit is on its way."})
    assert lost.status_code == 401
    assert "Dear Ada,\nit is on its way." in lost.text
    assert "in a new tab" in lost.text


def test_no_page_of_the_sign_in_shows_a_secret_that_was_typed(console: Console) -> None:
    browser = console.browser()
    shown = browser.post("/sign-in", {"name": "agent", "password": "my secret words"}).text
    shown += browser.post("/sign-in/key", {"key": "hd_agent_secret"}).text
    forged = browser.http.post("/sign-in", data={"name": "agent", "password": "my secret words"}).text
    assert "my secret words" not in shown + forged
    assert "hd_agent_secret" not in shown
    assert re.search(r'name="name"[^>]*value="agent"', shown)
