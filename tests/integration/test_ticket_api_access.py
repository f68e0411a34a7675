"""Who may call what: every route with every role, without a key and with a wrong one; and what every answer carries."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from helpdesk.ports.store import Role
from tests.contract.knowledge_contract import WordEncoder
from tests.live_ticket_api import TICKET, LiveTicketApi, running

NOBODY = "0" * 32
PORTAL, AGENT, OPERATOR, ML = Role.PORTAL, Role.AGENT, Role.OPERATOR, Role.ML
UPSET = {"changes": {"upset_at": -0.7}}
TEXT = {"text": "Hello."}
ARTICLE = {"id": "tent", "title": "How do I pitch the tent?", "body": "Push the poles in, then peg the corners down."}
QUERIES = {"/knowledge/search": {"question": "tent"}}

ROUTES: list[tuple[str, str, Any, set[Role]]] = [
    ("POST", "/tickets", TICKET, {PORTAL, OPERATOR}),
    ("GET", "/tickets", None, {PORTAL, AGENT, OPERATOR}),
    ("GET", "/tickets/{ticket_id}", None, {PORTAL, AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/messages", TEXT, {PORTAL, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/feedback", {"score": 3}, {PORTAL, OPERATOR}),
    ("GET", "/queues", None, {AGENT, OPERATOR}),
    ("POST", "/queues/{name}/claim", None, {AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/claim", None, {AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/release", None, {AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/transfer", {"queue": "ORDER"}, {AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/reply", TEXT, {AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/resolve", None, {AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/reopen", None, {AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/correct", {"intent": "get_refund"}, {AGENT, OPERATOR}),
    ("POST", "/tickets/{ticket_id}/mark-wrong", {"article_id": "tent"}, {AGENT, OPERATOR}),
    ("POST", "/knowledge/load", ARTICLE, {OPERATOR}),
    ("POST", "/knowledge/check", ARTICLE, {OPERATOR}),
    ("GET", "/knowledge/check", None, {OPERATOR}),
    ("GET", "/knowledge/articles", None, {OPERATOR}),
    ("POST", "/knowledge/articles", {**ARTICLE, "id": "lamp"}, {OPERATOR}),
    ("GET", "/knowledge/articles/{article_id}", None, {OPERATOR}),
    ("PATCH", "/knowledge/articles/{article_id}", {"title": "Tents"}, {OPERATOR}),
    ("DELETE", "/knowledge/articles/{article_id}", None, {OPERATOR}),
    ("GET", "/knowledge/search", None, {OPERATOR}),
    ("GET", "/knowledge/versions", None, {OPERATOR}),
    ("GET", "/knowledge/feedback", None, {OPERATOR}),
    ("GET", "/knowledge/gaps", None, {OPERATOR}),
    ("POST", "/knowledge/rollback", None, {OPERATOR}),
    ("GET", "/decisions", None, {OPERATOR, ML}),
    ("GET", "/tickets/{ticket_id}/replay", None, {OPERATOR, ML}),
    ("POST", "/tickets/{ticket_id}/replay", None, {OPERATOR, ML}),
    ("GET", "/policy", None, {OPERATOR, ML}),
    ("GET", "/policy/versions", None, {OPERATOR, ML}),
    ("GET", "/policy/versions/{number}", None, {OPERATOR, ML}),
    ("POST", "/policy/check", UPSET, {OPERATOR, ML}),
    ("POST", "/policy/whatif", UPSET, {OPERATOR, ML}),
    ("POST", "/policy/apply", {**UPSET, "against": 1, "reason": "A test."}, {OPERATOR}),
    ("POST", "/policy/rollback", {}, {OPERATOR}),
    ("GET", "/dead-letters", None, {OPERATOR}),
    ("GET", "/dead-letters/{message_id}", None, {OPERATOR}),
    ("POST", "/dead-letters/{message_id}/replay", None, {OPERATOR}),
    ("POST", "/dead-letters/{message_id}/drop", None, {OPERATOR}),
    ("GET", "/results", None, {OPERATOR}),
    ("GET", "/metrics", None, {OPERATOR}),
]
OPEN = {("GET", "/health"), ("GET", "/ready")}
EACH_ROUTE = pytest.mark.parametrize(
    ("method", "path", "body", "roles"), ROUTES, ids=[f"{method} {path}" for method, path, _, _ in ROUTES]
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    with running(tmp_path_factory.mktemp("state"), encoder=WordEncoder()) as service:
        assert service.client("operator").post("/knowledge/load", json=ARTICLE).status_code == 200
        yield service


def ask(client: httpx.Client, method: str, path: str, body: object) -> httpx.Response:
    url = path.format(ticket_id=NOBODY, message_id=NOBODY, name="REVIEW", article_id=NOBODY, number=1)
    return client.request(method, url, params=QUERIES.get(path), json=body)


def test_the_matrix_names_every_route(api: LiveTicketApi) -> None:
    described = api.client().get("/openapi.json").json()["paths"]
    routes = {(method.upper(), path) for path, operations in described.items() for method in operations}
    assert routes == {(method, path) for method, path, _, _ in ROUTES} | OPEN


@EACH_ROUTE
@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_admitted_or_refused(
    api: LiveTicketApi, method: str, path: str, body: object, roles: set[Role], role: Role
) -> None:
    response = ask(api.client(role.value), method, path, body)
    if role in roles:
        assert response.status_code in {200, 201, 202, 204, 404}, response.text
    else:
        assert response.status_code == 403
        assert response.json()["type"] == "urn:helpdesk:problem:not-authorised"


@EACH_ROUTE
def test_without_a_known_key_nothing_is_answered(
    api: LiveTicketApi, method: str, path: str, body: object, roles: set[Role]
) -> None:
    wrong = {"Authorization": f"Bearer {api.keys['operator'][:-1]}!"}
    other_scheme = {"Authorization": "Basic b3BlcmF0b3I6"}
    for headers in ({}, wrong, other_scheme, {"X-API-Key": "guess"}):
        response = ask(api.client(**headers), method, path, body)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert response.json()["type"] == "urn:helpdesk:problem:not-authenticated"


@EACH_ROUTE
def test_a_body_is_not_read_before_the_caller_is_known(
    api: LiveTicketApi, method: str, path: str, body: object, roles: set[Role]
) -> None:
    if body is not None:
        response = ask(api.client(), method, path, {"wrong": True})
        assert response.status_code == 401


def test_a_key_works_in_either_header(api: LiveTicketApi) -> None:
    assert api.client(**{"X-API-Key": api.keys["portal"]}).get("/tickets").status_code == 200


def test_a_revoked_key_stops_working_within_seconds(api: LiveTicketApi, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client("other-portal")
    assert client.get("/tickets").status_code == 200
    with api.store.transaction() as tx:
        key = next(key for key in tx.api_keys() if key.name == "other-portal")
        tx.revoke_api_key(key.key_id, at=datetime.now(UTC))
    later = time.monotonic() + 60
    monkeypatch.setattr("helpdesk.web.authentication.time.monotonic", lambda: later)
    assert client.get("/tickets").status_code == 401


def test_no_answer_shows_a_key_or_its_hash(api: LiveTicketApi) -> None:
    operator = api.client("operator")
    texts = [operator.get(path).text for path in ("/tickets", "/queues", "/metrics", "/ready", "/openapi.json")]
    with api.store.reading() as tx:
        hashes = [key.secret_sha256 for key in tx.api_keys()]
    for secret in (*api.keys.values(), *hashes):
        assert not any(secret in text for text in texts)


@pytest.mark.parametrize("path", ["/health", "/tickets", "/nowhere", "/metrics"])
def test_every_answer_carries_a_correlation_id_and_forbids_sniffing_and_framing(api: LiveTicketApi, path: str) -> None:
    response = api.client("operator").get(path, headers={"X-Correlation-ID": "corr-7"})
    assert response.headers["x-correlation-id"] == "corr-7"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_tickets_are_not_kept_by_caches(api: LiveTicketApi) -> None:
    ticket_id = api.submit()
    client = api.client("portal")
    assert client.get("/tickets").headers["cache-control"] == "no-store"
    assert client.get(f"/tickets/{ticket_id}").headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/tickets", "GET, POST"),
        ("PUT", f"/tickets/{NOBODY}", "GET"),
        ("GET", "/queues/X/claim", "POST"),
        ("OPTIONS", "/health", "GET"),
    ],
)
def test_another_method_is_405_and_names_the_allowed_ones(
    api: LiveTicketApi, method: str, path: str, allowed: str
) -> None:
    response = api.client("operator").request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert response.headers["content-type"] == "application/problem+json"


def test_an_unknown_path_is_404_as_a_problem(api: LiveTicketApi) -> None:
    response = api.client("operator").get("/no/such/path")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
