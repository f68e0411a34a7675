"""What every knowledge base promises, as tests that each adapter's suite inherits."""

import re
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from helpdesk.errors import ArticleNotFound, InvalidData, InvalidInput, KnowledgeUnavailable, VersionConflict
from helpdesk.ports.encoder import Encoding
from helpdesk.ports.knowledge import Article, Knowledge, LoadReport, Question


class WordEncoder:
    """Hashes words into 512 dimensions: alike where words are shared, without a model, and it counts its work."""

    name = "words"

    def __init__(self) -> None:
        self.encoded: list[str] = []
        self.fails = False

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.fails:
            raise KnowledgeUnavailable("The encoder cannot be loaded.")
        self.encoded += texts
        rows = np.zeros((len(texts), 512), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for place in places(text):
                row[place] += 1.0
            row[0] += 1e-3
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def encode_with_tokens(self, texts: Sequence[str]) -> list[Encoding]:
        every_word = np.eye(512, dtype=np.float32)
        vectors = self.encode(texts)
        return [Encoding(vector, every_word[places(text)]) for vector, text in zip(vectors, texts, strict=True)]


def places(text: str) -> list[int]:
    return [zlib.crc32(word.encode()) % 512 for word in re.findall(r"\w{3,}", text.lower())]


class Opens(Protocol):
    """Opens one more handle on the same knowledge base, as another process would."""

    def __call__(self) -> Knowledge: ...


def make_article(article_id: str, *, question: str, body: str, intent: str = "use_it") -> Article:
    return Article(
        article_id=article_id,
        title=f"About the {article_id}",
        question=question,
        intent=intent,
        category="GEAR",
        body=body,
    )


TENT = make_article("tent", question="How do I pitch the tent?", intent="use_tent", body="Push the poles in first.")
STOVE = make_article("stove", question="How do I light the stove?", intent="use_stove", body="Open the gas a little.")
LAMP = make_article("lamp", question="How do I charge the lamp?", intent="use_lamp", body="Use the cable in the box.")
ARTICLES = (TENT, STOVE, LAMP)
FULL = replace(
    TENT,
    url="https://help.example/tent",
    updated="2026-02-01",
    tags=("camping", "poles; pegs"),
    also_asked=("Which side belongs outside?", "Where do pegs go?"),
)


def found(knowledge: Knowledge, text: str, *, limit: int = 5, **prior: float) -> list[str]:
    (passages,) = knowledge.search([Question(text=text, intent_prior=prior)], limit=limit)
    return [passage.article.article_id for passage in passages]


class KnowledgeContract:
    """Inherit, and provide the fixture ``opens``."""

    @pytest.fixture
    def words(self) -> WordEncoder:
        return WordEncoder()

    @pytest.fixture
    def opens(self, words: WordEncoder) -> Iterator[Opens]:
        raise NotImplementedError

    @pytest.fixture
    def knowledge(self, opens: Opens) -> Knowledge:
        return opens()

    def test_an_empty_knowledge_base_has_no_version_and_answers_nothing(self, knowledge: Knowledge) -> None:
        assert knowledge.version() == ""
        with pytest.raises(KnowledgeUnavailable, match="kb load"):
            knowledge.search([Question(text="tent")], limit=1)
        with pytest.raises(KnowledgeUnavailable):
            knowledge.check()

    def test_a_search_of_an_empty_knowledge_base_loads_the_encoder(
        self, knowledge: Knowledge, words: WordEncoder
    ) -> None:
        """A worker warms up with one; where the articles come later, its first ticket must not wait for the model."""
        with pytest.raises(KnowledgeUnavailable):
            knowledge.search([Question(text="warm up")], limit=1)
        assert words.encoded == ["warm up"]

    def test_an_article_is_found_by_its_question_and_comes_back_as_it_was_loaded(self, knowledge: Knowledge) -> None:
        knowledge.load([FULL, STOVE, LAMP])
        knowledge.check()
        (passages,) = knowledge.search([Question(text="How do I pitch the tent?")], limit=1)
        assert [passage.article for passage in passages] == [FULL]
        assert 0.5 < passages[0].similarity <= 1.0

    def test_an_article_is_found_by_each_wording_of_its_question(self, knowledge: Knowledge) -> None:
        knowledge.load([STOVE, FULL, LAMP])
        for text in FULL.also_asked:
            assert found(knowledge, text, limit=1) == ["tent"]

    def test_an_article_is_read_by_its_id(self, knowledge: Knowledge) -> None:
        with pytest.raises(KnowledgeUnavailable):
            knowledge.article("tent")
        knowledge.load([FULL, STOVE])
        assert knowledge.article("tent") == FULL
        with pytest.raises(ArticleNotFound, match="lamp"):
            knowledge.article("lamp")

    def test_passages_come_best_first_and_no_more_than_asked_for(self, knowledge: Knowledge) -> None:
        knowledge.load(ARTICLES)
        (passages,) = knowledge.search([Question(text="how do I light the stove")], limit=2)
        assert len(passages) == 2
        assert passages[0].article == STOVE
        assert passages[0].similarity > passages[1].similarity

    def test_many_questions_are_answered_in_their_order(self, knowledge: Knowledge) -> None:
        knowledge.load(ARTICLES)
        questions = [Question(text=article.question) for article in (LAMP, TENT, STOVE, LAMP)]
        answers = knowledge.search(questions, limit=1)
        assert [passages[0].article.article_id for passages in answers] == ["lamp", "tent", "stove", "lamp"]
        assert knowledge.search([], limit=1) == []

    def test_the_probable_intent_tips_a_near_tie(self, knowledge: Knowledge) -> None:
        knowledge.load(ARTICLES)
        assert found(knowledge, "stove lamp", limit=1, use_stove=0.9, use_lamp=0.1) == ["stove"]
        assert found(knowledge, "stove lamp", limit=1, use_stove=0.1, use_lamp=0.9) == ["lamp"]

    def test_the_probable_intent_does_not_overrule_a_clear_case(self, knowledge: Knowledge) -> None:
        knowledge.load(ARTICLES)
        assert found(knowledge, "How do I pitch the tent?", limit=1, use_stove=0.7, use_tent=0.3) == ["tent"]

    def test_of_near_duplicates_only_one_is_returned(self, knowledge: Knowledge) -> None:
        twin = replace(TENT, article_id="tent-again")
        knowledge.load([TENT, twin, STOVE, LAMP])
        names = found(knowledge, "How do I pitch the tent?", limit=4)
        assert len(names) == 3
        assert len({"tent", "tent-again"} & set(names)) == 1

    def test_a_load_says_what_it_changed_and_encodes_nothing_else(
        self, knowledge: Knowledge, words: WordEncoder
    ) -> None:
        first = knowledge.load(ARTICLES)
        assert (first.added, first.changed, first.removed, first.unchanged) == (3, 0, 0, 0)
        words.encoded.clear()
        extra = make_article("bag", question="How do I wash the bag?", body="Use cold water.")
        second = knowledge.load([TENT, replace(STOVE, body="Open the gas fully."), extra])
        assert (second.added, second.changed, second.removed, second.unchanged) == (1, 1, 1, 1)
        assert not any("pitch the tent" in text for text in words.encoded)
        assert found(knowledge, "How do I wash the bag?", limit=1) == ["bag"]
        assert "lamp" not in found(knowledge, "How do I charge the lamp?")

    def test_only_articles_whose_words_changed_are_encoded(self, knowledge: Knowledge, words: WordEncoder) -> None:
        assert knowledge.load(ARTICLES).embedded == 3
        words.encoded.clear()
        report = knowledge.load([replace(TENT, updated="2026-05-01", tags=("new",)), STOVE, LAMP])
        assert (report.changed, report.embedded) == (1, 0)
        assert words.encoded == []
        assert knowledge.article("tent").tags == ("new",)

    def test_articles_that_mean_the_same_are_named(self, knowledge: Knowledge) -> None:
        twin = replace(TENT, article_id="tent-again")
        assert knowledge.load([TENT, twin, STOVE]).collapsed == (("tent", "tent-again"),)
        assert knowledge.load([TENT, twin, STOVE]).collapsed == (("tent", "tent-again"),)
        assert knowledge.load([TENT, STOVE]).collapsed == ()

    def test_nobody_sees_a_new_version_before_its_maker_has_agreed(self, knowledge: Knowledge, opens: Opens) -> None:
        before = knowledge.load([TENT]).version
        seen: list[tuple[str, list[str], int]] = []

        def look(report: LoadReport) -> None:
            assert report.version != before
            seen.append((knowledge.version(), found(opens(), "How do I charge the lamp?"), report.added))

        after = knowledge.load(ARTICLES, before_swap=look).version
        assert seen == [(before, ["tent"], 2)]
        assert knowledge.version() == after

    def test_a_maker_who_does_not_agree_leaves_the_version_before_in_force(self, knowledge: Knowledge) -> None:
        before = knowledge.load([TENT]).version

        def refuse(_: LoadReport) -> None:
            raise VersionConflict("somebody was faster")

        with pytest.raises(VersionConflict):
            knowledge.load(ARTICLES, before_swap=refuse)
        assert knowledge.version() == before
        assert found(knowledge, "How do I charge the lamp?") == ["tent"]
        assert knowledge.load(ARTICLES).added == 2

    def test_loads_at_the_same_time_leave_one_of_them_whole(self, knowledge: Knowledge, opens: Opens) -> None:
        sets = {
            name: [make_article(f"{name}-{at}", question=f"{name} {at}?", body=f"{name}{at} works.") for at in range(4)]
            for name in ("bag", "rope", "axe")
        }
        knowledge.load([TENT])
        failures: list[BaseException] = []

        def load(articles: Sequence[Article]) -> None:
            try:
                opens().load(articles)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=load, args=(articles,)) for articles in sets.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        time.sleep(0.1)
        names = found(opens(), "works", limit=20)
        assert len(names) == 4
        assert len({name.partition("-")[0] for name in names}) == 1

    def test_an_article_without_an_intent_is_not_shut_out_by_the_prior(self, knowledge: Knowledge) -> None:
        knowledge.load([replace(TENT, intent="", category=""), STOVE, LAMP])
        assert found(knowledge, "How do I pitch the tent?", limit=1, use_stove=0.9, use_lamp=0.1) == ["tent"]

    def test_the_version_follows_the_content_alone(self, knowledge: Knowledge, words: WordEncoder) -> None:
        first = knowledge.load(ARTICLES)
        words.encoded.clear()
        again = knowledge.load(tuple(reversed(ARTICLES)))
        assert again == LoadReport(version=first.version, added=0, changed=0, removed=0, unchanged=3)
        assert words.encoded == []
        changed = knowledge.load([TENT, STOVE, replace(LAMP, updated="2026-03-01")])
        assert changed.version not in ("", first.version)
        assert knowledge.load(ARTICLES).version == first.version
        assert knowledge.version() == first.version

    @pytest.mark.parametrize(
        ("articles", "complaint"),
        [
            ((), "no articles"),
            ((TENT, TENT), "Two articles"),
            ((replace(TENT, body="  "),), "empty"),
            ((replace(TENT, article_id="../tent"),), "not usable"),
            ((replace(TENT, body="Call {{support_phone}} now."),), "placeholder"),
        ],
    )
    def test_an_invalid_knowledge_base_is_refused_and_the_old_one_stays(
        self, knowledge: Knowledge, articles: Sequence[Article], complaint: str
    ) -> None:
        version = knowledge.load(ARTICLES).version
        with pytest.raises(InvalidData, match=complaint):
            knowledge.load(articles)
        assert knowledge.version() == version
        assert found(knowledge, "How do I pitch the tent?", limit=1) == ["tent"]

    def test_a_load_that_fails_midway_leaves_the_old_version_in_force(
        self, knowledge: Knowledge, words: WordEncoder
    ) -> None:
        version = knowledge.load(ARTICLES).version
        words.fails = True
        with pytest.raises(KnowledgeUnavailable):
            knowledge.load([replace(TENT, body="Something else."), STOVE])
        words.fails = False
        assert knowledge.version() == version
        assert found(knowledge, "How do I charge the lamp?", limit=1) == ["lamp"]

    def test_another_handle_notices_a_new_version_soon(self, knowledge: Knowledge, opens: Opens) -> None:
        knowledge.load([TENT])
        other = opens()
        assert found(other, "How do I charge the lamp?", limit=1) == ["tent"]
        version = knowledge.load(ARTICLES).version
        limit = time.monotonic() + 5
        while other.version() != version and time.monotonic() < limit:
            time.sleep(0.01)
        assert found(other, "How do I charge the lamp?", limit=1) == ["lamp"]

    def test_a_search_never_sees_a_half_built_version(self, knowledge: Knowledge, opens: Opens) -> None:
        """Every version has as many articles as its revision says, so any mixture would be seen."""

        def revision(number: int) -> list[Article]:
            return [
                make_article(
                    f"{number}-{at}", question=f"thing{at} red{at} blue{at}?", body=f"tall{at} wide{at} long{at}"
                )
                for at in range(number)
            ]

        knowledge.load(revision(3))
        reader = opens()
        seen: set[tuple[int, int]] = set()
        failures: list[BaseException] = []
        stop = threading.Event()

        def read() -> None:
            try:
                while not stop.is_set():
                    names = found(reader, "thing", limit=40)
                    seen.update((int(number), len(names)) for number in {name.split("-")[0] for name in names})
            except BaseException as failure:
                failures.append(failure)

        thread = threading.Thread(target=read)
        thread.start()
        try:
            for number in (12, 5, 9, 2, 7, 4):
                knowledge.load(revision(number))
        finally:
            stop.set()
            thread.join()
        assert failures == []
        assert len(seen) > 1
        assert all(number == count for number, count in seen)

    def test_a_search_is_narrowed_by_fields(self, knowledge: Knowledge) -> None:
        tagged = replace(LAMP, tags=("cable", "usb"))
        knowledge.load([TENT, STOVE, tagged])

        def narrowed(**filters: str) -> list[str]:
            question = Question(text="How do I pitch the tent?", filters=filters)
            return [passage.article.article_id for passage in knowledge.search([question], limit=5)[0]]

        assert narrowed(intent="use_stove") == ["stove"]
        assert narrowed(tag="usb") == ["lamp"]
        assert sorted(narrowed(category="GEAR")) == ["lamp", "stove", "tent"]
        assert narrowed(category="GEAR", intent="use_lamp") == ["lamp"]
        assert narrowed(category="FOOD") == []

    def test_a_filter_of_an_unknown_field_is_refused(self, knowledge: Knowledge) -> None:
        knowledge.load(ARTICLES)
        with pytest.raises(InvalidInput, match=r"'brand'.*category, intent, tag"):
            knowledge.search([Question(text="tent", filters={"brand": "North"})], limit=1)

    def test_an_article_is_found_by_a_rare_word_of_its_body(self, knowledge: Knowledge) -> None:
        knowledge.load([TENT, replace(STOVE, body="Error E-77 means that the valve is shut."), LAMP])
        assert found(knowledge, "What is E-77, valve?", limit=1) == ["stove"]

    def test_a_question_is_encoded_once(self, knowledge: Knowledge, words: WordEncoder) -> None:
        knowledge.load(ARTICLES)
        found(knowledge, "warm up")
        words.encoded.clear()
        found(knowledge, "How do I light the stove?")
        assert words.encoded == ["How do I light the stove?"]

    def test_threads_may_search_at_the_same_time(self, knowledge: Knowledge) -> None:
        knowledge.load(ARTICLES)
        results: list[list[str]] = []

        def search() -> None:
            results.extend(found(knowledge, "How do I light the stove?", limit=1) for _ in range(20))

        threads = [threading.Thread(target=search) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [["stove"]] * 80
