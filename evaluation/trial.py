"""Takes questions through the path that tickets take, up to the point where an answer would be sent."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from evaluation.questions import Asked
from helpdesk.clock import utc_now
from helpdesk.decisions import Outcome, Reason
from helpdesk.errors import Unavailable
from helpdesk.messages import TicketSubmitted, encode
from helpdesk.policy.decide import Decision
from helpdesk.policy.evidence import question_of
from helpdesk.policy.rules import Policy
from helpdesk.ports.broker import Envelope
from helpdesk.ports.knowledge import Knowledge, Passage
from helpdesk.ports.predictor import Predictor
from helpdesk.ports.writer import Writer
from helpdesk.predictions import Prediction
from helpdesk.tickets import GENERAL, Author, ConversationMessage, Status, Ticket
from models.classifier import Classifier
from models.wording import excerpt, wording
from processor.considering import Consideration
from processor.work import Work

_AT_ONCE = 32
RANKED = 5
"""How many passages retrieval is measured on, at least."""


@dataclass(frozen=True, slots=True)
class Handled:
    """A question with what became of it.

    Attributes:
        work: as the worker leaves it, with prediction, decision, passages and answer.
        ranking: what a search finds for it, also where its decision needed none.
    """

    asked: Asked
    work: Work
    ranking: Sequence[Passage]

    @property
    def outcome(self) -> Outcome:
        """Answered, drafted or routed."""
        return _decided(self.work).outcome

    @property
    def reason(self) -> Reason:
        """The last reason of the decision."""
        return _decided(self.work).reasons[-1]

    @property
    def is_sent(self) -> bool:
        """Whether the customer would have got an answer."""
        return self.outcome is Outcome.ANSWER and self.work.answer is not None

    @property
    def is_written(self) -> bool:
        """Whether the customer, or a person as a draft, would have got an answer that passed the checks."""
        return self.outcome is not Outcome.ROUTE and self.work.answer is not None


class LoadedPredictor:
    """The prediction service's model in this process: the same artifact, the same predictions."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one prediction per text."""
        return self._classifier.predict(texts)

    def check(self) -> None:
        """It is loaded."""

    def close(self) -> None:
        """Nothing is held."""


class Undeliverable:
    """Stands where the worker has a delivery; there is none, so nothing can be settled or sent."""

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope

    def ack(self) -> bool:
        """Refuse."""
        raise AssertionError("an evaluation settles no delivery")

    def retry(self, delay_s: float) -> bool:
        """Refuse."""
        raise AssertionError("an evaluation settles no delivery")

    def dead_letter(self, reason: str) -> bool:
        """Refuse."""
        raise AssertionError("an evaluation settles no delivery")


class Trial:
    """Predicts, retrieves, decides, writes and checks as the worker does, and sends nothing.

    There is no cache and no budget: every answer is written, whatever it costs.

    Args:
        passages: given to the writer.
        writers: answers written at a time by a remote writer.
    """

    def __init__(
        self, predictor: Predictor, knowledge: Knowledge, writer: Writer, policy: Policy, *, passages: int, writers: int
    ) -> None:
        self._knowledge = knowledge
        self._consideration = Consideration(predictor, knowledge, writer, lambda: policy, passages=passages)
        self._ranked = max(passages, RANKED)
        self._writers = writers if writer.is_remote else 1

    def handle(self, questions: Sequence[Asked]) -> list[Handled]:
        """Return the questions with what became of each, in their order.

        Raises:
            KnowledgeUnavailable: nothing is loaded.
        """
        handled: list[Handled] = []
        for start in range(0, len(questions), _AT_ONCE):
            part = questions[start : start + _AT_ONCE]
            works = [_work(asked) for asked in part]
            self._consideration.decide(works)
            with ThreadPoolExecutor(self._writers) as pool:
                list(pool.map(self._write, works))
            handled += [Handled(*row) for row in zip(part, works, self._rankings(works), strict=True)]
        return handled

    def _rankings(self, works: Sequence[Work]) -> list[Sequence[Passage]]:
        """Return what a search finds for each; those that were decided without one, or with too few, are searched."""
        rankings: list[Sequence[Passage]] = [work.passages for work in works]
        short = [at for at, found in enumerate(rankings) if len(found) < self._ranked]
        questions = [question_of(works[at].excerpt, prediction) for at in short if (prediction := works[at].prediction)]
        for at, found in zip(short, self._knowledge.search(questions, limit=self._ranked), strict=True):
            rankings[at] = found
        return rankings

    def _write(self, work: Work) -> None:
        """Write; where the writer is away, a person has the ticket, as in the worker."""
        try:
            self._consideration.write(work)
        except Unavailable as failure:
            text = f"A machine that is needed has failed, so a person gets it: {failure}"
            reason = Reason(code="writer_unavailable", text=text)
            queue = work.prediction.category if work.prediction is not None else GENERAL
            work.decision = Decision(outcome=Outcome.ROUTE, queue=queue, reasons=(reason,))


def _work(asked: Asked) -> Work:
    now = utc_now()
    ticket = Ticket(
        ticket_id=uuid.uuid4().hex,
        owner="evaluation",
        user="customer@evaluation.example",
        subject=asked.subject,
        status=Status.PROCESSING,
        correlation_id=asked.question_id,
        created_at=now,
        updated_at=now,
        deadline_at=now + timedelta(hours=1),
    )
    message = TicketSubmitted(
        ticket_id=ticket.ticket_id,
        turn=ticket.turn,
        priority=ticket.priority,
        correlation_id=asked.question_id,
        submitted_at=now,
    )
    conversation = [
        ConversationMessage(
            ticket_id=ticket.ticket_id,
            turn=ticket.turn,
            author=Author.CUSTOMER,
            author_name=ticket.user,
            text=asked.text,
            created_at=now,
        )
    ]
    envelope = Envelope(message_id=ticket.ticket_id, destination="in.normal", body=encode(message))
    return Work(
        delivery=Undeliverable(envelope),
        message=message,
        ticket=ticket,
        conversation=conversation,
        text=wording(ticket, conversation),
        excerpt=excerpt(ticket, conversation),
        crashes=0,
    )


def _decided(work: Work) -> Decision:
    if work.decision is None:
        raise AssertionError(f"ticket {work.ticket.ticket_id} has no decision")
    return work.decision
