"""What a check finds: each kind of fault once, as an error that stops a load or a warning that is shown."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from helpdesk.errors import InvalidData
from helpdesk.knowledge.brand import Brand
from helpdesk.knowledge.checking import check_articles, check_sources
from helpdesk.knowledge.sources import RawArticle, Sources
from helpdesk.knowledge.standards import Standards
from helpdesk.ports.knowledge import Article

BRAND = {
    "name": "Tarnbrook",
    "phones": {"service": "+353 20 915 0142"},
    "order_statuses": ["Received", "Paid"],
    "hosts": ["www.shop.example", "help.shop.example"],
    "article_url_prefix": "https://help.shop.example/articles/",
    "pages": {"orders": "https://www.shop.example/orders"},
}
TENT = {"id": "tent", "title": "Tent", "question": "How do I pitch the tent?", "intent": "use_tent"}
BODY = "Push the poles into the sleeves, then peg the corners down."


@pytest.fixture
def standards(tmp_path: Path) -> Standards:
    (tmp_path / "brand.json").write_text(json.dumps(BRAND))
    return Standards(
        today=date(2026, 11, 1),
        brand=Brand.beside(tmp_path / "articles"),
        intents={"use_tent": "GEAR", "use_lamp": "LIGHT"},
        stale_after_days=365,
    )


def found(standards: Standards, *rows: Mapping[str, object]) -> list[tuple[str, str, str]]:
    raws = tuple(RawArticle(f"file:{at}", {**TENT, "body": BODY, **row}) for at, row in enumerate(rows, start=1))
    return [(item.severity, item.code, item.where) for item in check_sources(Sources(raws), standards).findings]


def only(standards: Standards, **fields: object) -> tuple[str, str]:
    [(severity, code, where)] = found(standards, fields)
    assert where == "file:1"
    return severity, code


def test_a_good_article_has_no_findings(standards: Standards) -> None:
    assert found(standards, {}) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"body": ""}, "empty"),
        ({"body": "word " * 5000}, "huge"),
        ({"title": "x" * 600}, "huge"),
        ({"body": f"{BODY} Call {{{{phones.night}}}}."}, "placeholder"),
        ({"question": "How do I pitch <your tent>?"}, "placeholder"),
        ({"body": f"{BODY} TODO"}, "placeholder"),
        ({"body": f"{BODY} Fran\ufffdais."}, "encoding"),
        ({"body": f"{BODY} \x1b[2J"}, "hidden-character"),
        ({"body": f"{BODY} \u202egnirts"}, "hidden-character"),
        ({"body": f"{BODY} <script>alert(1)</script>"}, "script"),
        ({"body": f"{BODY} <img src=x onerror=alert(1)>"}, "script"),
        ({"body": f"{BODY} [x](javascript:alert(1))"}, "script"),
        ({"body": f"{BODY} See https://help.shop.example/articles/nowhere."}, "dead-link"),
        ({"body": f"{BODY} See [there](nowhere.md)."}, "dead-link"),
        ({"body": f"{BODY} See http://[broken."}, "dead-link"),
        ({"id": "../../etc/passwd"}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "帐篷"}, "id"),
        ({"id": "x" * 129}, "id"),
        ({"id": "a\x00b"}, "id"),
    ],
)
def test_what_must_not_reach_a_customer_is_an_error(standards: Standards, fields: dict[str, str], code: str) -> None:
    found_codes = {(severity, kind) for severity, kind, _ in found(standards, fields)}
    assert ("error", code) in found_codes


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"body": "Poles first."}, "short"),
        ({"body": f"{BODY} " * 150}, "long"),
        ({"body": f"{BODY} It costs â‚¬ 5, itâ€™s cheap."}, "encoding"),
        ({"body": f"{BODY} zero\u200bwidth"}, "hidden-character"),
        ({"body": f"{BODY} <b>Bold</b>."}, "markup"),
        ({"intent": ""}, "no-intent"),
        ({"intent": "use_tant"}, "unknown-intent"),
        ({"category": "LIGHT"}, "category"),
        ({"updated": "2025-10-31"}, "stale"),
        ({"updated": "2027-01-01"}, "date"),
        ({"body": f"{BODY} See https://www.shop.example/new."}, "unknown-page"),
    ],
)
def test_what_somebody_should_look_at_is_a_warning(standards: Standards, fields: dict[str, str], code: str) -> None:
    assert only(standards, **fields) == ("warning", code)


def test_placeholders_are_filled_from_the_brand_file(standards: Standards) -> None:
    text = "{{name}} answers {{ phones.service }}, {{Phones.Service}}: {{order statuses}}. Anywhere in the world."
    raw = RawArticle("a.md", {**TENT, "title": "Call {{name}}", "body": text})
    checked = check_sources(Sources((raw,)), standards)
    assert checked.findings == ()
    assert checked.articles[0].title == "Call Tarnbrook"
    assert checked.articles[0].body == (
        "Tarnbrook answers +353 20 915 0142, +353 20 915 0142: Received, Paid. Anywhere in the world."
    )


def test_the_intent_brings_the_category_and_the_prefix_the_address(standards: Standards) -> None:
    [article] = check_sources(Sources((RawArticle("a", {**TENT, "body": BODY}),)), standards).articles
    assert article.category == "GEAR"
    assert article.url == "https://help.shop.example/articles/tent"


def test_links_that_work_are_no_finding(standards: Standards) -> None:
    text = (
        f"{BODY} See https://help.shop.example/articles/lamp#top, https://www.shop.example/orders?x=1, "
        "<https://other.example/x> and [mail](mailto:a@b.example)."
    )
    lamp = {"id": "lamp", "question": "How do I charge the lamp?", "body": "Use the cable in the box and wait an hour."}
    assert found(standards, {"body": text}, lamp) == []


def test_a_link_to_an_articles_file_becomes_its_address(standards: Standards) -> None:
    rows = (
        RawArticle("tent.md", {**TENT, "body": f"{BODY} See [lamps](../light/lamp.md#charge)."}),
        RawArticle(
            "lamp.md", {**TENT, "id": "lamp", "question": "Lamp?", "body": "Use the cable, wait an hour or two."}
        ),
    )
    articles = check_sources(Sources(rows), standards).articles
    assert articles[1].body.endswith("[lamps](https://help.shop.example/articles/lamp).")


def test_an_id_given_twice_is_an_error_at_the_second_place(standards: Standards) -> None:
    rows = ({"body": BODY}, {"body": "Something else that is long enough to be read.", "question": "Other?"})
    assert found(standards, *rows) == [("error", "duplicate-id", "file:2")]


def test_copies_and_near_copies_are_named_once(standards: Standards) -> None:
    long = " ".join(f"Pole number {n} goes into sleeve {n * 37 % 101}." for n in range(20))
    rows = (
        {"id": "one", "question": "First?", "body": long},
        {"id": "copy", "question": "Second?", "body": long.upper() + " !"},
        {"id": "near", "question": "Third?", "body": long.replace("Pole number 7 ", "Peg number 7 ")},
        {"id": "other", "question": "first", "body": "Use the cable in the box, and wait for an hour."},
    )
    assert found(standards, *rows) == [
        ("warning", "duplicate", "file:2"),
        ("warning", "near-duplicate", "file:3"),
        ("warning", "same-question", "file:4"),
    ]


def test_nothing_is_known_without_brand_and_intents() -> None:
    article = Article(
        article_id="a", title="A", question="A?", intent="any", category="ANY", body=f"{BODY} {{{{name}}}}"
    )
    codes = [finding.code for finding in check_articles([article], Standards(today=date(2026, 1, 1)))]
    assert codes == ["placeholder"]
    assert check_articles([replace(article, body=BODY)], Standards(today=date(2026, 1, 1))) == []


@pytest.mark.parametrize("text", ["[]", "{", '"x"', "[" * 100_000])
def test_a_broken_brand_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "brand.json").write_text(text)
    with pytest.raises(InvalidData, match=r"brand\.json"):
        Brand.beside(tmp_path)
