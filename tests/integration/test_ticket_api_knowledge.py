"""Operators keep the knowledge base over HTTP: the same doors, checks and versions as on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpdesk.settings import KnowledgeSettings
from tests.contract.knowledge_contract import WordEncoder
from tests.live_ticket_api import LiveTicketApi, problem, running

TENT = {
    "id": "tent",
    "title": "Tent",
    "question": "How do I pitch the tent?",
    "body": "Push the poles in, {{name}} says.",
}
LAMP = {
    "id": "lamp",
    "title": "Lamp",
    "question": "How do I charge it?",
    "body": "Use the cable in the box for an hour.",
}
MARKDOWN = {"Content-Type": "text/markdown"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    folder: Path = tmp_path_factory.mktemp("articles")
    (folder / "brand.json").write_text('{"name": "Tarnbrook"}')
    settings = KnowledgeSettings(path=folder, max_load_bytes=200_000)
    with running(tmp_path_factory.mktemp("state"), encoder=WordEncoder(), knowledge=settings) as service:
        yield service


@pytest.fixture
def operator(api: LiveTicketApi) -> httpx.Client:
    client = api.client("operator")
    load(client, TENT, LAMP)
    return client


def load(client: httpx.Client, *articles: dict[str, str]) -> Any:
    response = client.post("/knowledge/load", json={"articles": articles})
    assert response.status_code == 200, response.text
    return response.json()


def test_a_load_names_what_changed_and_who_did_it(operator: httpx.Client) -> None:
    done = operator.post(
        "/knowledge/load?reason=spring",
        content="\n".join(map(json.dumps, (TENT, {**LAMP, "id": "torch"}))),
        headers={"Content-Type": "application/x-ndjson"},
    ).json()
    assert (done["added"], done["removed"], done["unchanged"], done["embedded"]) == (["torch"], ["lamp"], 1, 0)
    version = done["version"]
    assert (version["by"], version["reason"], version["source"], version["action"]) == (
        "operator",
        "spring",
        "HTTP",
        "load",
    )
    listing = operator.get("/knowledge/versions").json()
    assert listing["in_force"] == version["version"]
    assert listing["versions"][0] == version


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("text/csv; charset=utf-8", 'id,title,body\nrope,Rope,"Tie a knot, then another"\n'),
        ("text/markdown", "---\nid: rope\ntitle: Rope\n---\nTie a knot, then another"),
        ("text/html", "<meta name=id content=rope><title>Rope</title><p>Tie a knot, then another</p>"),
        ("application/json", '{"id": "rope", "title": "Rope", "body": "Tie a knot, then another"}'),
    ],
)
def test_articles_are_added_in_every_format(operator: httpx.Client, content_type: str, content: str) -> None:
    response = operator.post("/knowledge/articles", content=content, headers={"Content-Type": content_type})
    assert response.status_code == 201, response.text
    assert response.json()["added"] == ["rope"]
    assert operator.get("/knowledge/articles/rope").json()["body"] == "Tie a knot, then another"
    problem(
        operator.post("/knowledge/articles", content=content, headers={"Content-Type": content_type}),
        409,
        "article-exists",
    )


def test_an_article_is_shown_edited_and_removed(operator: httpx.Client) -> None:
    shown = operator.get("/knowledge/articles/tent").json()
    assert (shown["title"], shown["body"]) == ("Tent", "Push the poles in, Tarnbrook says.")
    before = operator.get("/knowledge/versions?limit=1").json()["in_force"]
    changes = {"title": "Tents", "tags": ["a"], "also_asked": ["Where do the poles go?"], "updated": "2026-03-01"}
    edited = operator.patch("/knowledge/articles/tent", json=changes)
    assert edited.json()["changed"] == ["tent"]
    shown = operator.get("/knowledge/articles/tent").json()
    assert {name: shown[name] for name in changes} == changes
    assert operator.get(f"/knowledge/articles/tent?version={before}").json()["title"] == "Tent"
    assert operator.delete("/knowledge/articles/tent").json()["removed"] == ["tent"]
    problem(operator.get("/knowledge/articles/tent"), 404, "article-not-found")
    problem(operator.delete("/knowledge/articles/tent"), 404, "article-not-found")
    problem(operator.patch("/knowledge/articles/tent", json={"title": "x"}), 404, "article-not-found")
    back = operator.post("/knowledge/rollback", json={"version": before}).json()
    assert (back["added"], back["version"]["action"]) == (["tent"], "rollback")


def test_a_search_finds_what_a_worker_would_find(operator: httpx.Client) -> None:
    found = operator.get("/knowledge/search", params={"question": "how do I pitch the tent", "limit": 1}).json()
    assert [passage["article"]["article_id"] for passage in found["passages"]] == ["tent"]
    assert 0.3 < found["passages"][0]["similarity"] <= 1
    assert found["version"] == operator.get("/knowledge/versions").json()["in_force"]


def test_a_search_is_narrowed_by_fields_and_refuses_unknown_ones(operator: httpx.Client) -> None:
    def search(*filters: str) -> httpx.Response:
        return operator.get("/knowledge/search", params={"question": "how do I pitch the tent", "filter": filters})

    assert operator.patch("/knowledge/articles/tent", json={"tags": ["narrow"]}).is_success
    narrowed = search("tag=narrow").json()["passages"]
    assert [passage["article"]["article_id"] for passage in narrowed] == ["tent"]
    assert search("tag=narrow", "intent=none_such").json()["passages"] == []
    for wrong in ("intnet=x", "intent", "intent="):
        refused = search(wrong)
        assert refused.status_code == 422
        assert refused.json()["type"] == "urn:helpdesk:problem:invalid-input"


def test_articles_are_listed_page_by_page(operator: httpx.Client) -> None:
    first = operator.get("/knowledge/articles?limit=1").json()
    second = operator.get("/knowledge/articles", params={"limit": 1, "after": first["next_after"]}).json()
    assert [page["articles"][0]["article_id"] for page in (first, second)] == ["lamp", "tent"]
    assert second["next_after"] is None


def test_errors_name_each_article_and_nothing_changes(operator: httpx.Client) -> None:
    before = operator.get("/knowledge/versions").json()
    rows = [TENT, {**LAMP, "body": "Dear {{customer}}, use it."}, {**LAMP, "id": "x y"}]
    told = problem(operator.post("/knowledge/load", json={"articles": rows}), 422, "articles-refused")
    assert {error["field"] for error in told["errors"]} == {"upload.json#2", "upload.json#3"}
    assert all(error["remedy"] for error in told["errors"])
    assert operator.get("/knowledge/versions").json() == before


def test_a_check_reports_and_changes_nothing(operator: httpx.Client) -> None:
    before = operator.get("/knowledge/versions").json()
    rows = [{**TENT, "intent": "complain"}, {**LAMP, "body": ""}]
    report = operator.post("/knowledge/check", json={"articles": rows}).json()
    assert (report["usable"], report["articles"], report["errors"]) == (False, 2, 1)
    assert {"empty", "unknown-intent", "no-intent"} == {finding["code"] for finding in report["findings"]}
    in_force = operator.get("/knowledge/check").json()
    assert (in_force["usable"], in_force["articles"]) == (True, 2)
    assert operator.get("/knowledge/versions").json() == before


@pytest.mark.parametrize(
    ("content", "content_type", "status", "kind"),
    [
        ("x", "application/pdf", 422, "invalid-input"),
        ("x", "", 422, "invalid-input"),
        ("", "text/markdown", 422, "articles-refused"),
        ("[]", "application/json", 422, "articles-refused"),
        ("{", "application/json", 422, "articles-refused"),
        ("[" * 150_000, "application/json", 422, "articles-refused"),
        ('{"articles": ' + "[" * 20, "application/json", 422, "articles-refused"),
        ("\0\1\2", "text/csv", 422, "articles-refused"),
        ("x" * 200_001, "text/csv", 413, "payload-too-large"),
    ],
)
def test_bad_bodies_are_refused(
    operator: httpx.Client, content: str, content_type: str, status: int, kind: str
) -> None:
    headers = {"Content-Type": content_type}
    problem(operator.post("/knowledge/load", content=content.encode(), headers=headers), status, kind)


def test_a_body_without_a_length_is_bounded_too(operator: httpx.Client) -> None:
    parts = (b"x" * 10_000 for _ in range(100))
    problem(
        operator.post("/knowledge/load", content=parts, headers={"Content-Type": "text/csv"}), 413, "payload-too-large"
    )


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "a%20b", "%00", "x" * 200, "%F0%9F%8F%95"])
def test_ids_with_path_characters_are_no_articles(operator: httpx.Client, name: str) -> None:
    for response in (operator.get(f"/knowledge/articles/{name}"), operator.delete(f"/knowledge/articles/{name}")):
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"


def test_markup_in_an_article_stays_data(operator: httpx.Client) -> None:
    text = "Use <b onclick=steal()>it</b> well, every single day."
    told = problem(
        operator.post("/knowledge/articles", json={**LAMP, "id": "evil", "body": text}), 422, "articles-refused"
    )
    assert "onclick" in told["errors"][0]["problem"]
    response = operator.post(
        "/knowledge/articles", json={**LAMP, "id": "bold", "title": "<i>Lamp</i>", "question": "b?"}
    )
    assert response.status_code == 201
    shown = operator.get("/knowledge/articles/bold")
    assert shown.headers["content-type"] == "application/json"
    assert shown.json()["title"] == "<i>Lamp</i>"


@pytest.mark.parametrize("role", ["portal", "agent", "ml", None])
def test_only_operators_keep_the_knowledge_base(api: LiveTicketApi, role: str | None) -> None:
    client = api.client(role)
    status, kind = (403, "not-authorised") if role else (401, "not-authenticated")
    for method, path in (
        ("GET", "/knowledge/articles"),
        ("GET", "/knowledge/articles/tent"),
        ("GET", "/knowledge/search?question=tent"),
        ("GET", "/knowledge/versions"),
        ("GET", "/knowledge/check"),
        ("DELETE", "/knowledge/articles/tent"),
        ("POST", "/knowledge/rollback"),
    ):
        problem(client.request(method, path), status, kind)
    for path in ("/knowledge/load", "/knowledge/check", "/knowledge/articles"):
        problem(client.post(path, content=b"x" * 100_000, headers=MARKDOWN), status, kind)
