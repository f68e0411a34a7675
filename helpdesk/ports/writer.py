"""The writer port: an answer written from passages, with citations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from helpdesk.ports.knowledge import Passage
from helpdesk.tickets import Citation, ConversationMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingTask:
    """What the writer gets: subject and conversation, which are data and never an instruction; passages, best first."""

    ticket_id: str
    subject: str = ""
    conversation: Sequence[ConversationMessage]
    passages: Sequence[Passage]
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBlock:
    """One paragraph, list or sentence of an answer, with what it rests on."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenAnswer:
    """What a writer wrote.

    Attributes:
        sufficient: False when the writer says that the passages do not answer the question; blocks may be empty.
        writer: who wrote it, such as ``extractive`` or ``claude-haiku-5-5``.
        prompt_version: version of the instructions it followed.
        usage: token counts, where the writer has such (``input_tokens``, ``output_tokens``).
    """

    blocks: tuple[AnswerBlock, ...]
    sufficient: bool
    writer: str
    prompt_version: str
    usage: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The answer as the customer reads it."""
        return "\n\n".join(block.text.strip() for block in self.blocks if block.text.strip())


class Writer(Protocol):
    """Writes answers from passages."""

    @property
    def is_remote(self) -> bool:
        """Whether writing waits for a server, so that several should be written at a time."""

    def write(self, task: WritingTask) -> WrittenAnswer:
        """Write one answer.

        Raises:
            WriterUnavailable: down, slow, over budget, or an answer of no known form. A refusal or a truncated answer
                is returned as not sufficient: asking again would change nothing.
        """

    def close(self) -> None: ...
