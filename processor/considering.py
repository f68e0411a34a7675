"""From a ticket's text to a decision with, where it is to be answered, a checked answer."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from helpdesk.article_feedback import Opinions
from helpdesk.decisions import Reason
from helpdesk.policy.clarify import Choice, Fact, may_ask, reply_to
from helpdesk.policy.decide import Decision, decide, to_a_person, triage
from helpdesk.policy.evidence import evidence, feedback_scores, question_of
from helpdesk.policy.rules import Policy
from helpdesk.ports.knowledge import Knowledge, Passage, Question
from helpdesk.ports.predictor import Predictor
from helpdesk.ports.writer import AnswerBlock, Writer, WritingTask, WrittenAnswer
from helpdesk.predictions import Prediction
from helpdesk.tickets import answered_last_by
from helpdesk.voice import Voice
from processor.answer_cache import AnswerCache
from processor.budget import Budget
from processor.checks import check_answer
from processor.framing import framed
from processor.work import Work


class Consideration:
    """The slow part of handling a ticket. Nothing here changes a ticket, so it can be done again at any time.

    Args:
        policy: returns the one in force; a batch is decided under one, and its answers are checked under the same.
        voice: how the shop sounds; it frames what is sent, and forbids words.
        budget: for a writer that costs money.
        cache: for one whose answers are worth keeping.
        opinions: returns what is held of articles now.
    """

    def __init__(
        self,
        predictor: Predictor,
        knowledge: Knowledge,
        writer: Writer,
        policy: Callable[[], Policy],
        *,
        passages: int,
        voice: Voice | None = None,
        budget: Budget | None = None,
        cache: AnswerCache | None = None,
        opinions: Callable[[], Opinions] = Opinions,
    ) -> None:
        self._predictor = predictor
        self._knowledge = knowledge
        self._writer = writer
        self._policy = policy
        self._passages = passages
        self._voice = voice or Voice()
        self._budget = budget
        self._cache = cache
        self._opinions = opinions

    @property
    def writes_remotely(self) -> bool:
        """Whether writing waits for a server, so that several answers should be written at a time."""
        return self._writer.is_remote

    def decide(self, works: Sequence[Work]) -> None:
        """Give each ticket its prediction and decision, and those that may be answered their passages.

        Raises:
            PredictionFailed: the model breaks on one of the texts; nothing was decided.
            PredictorUnavailable, KnowledgeUnavailable: nothing was decided.
        """
        policy = self._policy()
        started = time.perf_counter()
        predictions = self._predictor.predict([work.excerpt for work in works])
        predicted_ms = _since_ms(started)
        open_works: list[tuple[Work, Prediction]] = []
        for work, prediction in zip(works, predictions, strict=True):
            work.prediction = prediction
            work.policy = policy
            work.versions = {"model": prediction.model_version, "policy": policy.name}
            work.duration_ms["predict"] = predicted_ms
            work.decision = triage(prediction, work.text, policy, may_ask=may_ask(work.ticket, work.conversation))
            if work.decision is None:
                open_works.append((work, prediction))
        if open_works:
            self._decide_on_evidence(open_works, policy)
        for work in works:
            self._ask(work, policy)

    def write(self, work: Work) -> None:
        """Write the answer of a ticket that is to be answered or drafted, and check it; one that fails is routed.

        So is every ticket once the budget is exhausted. What an answer cost is recorded at once, in a transaction of
        its own: it is spent whatever becomes of the answer.

        Raises:
            WriterUnavailable: nothing was written.
        """
        decision, prediction = work.decision, work.prediction
        if decision is None or prediction is None or not decision.needs_writing:
            return
        key = self._cache.key(work, prediction) if self._cache is not None else None
        if key is not None and self._reuse(work, decision, prediction, key):
            return
        if self._budget is not None and (exhausted := self._budget.exhausted(work.ticket.ticket_id)):
            work.decision = to_a_person(decision, prediction, [exhausted])
            return
        started = time.perf_counter()
        answer = self._writer.write(_task(work, decision, prediction))
        work.duration_ms["write"] = _since_ms(started)
        if self._budget is not None:
            self._budget.spend(work.ticket.ticket_id, answer)
        self._take(work, answer)
        if failed := self._check(work, answer):
            work.decision = to_a_person(decision, prediction, failed)
            return
        self._take(work, framed(answer, self._voice, prediction.language))
        if self._cache is not None and key is not None:
            work.to_cache = self._cache.entry(key, answer, work.passages)

    def _reuse(self, work: Work, decision: Decision, prediction: Prediction, key: str) -> bool:
        """Give the ticket the answer that the same question got before, where there is one and it passes the checks."""
        answer = self._cache.find(key) if self._cache is not None else None
        if answer is None or self._check(work, answer):
            return False
        self._take(work, framed(answer, self._voice, prediction.language))
        text = "The same question was answered before; that answer was checked again and is used here."
        work.decision = replace(decision, reasons=(*decision.reasons, Reason(code="answer_reused", text=text)))
        return True

    def _ask(self, work: Work, policy: Policy) -> None:
        """Give a ticket whose customer is asked back its question; the policy's words need no writer and no checks."""
        if work.decision is None or work.prediction is None or (asked := work.decision.clarification) is None:
            return
        question = AnswerBlock(text=asked.question)
        written = WrittenAnswer(blocks=(question,), sufficient=True, writer="policy", prompt_version=policy.name)
        self._take(work, framed(written, self._voice, work.prediction.language))

    def _take(self, work: Work, answer: WrittenAnswer) -> None:
        work.answer = answer
        work.versions |= {"writer": answer.writer, "prompt": answer.prompt_version}
        if self._voice.version:
            work.versions["voice"] = self._voice.version

    def _check(self, work: Work, answer: WrittenAnswer) -> list[Reason]:
        if work.policy is None:
            raise ValueError(f"ticket {work.ticket.ticket_id} was decided without a policy")
        return check_answer(
            answer,
            work.passages,
            work.conversation,
            subject=work.ticket.subject,
            link_hosts=work.policy.link_hosts,
            forbidden_words=self._voice.forbidden_words,
        )

    def _decide_on_evidence(self, works: Sequence[tuple[Work, Prediction]], policy: Policy) -> None:
        started = time.perf_counter()
        opinions = self._opinions()
        questions = [question_of(work.excerpt, prediction, opinions) for work, prediction in works]
        version, found = self._found(questions)
        retrieved_ms = _since_ms(started)
        for (work, prediction), passages in zip(works, found, strict=True):
            asked = reply_to(policy.clarify, work.conversation)
            work.passages = asked.preferred(work.text, passages) if isinstance(asked, Choice) else passages
            work.versions["knowledge"] = version
            if opinions.version:
                work.versions["feedback"] = opinions.version
            work.duration_ms["retrieve"] = retrieved_ms
            work.decision = _decided(work, prediction, policy, asked)

    def _found(self, questions: Sequence[Question]) -> tuple[str, list[list[Passage]]]:
        """Return the passages, and the one version of the knowledge base that all of them come from."""
        version = self._knowledge.version()
        while True:
            found = self._knowledge.search(questions, limit=self._passages)
            before, version = version, self._knowledge.version()
            if version == before:
                return version, found


def _decided(work: Work, prediction: Prediction, policy: Policy, asked: Fact | Choice | None) -> Decision:
    decision = decide(
        prediction,
        work.text,
        evidence(work.passages, prediction),
        policy,
        passages=work.passages,
        answered_last_by=answered_last_by(work.conversation),
        may_ask=may_ask(work.ticket, work.conversation),
        asked=asked,
        metadata=work.ticket.metadata,
    )
    return replace(decision, scores={**decision.scores, **feedback_scores(work.passages)})


def _task(work: Work, decision: Decision, prediction: Prediction) -> WritingTask:
    return WritingTask(
        ticket_id=work.ticket.ticket_id,
        subject=work.ticket.subject,
        conversation=work.conversation,
        passages=work.passages,
        evidence=decision.scores.get("evidence", 0.0),
        language=prediction.language or "en",
    )


def _since_ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
