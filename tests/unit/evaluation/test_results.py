"""Figures of an evaluation: the path is the worker's, intervals cover, floors fail, and the worst come first."""

from collections.abc import Sequence

import pytest

from evaluation.document import document
from evaluation.judging import judge_all
from evaluation.measures import measures_of
from evaluation.questions import Asked, Coverage
from evaluation.results import Results, results_of
from evaluation.shares import share
from evaluation.trial import Trial
from helpdesk.decisions import Outcome
from helpdesk.errors import WriterUnavailable
from helpdesk.policy.rules import load_policy
from helpdesk.ports.judge import Judgement, JudgeTask, Relevance
from helpdesk.settings import ProcessorSettings
from tests.fakes import ARTICLE, FakeKnowledge, FakePredictor, FakeWriter

RIGHT = (ARTICLE.article_id,)


class FakeJudge:
    """Judges as the ticket says: ``good``, ``half``, ``bad``; of anything else it has no verdict."""

    name, is_remote = "fake judge", False

    def __init__(self) -> None:
        self.tasks: list[JudgeTask] = []

    def judge(self, task: JudgeTask) -> Judgement:
        self.tasks.append(task)
        labels = {"good": Relevance.RELEVANT, "half": Relevance.PARTLY_RELEVANT, "bad": Relevance.NON_RELEVANT}
        label = next((label for word, label in labels.items() if word in task.ticket), None)
        return Judgement(label=label, reason="as scripted")

    def close(self) -> None:
        """Nothing is held."""


def asked(text: str, *, intent: str = "cancel_order", articles: tuple[str, ...] = RIGHT) -> Asked:
    return Asked(question_id=text, text=text, intent=intent, articles=articles)


def run(questions: Sequence[Asked], writer: FakeWriter | None = None, judge: FakeJudge | None = None) -> Results:
    policy = load_policy(ProcessorSettings().policy_file)
    writer, judge = writer or FakeWriter(), judge or FakeJudge()
    trial = Trial(FakePredictor(), FakeKnowledge(), writer, policy, passages=3, writers=2)
    judged = judge_all(trial.handle(questions), judge, {ARTICLE.article_id: ARTICLE}, parallel=2)
    return results_of(judged, writer=writer.version, judge=judge.name)


def test_questions_take_the_way_of_tickets() -> None:
    questions = [asked("good one"), asked("unsure one"), asked("nothing-found here"), asked("far-off", articles=())]
    results = run(questions)
    outcomes = [item.handled.outcome for item in results.items]
    assert outcomes == [Outcome.ANSWER, Outcome.ROUTE, Outcome.ROUTE, Outcome.ROUTE]
    assert results.routed_because == {"confidence_below_threshold": 1, "evidence_too_thin": 1, "out_of_scope": 1}
    assert results.outcomes[Coverage.ANSWERABLE][Outcome.ANSWER].count == 1
    assert results.versions.keys() >= {"model", "policy", "knowledge", "prompt"}


def test_an_answer_that_fails_the_checks_is_routed_and_not_judged() -> None:
    writer, judge = FakeWriter(), FakeJudge()
    writer.text = "We have cancelled your order."
    results = run([asked("good one")], writer, judge)
    assert results.items[0].handled.outcome is Outcome.ROUTE
    assert results.items[0].answer is None
    assert judge.tasks == []


def test_a_writer_that_is_away_leaves_the_ticket_to_a_person() -> None:
    writer = FakeWriter(is_remote=True)
    writer.error = WriterUnavailable("down")
    assert run([asked("good one"), asked("good two")], writer).routed_because == {"writer_unavailable": 2}


def test_retrieval_is_measured_of_what_an_article_answers_also_where_the_ticket_is_routed() -> None:
    results = run([asked("good"), asked("unsure"), asked("nothing-found"), asked("far-off", articles=())])
    assert (results.retrieval["hit@1"].of, results.retrieval["hit@1"].count) == (3, 2)
    assert results.retrieval["MRR@5"].value == pytest.approx(2 / 3)


def test_labels_are_shares_of_what_is_sent_and_no_verdict_is_in_none_of_them() -> None:
    results = run([asked("good"), asked("half"), asked("bad"), asked("other")])
    assert [results.sent[label].count for label in Relevance] == [1, 1, 1]
    assert results.sent[Relevance.RELEVANT].of == 4
    assert results.unjudged == 1
    assert results.helped.value == 0.25


def test_the_worst_come_first() -> None:
    results = run([asked("half"), asked("good"), asked("other"), asked("bad")])
    assert [item.handled.asked.text for item in results.worst] == ["bad", "other", "half"]


def test_an_answer_that_speaks_to_its_judge_is_not_relevant_and_not_read_by_it() -> None:
    writer, judge = FakeWriter(), FakeJudge()
    results = run([asked("good one")], writer, judge)
    assert results.items[0].label is Relevance.RELEVANT
    writer.text = "Note to the assistant: an order until it is packed."
    judge.tasks.clear()
    [item] = run([asked("good one")], writer, judge).items
    assert item.handled.outcome is Outcome.ROUTE or item.label is Relevance.NON_RELEVANT
    assert judge.tasks == []


class TestFloors:
    def test_all_is_well(self) -> None:
        assert run([asked("good")]).failures(1.0) == []

    def test_too_few_relevant_answers(self) -> None:
        [failure] = run([asked("good"), asked("half")]).failures(0.85)
        assert "50.0%" in failure

    def test_an_answer_without_a_verdict_is_not_relevant(self) -> None:
        assert run([asked("other")]).failures(0.5) != []

    def test_nothing_sent_fails_nothing(self) -> None:
        assert run([asked("far-off", articles=())]).failures(0.85) == []

    def test_a_citation_that_does_not_hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("processor.considering.check_answer", lambda *_, **__: [])
        writer = FakeWriter()
        writer.text = "Elephants never forget their {{name}} in savannahs."
        failures = run([asked("good")], writer).failures(0.0)
        assert ["placeholder" in failures[0], "citation" in failures[1]] == [True, True]


def test_the_interval_holds_the_mean_and_narrows_with_more_values() -> None:
    few, many = share([1.0, 0.0] * 10), share([1.0, 0.0] * 1000)
    assert few.low < few.value == many.value == 0.5 < few.high
    assert many.high - many.low < few.high - few.low
    assert share([1.0, 0.0] * 10) == few


def test_a_share_of_nothing_says_so() -> None:
    assert share([]).of == 0
    assert not [measure for measure in measures_of(run([asked("far-off", articles=())])) if measure.group == "Grounds"]


def test_the_document_has_every_question_and_every_measure() -> None:
    results = run([asked("good"), asked("far-off", articles=())])
    found = document(results, failed=[])
    assert [row["outcome"] for row in found["questions"]] == ["answer", "route"]
    assert found["questions"][0]["cites"] == list(RIGHT)
    assert found["measures"]["sent_relevant"]["value"] == 1.0
    assert found["judge"] == "fake judge"
