"""The knowledge base is complete, agrees with the facts of its shop, and can be quoted sentence by sentence."""

import json
import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.near_duplicates import near_keys, normal_form

DATA = Path(__file__).resolve().parents[2] / "data"
INTENTS: list[dict[str, str]] = json.loads((DATA / "intents.json").read_text(encoding="utf-8"))
BRAND: dict[str, Any] = json.loads((DATA / "brand.json").read_text(encoding="utf-8"))

FRONT_MATTER_KEYS = ["id", "title", "question", "intent", "category", "updated", "tags"]
LINK = re.compile(r"https?://\S+")
DURATION = re.compile(r"\b\d+(?: to \d+)? (?:working )?(?:minute|hour|day|week|month|year)s?\b")
PLACEHOLDER = re.compile(
    r"\{\{|\}\}|\{\w*\}|<[^>]*>|\[[^\]]*\]|\$\{|%\w+%|\b(?:lorem|ipsum|todo|tbd|tba|fixme|xxx+)\b", re.IGNORECASE
)
DONE_FOR_THE_CUSTOMER = re.compile(
    r"\b(?:we|I) (?:have |already )*(?:refunded|cancelled|sent you|changed your|deleted your|credited)\b"
    r"|\byour (?:refund|order|account) has (?:already )?been\b",
    re.IGNORECASE,
)
BARE_PRONOUN = re.compile(r"(?:It|This|That|They|These|Those|He|She|Then|Afterwards)\b")


@dataclass(frozen=True)
class Article:
    """One parsed file: where it is, its front matter and its body."""

    path: Path
    meta: dict[str, Any]
    body: str

    @property
    def id(self) -> str:
        return str(self.meta["id"])

    @property
    def sentences(self) -> list[str]:
        lines = (re.sub(r"^(?:\d+\.|-) ", "", line) for line in self.body.splitlines() if line)
        return [sentence for line in lines for sentence in re.split(r"(?<=[.!?])\s+", line)]


def _read(path: Path) -> Article:
    opening, front_matter, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert opening == "", f"{path.name} does not start with front matter"
    return Article(path, yaml.safe_load(front_matter), body.strip())


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return [_read(path) for path in sorted((DATA / "knowledge_base").rglob("*.md"))]


def test_the_27_intents_are_listed_once_each_in_eleven_categories() -> None:
    assert len({row["intent"] for row in INTENTS}) == len(INTENTS) == 27
    assert len({row["category"] for row in INTENTS}) == 11
    assert all(set(row) == {"intent", "category", "description"} and all(row.values()) for row in INTENTS)


def test_there_are_at_least_130_articles_and_four_for_every_intent(articles: list[Article]) -> None:
    per_intent = Counter(article.meta["intent"] for article in articles)
    assert len(articles) >= 130
    assert {row["intent"]: per_intent[row["intent"]] for row in INTENTS if per_intent[row["intent"]] < 4} == {}


def test_front_matter_has_exactly_the_agreed_keys_with_filled_values(articles: list[Article]) -> None:
    for article in articles:
        meta = article.meta
        assert [key for key in meta if key != "also_asked"] == FRONT_MATTER_KEYS, article.path.name
        assert all(isinstance(meta[key], str) and meta[key].strip() for key in ("title", "question")), article.id
        assert isinstance(meta["updated"], date), article.id
        assert meta["updated"].year == 2026, article.id
        assert meta["tags"], article.id
        assert all(isinstance(tag, str) and tag for tag in meta["tags"]), article.id


def test_intent_category_and_folder_of_an_article_agree(articles: list[Article]) -> None:
    category_of = {row["intent"]: row["category"] for row in INTENTS}
    for article in articles:
        assert category_of.get(article.meta["intent"]) == article.meta["category"], article.id
        assert article.path.parent.name == article.meta["category"].lower(), article.id


