"""The sample tickets are valid `POST /tickets` bodies that cover every scenario, and the data matches its checksums."""

import base64
import json
import re
import runpy
import unicodedata
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
CATEGORY_OF = {row["intent"]: row["category"] for row in json.loads((DATA / "intents.json").read_text("utf-8"))}

REQUIRED_KEYS = {"user", "description", "metadata"}
OPTIONAL_KEYS = {"subject", "channel", "customer_tier", "language"}
CHANNELS = {"email", "chat", "web", "phone", "api"}
TIERS = {"free", "standard", "premium", "enterprise"}
SCENARIOS = {
    *("answerable-short", "answerable-sloppy", "answerable-formal", "answerable-long-winded"),
    *("upset", "sarcastic", "legal-threat", "safety", "wants-person", "out-of-scope", "other-language"),
    *("typos", "html", "quoted-thread", "injection-direct", "injection-html", "injection-base64"),
    *("very-long", "nearly-empty", "duplicate", "emoji-only", "number-heavy", "two-questions"),
}

Ticket = dict[str, Any]


@pytest.fixture(scope="module")
def tickets() -> list[Ticket]:
    lines = (DATA / "sample_tickets.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _of(tickets: list[Ticket], scenario: str) -> list[Ticket]:
    return [ticket for ticket in tickets if ticket["metadata"]["scenario"] == scenario]


def test_there_are_64_tickets_with_exactly_the_keys_of_an_intake_body(tickets: list[Ticket]) -> None:
    assert len(tickets) == 64
    for ticket in tickets:
        assert set(ticket) >= REQUIRED_KEYS, ticket
        assert set(ticket) <= REQUIRED_KEYS | OPTIONAL_KEYS, ticket
        assert all(isinstance(value, str) and value.strip() for key, value in ticket.items() if key != "metadata")


def test_channel_tier_and_language_hold_known_values(tickets: list[Ticket]) -> None:
    assert {ticket["channel"] for ticket in tickets if "channel" in ticket} == CHANNELS
    assert {ticket["customer_tier"] for ticket in tickets if "customer_tier" in ticket} == TIERS
    languages = {ticket["language"] for ticket in tickets if "language" in ticket}
    assert all(re.fullmatch(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", language) for language in languages)


def test_descriptions_fit_the_limit_and_hold_no_control_characters(tickets: list[Ticket]) -> None:
    for ticket in tickets:
        text = ticket["description"]
        assert len(text.encode()) <= 16 * 1024
        assert [char for char in text if unicodedata.category(char) == "Cc" and char not in "\n\t"] == []


def test_every_user_has_an_address_under_a_reserved_domain(tickets: list[Ticket]) -> None:
    assert [
        ticket["user"] for ticket in tickets if not re.fullmatch(r"[\w.]+@[\w-]+(\.\w+)*\.example", ticket["user"])
    ] == []


def test_every_scenario_is_present_and_explained_in_the_readme(tickets: list[Ticket]) -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert {ticket["metadata"]["scenario"] for ticket in tickets} == SCENARIOS
    assert [scenario for scenario in sorted(SCENARIOS) if f"`{scenario}`" not in readme] == []


def test_metadata_holds_nothing_but_the_scenario_and_a_known_intent(tickets: list[Ticket]) -> None:
    for ticket in tickets:
        assert set(ticket["metadata"]) <= {"scenario", "expected_intent"}
        assert ticket["metadata"].get("expected_intent", "complaint") in CATEGORY_OF


def test_every_intent_is_asked_and_every_category_at_least_three_times(tickets: list[Ticket]) -> None:
    asked = Counter(ticket["metadata"].get("expected_intent") for ticket in tickets)
    per_category = Counter[str]()
    for intent, category in CATEGORY_OF.items():
        per_category[category] += asked[intent]
    assert [intent for intent in CATEGORY_OF if not asked[intent]] == []
    assert {category: count for category, count in per_category.items() if count < 3} == {}


def test_only_the_duplicate_pair_repeats_a_ticket(tickets: list[Ticket]) -> None:
    first, second = _of(tickets, "duplicate")
    assert first == second
    texts = Counter((ticket["user"], ticket["description"]) for ticket in tickets)
    assert [pair for pair, count in texts.items() if count > 1] == [(first["user"], first["description"])]


def test_other_languages_include_german_spanish_french_japanese_and_arabic(tickets: list[Ticket]) -> None:
    texts = [ticket["description"] for ticket in _of(tickets, "other-language")]
    for evidence in ("Erstattung", "¿", "colis", "キャンセル", "كلمة"):
        assert [text for text in texts if evidence in text], evidence
    assert [ticket for ticket in _of(tickets, "other-language") if "language" not in ticket]


def test_the_very_long_ticket_asks_its_question_after_more_than_11_kilobytes(tickets: list[Ticket]) -> None:
    (ticket,) = _of(tickets, "very-long")
    assert 11_000 < len(ticket["description"].encode()) < 13_000
    assert ticket["description"].index("What should I do now") > 10_000


def test_the_html_ticket_holds_markup_and_entities(tickets: list[Ticket]) -> None:
    (ticket,) = _of(tickets, "html")
    assert {"<style>", "&nbsp;", "&amp;", "<br>"} <= set(
        re.findall(r"<style>|&nbsp;|&amp;|<br>", ticket["description"])
    )


def test_the_quoted_thread_is_calm_above_and_angry_below_the_signature(tickets: list[Ticket]) -> None:
    (ticket,) = _of(tickets, "quoted-thread")
    written, separator, rest = ticket["description"].partition("\n-- \n")
    assert separator
    assert "\n>> " in rest
    assert "lawyer" in rest
    assert "lawyer" not in written


def test_the_injections_are_direct_hidden_in_markup_and_encoded(tickets: list[Ticket]) -> None:
    (direct,) = _of(tickets, "injection-direct")
    (hidden,) = _of(tickets, "injection-html")
    (encoded,) = _of(tickets, "injection-base64")
    assert "Ignore all previous instructions" in direct["description"]
    assert "display:none" in hidden["description"]
    (blob,) = re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", encoded["description"])
    assert b"Approve a refund" in base64.b64decode(blob, validate=True)


def test_the_smallest_tickets_are_a_question_mark_a_greeting_and_emoji_without_a_letter(tickets: list[Ticket]) -> None:
    assert {ticket["description"] for ticket in _of(tickets, "nearly-empty")} == {"?", "hi"}
    (emoji,) = _of(tickets, "emoji-only")
    assert not any(char.isalnum() for char in emoji["description"])


def _documented_digest(path: Path) -> str:
    if path.is_file():
        return sha256(path.read_bytes()).hexdigest()
    articles = sorted(path.rglob("*.md"), key=lambda article: article.relative_to(path.parent).as_posix())
    lines = [
        f"{sha256(article.read_bytes()).hexdigest()}  {article.relative_to(path.parent).as_posix()}\n"
        for article in articles
    ]
    return sha256("".join(lines).encode()).hexdigest()


def test_every_recorded_checksum_is_that_of_the_file_on_disk() -> None:
    recorded: dict[str, str] = json.loads((DATA / "checksums.json").read_text(encoding="utf-8"))
    assert {"knowledge_base", "sample_tickets.jsonl", "intents.json", "brand.json"} <= set(recorded)
    stale = [name for name, digest in recorded.items() if _documented_digest(DATA / name) != digest]
    assert stale == [], "run `python data/checksums.py`"


def test_the_checksum_script_follows_the_documented_recipe(tmp_path: Path) -> None:
    (tmp_path / "knowledge_base" / "b").mkdir(parents=True)
    (tmp_path / "knowledge_base" / "b" / "two.md").write_text("two\n")
    (tmp_path / "knowledge_base" / "a.md").write_text("one\n")
    (tmp_path / "rows.jsonl").write_text("{}\n")
    (tmp_path / "checksums.json").write_text("{}")
    written = runpy.run_path(str(DATA / "checksums.py"))["checksums"](tmp_path)
    assert written == {name: _documented_digest(tmp_path / name) for name in ("knowledge_base", "rows.jsonl")}


def test_a_changed_article_changes_the_checksum_of_the_knowledge_base(tmp_path: Path) -> None:
    article = tmp_path / "knowledge_base" / "a.md"
    article.parent.mkdir()
    article.write_text("one\n")
    checksums = runpy.run_path(str(DATA / "checksums.py"))["checksums"]
    before = checksums(tmp_path)
    article.write_text("One\n")
    assert checksums(tmp_path) != before
