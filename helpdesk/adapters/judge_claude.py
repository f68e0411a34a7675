"""The judge that asks Claude whether an answer helps, by criteria that are true or false."""

import logging
from collections import Counter
from typing import Any

import anthropic
from anthropic.types import JSONOutputFormatParam
from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.adapters.writer_prices import Price
from helpdesk.adapters.writer_prompt import neutral, printable, read_instructions
from helpdesk.personal_data import PersonalData
from helpdesk.ports.judge import Judgement, JudgeTask, Relevance
from helpdesk.ports.writer import ModelCall
from helpdesk.settings import JudgeSettings

_API = "https://api.anthropic.com"
_PROMPT_FILE = "judge_prompt.md"
_TRIES = 2
"""How often a verdict is asked for where the reply holds none."""


class Verdict(BaseModel):
    """What the model says of an answer; the reason comes first, so that it is thought before it is judged."""

    model_config = ConfigDict(extra="forbid")

    reason: str
    on_topic: StrictBool
    answers: StrictBool
    fits: StrictBool
    supported: StrictBool
    complete: StrictBool

    @property
    def criteria(self) -> dict[str, float]:
        """The criteria by name, as 0 or 1."""
        return {name: float(value) for name, value in self.model_dump(exclude={"reason"}).items()}

    @property
    def label(self) -> Relevance:
        """Relevant is what meets every criterion; what misses the question or misleads is not relevant at all."""
        if all(self.criteria.values()):
            return Relevance.RELEVANT
        if not self.on_topic or not self.supported or not (self.answers or self.fits):
            return Relevance.NON_RELEVANT
        return Relevance.PARTLY_RELEVANT


class _Block(BaseModel):
    type: str
    text: str = ""


class _Reply(BaseModel):
    stop_reason: str | None
    content: list[_Block]
    usage: dict[str, Any] = {}


class ClaudeJudge:
    """Judges with Claude: structured output, no temperature, no tools; retries and timeout are the SDK's own.

    Personal data of the customer is masked, as it is for a writer.

    Args:
        price: what the model costs; None where that is not known.
        breaker: while calls fail in a row, the answers that follow are left without a verdict.
    """

    is_remote = True

    def __init__(
        self, api_key: str, settings: JudgeSettings, *, price: Price | None, breaker: CircuitBreaker | None = None
    ) -> None:
        logging.getLogger("anthropic").setLevel(logging.WARNING)
        self._settings, self._price = settings, price
        self._prompt, self._prompt_version = read_instructions(_PROMPT_FILE, "judge")
        self._breaker = breaker or CircuitBreaker(failures=3, pause_s=30.0)
        self._format: JSONOutputFormatParam = {"type": "json_schema", "schema": anthropic.transform_schema(Verdict)}
        self._client = anthropic.Anthropic(
            api_key=api_key,
            base_url=settings.base_url or _API,
            timeout=settings.timeout_s,
            max_retries=settings.retries,
        )

    @property
    def name(self) -> str:
        """The model and the version of its instructions."""
        return f"{self._settings.model} ({self._prompt_version})"

    def judge(self, task: JudgeTask) -> Judgement:
        """Judge one answer; a reply without a verdict is asked for once more, a refusal is not."""
        if not self._breaker.allows():
            return Judgement(
                label=None, reason="The judge failed several times in a row and is left alone for a while."
            )
        content = _content(task)
        usage, retries = Counter[str](), -1
        for _ in range(_TRIES):
            try:
                body, repeated = self._exchange(content)
            except anthropic.AnthropicError as error:
                self._breaker.failed()
                return self._judgement(None, _failure(error), usage, max(0, retries))
            self._breaker.succeeded()
            retries += 1 + repeated
            try:
                reply = _Reply.model_validate_json(body)
                usage.update({name: count for name, count in reply.usage.items() if type(count) is int})
                if reply.stop_reason == "refusal":
                    return self._judgement(None, "The judge refused to judge this answer.", usage, retries)
                verdict = Verdict.model_validate_json("".join(block.text for block in reply.content))
            except ValidationError:
                continue
            return self._judgement(verdict, verdict.reason, usage, retries)
        return self._judgement(None, f"The judge gave no verdict in {_TRIES} replies.", usage, retries)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _exchange(self, content: str) -> tuple[bytes, int]:
        """Return the reply's body, and how often the SDK repeated the call."""
        response = self._client.messages.with_raw_response.create(
            model=self._settings.model,
            max_tokens=self._settings.max_tokens,
            system=self._prompt,
            messages=[{"role": "user", "content": content}],
            output_config={"format": self._format},
        )
        return response.read(), response.retries_taken

    def _judgement(self, verdict: Verdict | None, reason: str, usage: Counter[str], retries: int) -> Judgement:
        cost = None if self._price is None else self._price.cost_usd(usage)
        return Judgement(
            label=verdict.label if verdict is not None else None,
            reason=reason,
            findings=verdict.criteria if verdict is not None else {},
            call=ModelCall(model=self._settings.model, usage=dict(usage), cost_usd=cost) if usage else None,
            retries=retries,
        )


def _content(task: JudgeTask) -> str:
    """Return passages, ticket and answer between tags that none of them can close, without personal data."""
    ticket, answer = printable(task.ticket), printable(task.answer.text)
    personal = PersonalData((ticket, answer))
    passages = "\n".join(
        f'<passage id="{number}">\n<title>{neutral(passage.article.title)}</title>\n{neutral(passage.article.body)}\n'
        f"<link>{neutral(passage.article.url)}</link>\n</passage>"
        for number, passage in enumerate(task.passages, start=1)
    )
    return (
        f"<passages>\n{passages}\n</passages>\n<ticket>\n{neutral(personal.mask(ticket))}\n</ticket>\n"
        f"<answer>\n{neutral(personal.mask(answer))}\n</answer>\nJudge the answer."
    )


def _failure(error: anthropic.AnthropicError) -> str:
    if isinstance(error, anthropic.APIStatusError):
        return f"The judge's server answered with status {error.status_code} ({error.type or 'no type'})."
    return f"The judge cannot be asked: {type(error).__name__}."
