"""The hybrid index: filters, prior, near-duplicates, and how much the articles' own questions count."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.adapters.retrieval import HybridIndex, TokenStore, Tuning, asked_vectors, joined, wording_of
from helpdesk.adapters.retrieval.hybrid import telling
from helpdesk.adapters.retrieval.near_duplicates import collapsed, near_duplicates
from helpdesk.adapters.retrieval.opinions import reordered
from helpdesk.errors import InvalidInput
from helpdesk.ports.knowledge import Article, Passage, Question
from tests.contract.knowledge_contract import LAMP, STOVE, TENT, WordEncoder, make_article

WORDS = WordEncoder()


def make_index(articles: Sequence[Article], *, groups: Sequence[str] | None = None, reranked: int = 30) -> HybridIndex:
    wordings = [wording_of(article) for article in articles]
    vectors = joined(asked_vectors(WORDS, wordings), WORDS.encode([one.whole for one in wordings]))
    names = groups or [article.article_id for article in articles]
    tuning = Tuning(reranked=reranked)
    return HybridIndex(articles, wordings, vectors, names, TokenStore(WORDS, None), tuning=tuning)


def search(index: HybridIndex, question: Question, *, limit: int = 5) -> list[Passage]:
    [encoding] = WORDS.encode_with_tokens([question.text])
    return index.search(question, encoding, limit=limit)


def found(index: HybridIndex, text: str, *, limit: int = 5, **prior: float) -> list[str]:
    passages = search(index, Question(text=text, intent_prior=prior), limit=limit)
    return [passage.article.article_id for passage in passages]


def test_of_a_group_only_the_best_is_returned_and_others_move_up() -> None:
    older = replace(TENT, article_id="tent-2025", body="Push the poles in first, then peg it.")
    index = make_index([older, TENT, STOVE, LAMP], groups=["tent", "tent", "stove", "lamp"])
    names = found(index, "How do I pitch the tent and peg it?", limit=3)
    assert names[0] == "tent-2025"
    assert sorted(names) == ["lamp", "stove", "tent-2025"]


def test_the_prior_is_weighed_by_the_predictions_confidence() -> None:
    index = make_index([TENT, STOVE, LAMP])
    assert found(index, "How do I", limit=1, use_lamp=0.9, use_stove=0.1) == ["lamp"]
    assert found(index, "How do I", limit=1, use_lamp=0.1, use_stove=0.9) == ["stove"]
    assert found(index, "How do I light the stove?", limit=1, use_lamp=0.6) == ["stove"]


def test_a_filter_comes_before_the_ranking_so_that_enough_is_found() -> None:
    crowd = [make_article(f"tent-{at}", question="How do I pitch the tent?", body=f"Way {at}.") for at in range(60)]
    index = make_index([*crowd, replace(LAMP, tags=("usb",))])
    question = Question(text="How do I pitch the tent?", filters={"tag": "usb"})
    assert [passage.article.article_id for passage in search(index, question)] == ["lamp"]


@pytest.mark.parametrize("field", ["brand", "title", "Intent", ""])
def test_an_unknown_filter_is_refused(field: str) -> None:
    with pytest.raises(InvalidInput, match="category, intent, tag"):
        search(make_index([TENT]), Question(text="tent", filters={field: "x"}))


def test_more_than_the_re_ranked_ones_can_be_asked_for() -> None:
    many = [make_article(f"thing-{at}", question=f"thing{at}?", body=f"word{at}") for at in range(50)]
    assert len(found(make_index(many), "thing7 word7", limit=40)) == 40
    assert found(make_index(many, reranked=1), "thing7 word7", limit=1) == ["thing-7"]


def test_a_question_of_no_known_word_finds_something_without_failing() -> None:
    assert len(found(make_index([TENT, STOVE, LAMP]), "…", limit=2)) == 2
    assert len(found(make_index([TENT]), "", limit=2)) == 1


def test_questions_that_tell_articles_apart_count_and_others_do_not() -> None:
    apart = np.eye(6, dtype=np.float32)
    assert telling(apart) == 1.0
    assert telling(apart[[0, 0, 1, 1, 2, 2]]) == 0.0
    assert telling(apart[:1]) == 1.0


def test_the_similarity_is_a_cosine() -> None:
    [passage, *_] = search(make_index([TENT, STOVE, LAMP]), Question(text="How do I pitch the tent?"))
    assert 0.5 < passage.similarity <= 1.0


def test_near_duplicates_follow_the_first_of_their_group() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 1, 0, 2, 1]]
    assert near_duplicates(vectors, 0.97) == [0, 1, 0, 3, 1]
    assert collapsed({"a": "a", "b": "b", "c": "a", "d": "d"}) == (("a", "c"),)


def test_opinions_order_what_was_found_and_change_nothing_of_what_that_is() -> None:
    twin = replace(STOVE, article_id="stove-2", title="Light the stove", intent="use_stove")
    index = make_index([TENT, STOVE, twin, LAMP])
    asked = Question(text="How do I light the stove?")
    plain = search(index, asked, limit=3)
    first, second = plain[:2]
    told = {first.article.content_digest: -1.0, second.article.content_digest: 1.0}
    moved = search(index, replace(asked, opinions=told), limit=3)
    assert [passage.article for passage in moved[:2]] == [second.article, first.article]
    assert {passage.article.article_id for passage in moved} == {passage.article.article_id for passage in plain}
    assert [(passage.place, passage.opinion) for passage in moved] == [(2, 1.0), (1, -1.0), (3, 0.0)]
    similarities = {passage.article.article_id: passage.similarity for passage in plain}
    assert all(passage.similarity == similarities[passage.article.article_id] for passage in moved)


def test_opinions_of_other_texts_change_nothing() -> None:
    index = make_index([TENT, STOVE, LAMP])
    asked = Question(text="How do I light the lamp?")
    told = {replace(LAMP, body="Another text.").content_digest: -1.0}
    assert search(index, replace(asked, opinions=told)) == search(index, asked)


def test_the_worst_opinion_hides_no_clear_case() -> None:
    index = make_index([TENT, STOVE, LAMP])
    told = {TENT.content_digest: -1.0, STOVE.content_digest: 1.0, LAMP.content_digest: 1.0}
    assert search(index, Question(text="How do I pitch the tent?", opinions=told))[0].article == TENT


SCORES = st.lists(st.floats(-3, 3, allow_nan=False), min_size=1, max_size=20)


@given(SCORES, st.floats(0, 1))
def test_without_opinions_the_order_is_that_of_the_scores(scores: list[float], reach: float) -> None:
    found = np.array(sorted(scores, reverse=True))
    assert reordered(found, np.zeros(len(found)), reach=reach).tolist() == list(range(len(found)))


@given(SCORES, st.data())
def test_no_opinion_carries_an_article_over_a_gap_of_twice_the_reach(scores: list[float], data: st.DataObject) -> None:
    found = np.array(sorted(scores, reverse=True))
    held = np.array(data.draw(st.lists(st.floats(-9, 9), min_size=len(found), max_size=len(found))))
    order = reordered(found, held, reach=0.2).tolist()
    assert sorted(order) == list(range(len(found)))
    for place, at in enumerate(order):
        assert all(found[other] - found[at] <= 0.4 + 1e-9 for other in order[place:])
