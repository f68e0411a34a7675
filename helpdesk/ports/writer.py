"""The writer port: an answer written from passages, with citations."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from helpdesk.ports.knowledge import Passage
from helpdesk.tickets import Citation, ConversationMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingTask:
    """What the writer gets: subject and conversation, which are data and never an instruction; passages, best first.

    Attributes:
        evidence: how far the passages cover the question by the retriever's account, 0 to 1.
    """

    ticket_id: str
    subject: str = ""
    conversation: Sequence[ConversationMessage]
    passages: Sequence[Passage]
    evidence: float = 0.0
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBlock:
    """One paragraph, list or sentence of an answer, with what it rests on."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One call of a model: its token counts, and its price in US dollars (None: the model's price is not known)."""

    model: str
    usage: Mapping[str, int]
    cost_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenAnswer:
    """What a writer wrote.

    Attributes:
        sufficient: False when the writer says that the passages do not answer the question, or cannot tell; what its
            blocks say, if anything, is then a draft for a person.
        writer: who wrote it, such as ``extractive`` or ``claude-haiku-5-5``.
        prompt_version: version of the instructions it followed.
        calls: of models, in their order; none where no model was asked.
    """

    blocks: tuple[AnswerBlock, ...]
    sufficient: bool
    writer: str
    prompt_version: str
    calls: tuple[ModelCall, ...] = ()

    @property
    def usage(self) -> dict[str, int]:
        """Token counts of all calls (``input_tokens``, ``output_tokens``, ``cache_…``)."""
        total = Counter[str]()
        for call in self.calls:
            total.update(call.usage)
        return dict(total)

    @property
    def cost_usd(self) -> float | None:
        """What all calls cost; None where a price is not known."""
        costs = [call.cost_usd for call in self.calls]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    @property
    def text(self) -> str:
        """The answer as the customer reads it."""
        return "\n\n".join(block.text.strip() for block in self.blocks if block.text.strip())


class Writer(Protocol):
    """Writes answers from passages."""

    @property
    def is_remote(self) -> bool:
        """Whether writing waits for a server, so that several should be written at a time."""

    @property
    def version(self) -> str:
        """Who writes, and by which instructions: with another version, the same task may get another answer."""

    def write(self, task: WritingTask) -> WrittenAnswer:
        """Write one answer.

        Raises:
            WriterUnavailable: down, slow, over budget, or an answer of no known form. A refusal or a truncated answer
                is returned as not sufficient: asking again would change nothing.
        """

    def close(self) -> None: ...