def test_ids_are_unique_kebab_case_and_equal_the_file_name(articles: list[Article]) -> None:
    assert [article.id for article in articles if article.id != article.path.stem] == []
    assert [article.id for article in articles if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", article.id)] == []
    assert [name for name, count in Counter(article.id for article in articles).items() if count > 1] == []


def test_titles_and_questions_are_not_used_twice(articles: list[Article]) -> None:
    for key in ("title", "question"):
        texts = Counter(article.meta[key].casefold() for article in articles)
        assert [text for text, count in texts.items() if count > 1] == []


def test_other_wordings_of_a_question_are_filled_and_lead_to_one_article(articles: list[Article]) -> None:
    wordings = [(text, article.id) for article in articles for text in article.meta.get("also_asked", [])]
    assert [(text, name) for text, name in wordings if not isinstance(text, str) or not text.strip()] == []
    times = Counter(normal_form(text) for text, _ in wordings)
    assert [(text, name) for text, name in wordings if times[normal_form(text)] > 1] == []


def test_no_other_wording_is_that_of_a_held_out_ticket(articles: list[Article]) -> None:
    """Retrieval is judged with those tickets."""
    tickets = map(json.loads, (DATA / "training_tickets.jsonl").read_text(encoding="utf-8").splitlines())
    held_out = {key for row in tickets if row["split"] == "test" for key in _keys(row["text"])}
    wordings = [(article.id, text) for article in articles for text in article.meta.get("also_asked", [])]
    assert [(name, text) for name, text in wordings if held_out & _keys(text)] == []


def _keys(text: str) -> set[Hashable]:
    form = normal_form(text)
    return {form, *near_keys(form, "")}


def test_bodies_have_60_to_200_words(articles: list[Article]) -> None:
    lengths = {article.id: len(article.body.split()) for article in articles}
    assert {name: words for name, words in lengths.items() if not 60 <= words <= 200} == {}


def test_no_article_holds_a_placeholder(articles: list[Article]) -> None:
    texts = {article.id: f"{article.meta['title']} {article.meta['question']} {article.body}" for article in articles}
    found = {name: match.group() for name, text in texts.items() if (match := PLACEHOLDER.search(text))}
    assert found == {}


@pytest.mark.parametrize("text", ["Dear {{name}}", "Call [PHONE]", "Hello <customer>", "Lorem ipsum", "${x}", "{x}"])
def test_the_placeholder_pattern_recognises_each_form(text: str) -> None:
    assert PLACEHOLDER.search(text)


def test_no_article_claims_that_something_has_been_done(articles: list[Article]) -> None:
    found = {article.id: hit.group() for article in articles if (hit := DONE_FOR_THE_CUSTOMER.search(article.body))}
    assert found == {}


def test_the_first_sentence_stands_in_a_paragraph_of_prose(articles: list[Article]) -> None:
    openings = {article.id: article.sentences[0] for article in articles}
    weak = {name: text for name, text in openings.items() if len(text.split()) < 6 or not text.endswith(".")}
    assert weak == {}


def test_no_sentence_opens_with_a_bare_pronoun(articles: list[Article]) -> None:
    found = [(article.id, text) for article in articles for text in article.sentences if BARE_PRONOUN.match(text)]
    assert found == []


def test_numbered_steps_count_up_from_one(articles: list[Article]) -> None:
    for article in articles:
        numbers = [int(number) for number in re.findall(r"^(\d+)\. ", article.body, re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1)), article.id


def test_links_to_articles_resolve_and_all_others_are_pages_of_the_shop(articles: list[Article]) -> None:
    prefix = BRAND["article_url_prefix"]
    known = {prefix + article.id for article in articles} | set(BRAND["pages"].values())
    assert [(article.id, url) for article in articles for url in LINK.findall(article.body) if url not in known] == []
    assert [article.id for article in articles if prefix + article.id in article.body] == []


def test_every_page_of_the_shop_is_under_a_reserved_domain() -> None:
    urls = [BRAND["article_url_prefix"], *BRAND["pages"].values()]
    assert {url.split("/")[2] for url in urls} == set(BRAND["hosts"])
    assert [host for host in BRAND["hosts"] if not host.endswith(".example")] == []
    assert [address for address in BRAND["emails"].values() if not address.endswith(".example")] == []


def test_fees_deadlines_and_percentages_are_those_of_the_brand(articles: list[Article]) -> None:
    facts = {
        re.compile(r"EUR (\d[\d,]*\.\d\d)"): set(BRAND["fees_eur"].values()),
        re.compile(r"(\d+ %)"): set(BRAND["percentages"].values()),
        DURATION: set(BRAND["deadlines"].values()),
    }
    for pattern, allowed in facts.items():
        named = {(article.id, fact) for article in articles for fact in pattern.findall(article.body)}
        assert sorted((name, fact) for name, fact in named if fact not in allowed) == []


def test_amounts_are_written_in_the_one_form_that_is_checked(articles: list[Article]) -> None:
    loose = re.compile(r"[€$£]|\bEUR(?! \d[\d,]*\.\d\d\b)(?= ?\d)|\d ?(?:EUR|euros?)\b")
    assert [article.id for article in articles if loose.search(article.body)] == []


def test_email_addresses_and_phone_numbers_are_those_of_the_brand(articles: list[Article]) -> None:
    for article in articles:
        addresses = set(re.findall(r"[\w.-]+@[\w-]+(?:\.[\w-]+)+", article.body))
        numbers = set(re.findall(r"\+\d[\d ]{6,}\d", article.body))
        assert addresses <= set(BRAND["emails"].values()), article.id
        assert numbers <= set(BRAND["phones"].values()), article.id


def test_no_two_articles_are_nearly_identical(articles: list[Article]) -> None:
    tokens = [(article.id, set(re.findall(r"\w+", article.body.casefold()))) for article in articles]
    twins = [
        (a, b) for (a, left), (b, right) in combinations(tokens, 2) if len(left & right) >= 0.8 * len(left | right)
    ]
    assert twins == []


def test_every_fee_of_the_brand_is_explained_in_an_article(articles: list[Article]) -> None:
    everything = "\n".join(article.body for article in articles)
    assert {name: fee for name, fee in BRAND["fees_eur"].items() if f"EUR {fee}" not in everything} == {}
