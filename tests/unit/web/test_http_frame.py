"""The frame that every HTTP service shares: problems, keys, correlation ids, limits."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from helpdesk import errors
from helpdesk.ports.store import Role
from helpdesk.settings import HttpSettings
from helpdesk.web.app import new_app
from helpdesk.web.authentication import Caller, OwnKey, require
from helpdesk.web.keys import looks_like_a_key, new_key, secret_sha256
from helpdesk.web.limits import MAX_DEPTH, too_nested
from helpdesk.web.problems import MEDIA_TYPE, problem_responses, slug_of, status_of


class Note(BaseModel):
    model_config = {"extra": "forbid"}

    text: str = Field(min_length=1, max_length=10)


AGENT = Caller("key_1", "ada", Role.AGENT)
SECRET = new_key(Role.AGENT, name="ada")[0]


def build_app(**limits: int) -> FastAPI:
    settings = HttpSettings(max_body_bytes=2048, **limits)
    app = new_app(title="Test", description="", settings=settings, keys=OwnKey(SECRET, AGENT))

    @app.post("/notes", responses=problem_responses(400, 401, 403, 413, 422, 429))
    async def add(note: Note, caller: Annotated[Caller, Depends(require(Role.AGENT))]) -> dict[str, str]:
        return {"by": caller.name}

    @app.get("/operators", responses=problem_responses(401, 403))
    async def operators(caller: Annotated[Caller, Depends(require(Role.OPERATOR))]) -> dict[str, str]:
        return {"by": caller.name}

    @app.get("/missing")
    async def missing() -> None:
        raise errors.TicketNotFound("There is no ticket t-1.")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the password is hunter2")

    return app


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(build_app(), raise_server_exceptions=False) as client:
        yield client


def bearer(secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def leaves(error: type[errors.HelpdeskError]) -> Iterator[type[errors.HelpdeskError]]:
    yield error
    for child in error.__subclasses__():
        yield from leaves(child)


def test_every_error_of_the_tree_is_mapped_to_a_status_and_a_slug_of_its_own() -> None:
    every = [error for error in leaves(errors.HelpdeskError) if error is not errors.HelpdeskError]
    assert all(400 <= status_of(error) < 600 for error in every)
    assert len({slug_of(error) for error in every}) == len(every)
    assert slug_of(errors.TicketNotFound) == "ticket-not-found"


def test_an_error_of_ours_becomes_problem_json(client: TestClient) -> None:
    response = client.get("/missing", headers={"X-Correlation-ID": "abc-1"})
    assert response.status_code == 404
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["x-correlation-id"] == "abc-1"
    assert response.json() == {
        "type": "urn:helpdesk:problem:ticket-not-found",
        "title": "Ticket not found",
        "status": 404,
        "detail": "There is no ticket t-1.",
        "instance": "/missing",
        "correlation_id": "abc-1",
    }


def test_an_unexpected_error_shows_no_details(client: TestClient) -> None:
    response = client.get("/broken", headers={"X-Correlation-ID": "abc-2"})
    assert response.status_code == 500
    assert response.headers["x-correlation-id"] == "abc-2"
    assert response.json()["type"] == "urn:helpdesk:problem:internal-error"
    assert "hunter2" not in response.text


@pytest.mark.parametrize(
    ("body", "field", "remedy"),
    [
        ({}, "text", "add the field"),
        ({"text": ""}, "text", "send at least 1 character(s)"),
        ({"text": "x" * 11}, "text", "send at most 10 characters"),
        ({"text": ["x"]}, "text", "send text in quotes"),
        ({"text": "x", "colour": 1}, "colour", "remove the field"),
        ([], "", "send a JSON object, with Content-Type: application/json"),
    ],
)
def test_an_invalid_body_names_field_problem_and_remedy(
    client: TestClient, body: object, field: str, remedy: str
) -> None:
    response = client.post("/notes", json=body, headers=bearer())
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["field"], error["remedy"]) == (field, remedy)
    assert error["problem"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"nothing", b'{"text": "\xff\xfe"}', b'{"text": 1' + b"0" * 1500 + b"e", b"[" * 2000, b'{"text":' * 200],
    ids=["cut", "no json", "no utf-8", "bad number", "brackets", "objects"],
)
def test_a_malformed_body_gets_400(client: TestClient, body: bytes) -> None:
    response = client.post("/notes", content=body, headers=bearer() | {"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["type"] == "urn:helpdesk:problem:malformed-body"


@pytest.mark.parametrize("body", [b'{"text": "\\ud800"}', b'{"text": "a", "\\ud800": 1}'], ids=["value", "name"])
def test_a_lone_surrogate_gets_422(client: TestClient, body: bytes) -> None:
    response = client.post("/notes", content=body, headers=bearer() | {"Content-Type": "application/json"})
    assert response.status_code == 422


def test_a_body_of_another_content_type_gets_422_with_the_remedy(client: TestClient) -> None:
    response = client.post("/notes", content=b'{"text": "a"}', headers=bearer() | {"Content-Type": "text/plain"})
    assert response.status_code == 422
    assert "application/json" in response.json()["errors"][0]["remedy"]


def test_a_body_over_the_limit_gets_413_whether_its_length_is_declared_or_not(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            yield b"x" * 1000

    declared = client.post("/notes", content=b"x" * 2049, headers=bearer())
    streamed = client.post("/notes", content=chunks(), headers=bearer())
    for response in (declared, streamed):
        assert response.status_code == 413
        assert response.json()["type"] == "urn:helpdesk:problem:payload-too-large"
        assert response.headers["x-correlation-id"]


def test_brackets_inside_strings_do_not_count_as_nesting() -> None:
    assert not too_nested(json.dumps({"text": "[" * 1000 + '\\"' + "{" * 1000}).encode())
    assert not too_nested(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert too_nested(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
    assert too_nested(b"[" + b"[]," * 10_000 + b"[]]")


@pytest.mark.parametrize("given", ["", "white space", "x" * 65, "-a", "a\u00e4"])
def test_an_unusable_correlation_id_is_replaced(client: TestClient, given: str) -> None:
    response = client.get("/missing", headers=[(b"X-Correlation-ID", given.encode("latin-1"))])
    returned = response.headers.get_list("x-correlation-id")
    assert len(returned) == 1
    assert returned[0] != given
    assert response.json()["correlation_id"] == returned[0]


def test_an_unknown_path_gets_404_and_a_wrong_method_405_with_the_allowed_ones(client: TestClient) -> None:
    unknown, wrong = client.get("/nowhere"), client.delete("/notes")
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, MEDIA_TYPE)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["type"] == "urn:helpdesk:problem:method-not-allowed"


def test_a_key_is_taken_from_either_header(client: TestClient) -> None:
    for headers in (bearer(), {"X-API-Key": SECRET}, {"Authorization": f"bearer  {SECRET}"}):
        assert client.post("/notes", json={"text": "a"}, headers=headers).json() == {"by": "ada"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}, bearer("hd_agent_" + "a" * 43)]
)
def test_without_a_known_key_a_request_gets_401(client: TestClient, headers: dict[str, str]) -> None:
    response = client.post("/notes", json={"text": "a"}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_a_key_of_another_role_gets_403(client: TestClient) -> None:
    response = client.get("/operators", headers=bearer())
    assert response.status_code == 403
    assert "operator" in response.json()["detail"]


def test_beyond_its_rate_a_key_gets_429_with_retry_after() -> None:
    with TestClient(build_app(requests_per_minute=2)) as client:
        statuses = [client.post("/notes", json={"text": "a"}, headers=bearer()) for _ in range(3)]
    assert [response.status_code for response in statuses] == [200, 200, 429]
    assert 1 <= int(statuses[-1].headers["retry-after"]) <= 61


def test_the_openapi_document_declares_problems_as_problem_json(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/notes"]["post"]
    assert set(operation["responses"]["422"]["content"]) == {MEDIA_TYPE}
    assert set(operation["responses"]["200"]["content"]) == {"application/json"}
    assert operation["security"] == [{"ApiKey": []}, {"ApiKeyHeader": []}]


def test_a_new_key_is_stored_as_a_hash_only() -> None:
    secret, key = new_key(Role.PORTAL, name="shop")
    assert secret.startswith("hd_portal_")
    assert looks_like_a_key(secret)
    assert key.secret_sha256 == secret_sha256(secret)
    assert secret not in repr(key)
    assert key.created_at <= datetime.now(UTC)
