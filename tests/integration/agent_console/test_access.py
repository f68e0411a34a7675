"""Every route of the desk against every role; a route that this table does not know fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter

from agent_console.access import require_rules, rules
from helpdesk.people import DeskRole
from helpdesk.ports.store import Role
from helpdesk.settings import AgentConsoleSettings
from tests.desk_browser import Browser, Console, open_console

PUBLIC = frozenset({"nobody", *DeskRole})
SIGNED_IN = frozenset(DeskRole)
DESK = frozenset({DeskRole.AGENT, DeskRole.LEAD, DeskRole.OPERATOR})
OPERATOR = frozenset({DeskRole.OPERATOR})

EXPECTED: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/"): SIGNED_IN,
    ("GET", "/static/{name}"): PUBLIC,
    ("GET", "/health"): PUBLIC,
    ("GET", "/ready"): PUBLIC,
    ("GET", "/sign-in"): PUBLIC,
    ("POST", "/sign-in"): PUBLIC,
    ("POST", "/sign-in/key"): PUBLIC,
    ("GET", "/sign-in/link/{token}"): PUBLIC,
    ("POST", "/sign-in/link/{token}"): PUBLIC,
    ("POST", "/sign-out"): PUBLIC,
    ("GET", "/me"): SIGNED_IN,
    ("POST", "/me/theme"): SIGNED_IN,
    ("POST", "/me/password"): SIGNED_IN,
    ("POST", "/me/sign-out-everywhere"): SIGNED_IN,
    ("GET", "/queues"): DESK,
    ("GET", "/queues/{name}"): DESK,
    ("POST", "/queues/take"): DESK,
    ("GET", "/tickets"): DESK,
    ("GET", "/tickets/{ticket_id}"): DESK,
    ("POST", "/tickets/{ticket_id}/claim"): DESK,
    ("POST", "/tickets/{ticket_id}/reply"): DESK,
    ("POST", "/tickets/{ticket_id}/release"): DESK,
    ("POST", "/tickets/{ticket_id}/transfer"): DESK,
    ("GET", "/people"): OPERATOR,
    ("POST", "/people"): OPERATOR,
    ("POST", "/people/{name}/link"): OPERATOR,
    ("POST", "/people/{name}/disable"): OPERATOR,
    ("POST", "/people/{name}/enable"): OPERATOR,
}
"""Who may, by method and path: written once more, apart from the code."""

REFUSALS = {401, 403}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    unlimited = AgentConsoleSettings(failures_per_address=10_000, failures_per_name=10_000)
    with open_console(tmp_path_factory.mktemp("desk"), agent_console=unlimited) as console:
        yield console


def ask(browser: Browser, method: str, path: str) -> int:
    """Return the status of a request on something that need not exist; a redirect to the sign-in counts as 401."""
    address = path.replace("{ticket_id}", "0" * 32).replace("{name}", "nothing").replace("{token}", "x")
    response = browser.get(address) if method == "GET" else browser.post(address)
    to_sign_in = method == "GET" and response.headers.get("location", "").startswith("/sign-in")
    return 401 if to_sign_in else response.status_code


def test_the_table_knows_every_route(desk: Console) -> None:
    assert set(rules(desk.app)) == set(EXPECTED)


@pytest.mark.parametrize("who", ["nobody", *DeskRole])
@pytest.mark.parametrize(("method", "path"), EXPECTED, ids=lambda value: str(value))
def test_a_route_admits_its_roles_and_nobody_else(desk: Console, method: str, path: str, who: str) -> None:
    browser = desk.browser(None if who == "nobody" else who)
    status = ask(browser, method, path)
    if who in EXPECTED[method, path]:
        # A sign-in that fails says 401 as well, and shows its form again.
        assert status not in REFUSALS or (path.startswith("/sign-in") and status == 401)
    else:
        assert status == (401 if who == "nobody" else 403)


@pytest.mark.parametrize("role", [Role.AGENT, Role.OPERATOR, Role.ML])
@pytest.mark.parametrize(("method", "path"), EXPECTED, ids=lambda value: str(value))
def test_the_bearer_of_a_key_has_the_rights_of_its_role(desk: Console, method: str, path: str, role: Role) -> None:
    browser = desk.browser()
    browser.get("/sign-in?key=1")
    assert browser.post("/sign-in/key", {"key": desk.keys[role]}).status_code == 303
    browser.read("/me")
    assert (ask(browser, method, path) == 403) is (DeskRole(role.value) not in EXPECTED[method, path])


def test_an_app_with_a_route_without_a_rule_does_not_start(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:
        router = APIRouter()
        router.add_api_route("/open", lambda: "x")
        console.app.include_router(router)
        with pytest.raises(TypeError, match="GET /open declares 0 rules"):
            require_rules(console.app)
