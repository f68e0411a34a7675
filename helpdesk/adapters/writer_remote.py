"""What every writer behind an API shares: one retry, one deadline, a circuit breaker, and a bounded reply."""

import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.adapters.writer_prices import Price, load_prices
from helpdesk.adapters.writer_prompt import MAX_PASSAGES, printable
from helpdesk.adapters.writer_reply import Reply, Verdict
from helpdesk.errors import WriterUnavailable
from helpdesk.personal_data import PersonalData
from helpdesk.ports.knowledge import Article
from helpdesk.ports.writer import AnswerBlock, ModelCall, WritingTask, WrittenAnswer
from helpdesk.settings import WriterSettings

log = logging.getLogger(__name__)

_CONNECT_S = 5.0
_ATTEMPTS = 2
_LEAST_S = 2.0
"""With less time left, no further model is asked."""
_PAUSE_BEFORE_RETRY_S = 0.5
_LARGEST_REPLY_BYTES = 1_000_000
_WORTH_RETRYING = frozenset({408, 409, 429})
_ABOUT_THE_SERVICE = frozenset({401, 403, 408, 429})
"""Statuses below 500 that the next ticket would get as well; any other is about this ticket's request."""


class Transient(WriterUnavailable):
    """A failure that may be over by the next attempt; ``retry_after_s`` is what the server asked for."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Refused(WriterUnavailable):
    """This request was refused, which says nothing of the next ticket's."""


class Response(Protocol):
    """An SDK's response whose body is not read yet."""

    def iter_bytes(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class _Model:
    """A model, its price, and whether it may be asked now: one can be overloaded while another is not."""

    name: str
    price: Price | None
    breaker: CircuitBreaker

    def call(self, reply: Reply) -> ModelCall:
        """Return what a reply has cost."""
        cost = None if self.price is None else self.price.cost_usd(reply.usage)
        return ModelCall(model=self.name, usage=reply.usage, cost_usd=cost)


class RemoteWriter(ABC):
    """Writes with a model behind an API: at most one retry, one deadline over all attempts, no calls while it fails.

    Personal data of the customer never leaves: the model sees tokens, and in its answer they are turned back.

    The SDKs' own retries are off, because they know no deadline, and so are their debug logs, which show requests.

    Args:
        service: what messages call the other side, such as ``Claude``.
        prompt: the instructions, and their version.
        stronger: the model to escalate to; empty: none.
    """

    is_remote = True

    def __init__(
        self,
        service: str,
        settings: WriterSettings,
        *,
        prompt: tuple[str, str],
        stronger: str,
        breaker: CircuitBreaker | None,
        sleep: Callable[[float], None],
    ) -> None:
        self._service = service
        self._settings = settings
        self._prompt, self._prompt_version = prompt
        self._sleep = sleep
        self._model = _model(settings.model, settings, breaker)
        self._stronger = _model(stronger, settings) if stronger else None

    @property
    def version(self) -> str:
        """The model and the version of its instructions."""
        return f"{self._model.name} {self._prompt_version}"

    def write(self, task: WritingTask) -> WrittenAnswer:
        """Write one answer; what was refused or cut off counts as insufficient, since asking again changes nothing.

        Where the model finds the passages insufficient although the evidence is good, the stronger one is asked, within
        the same deadline.
        """
        model, reply, calls = self._model, Reply(Verdict.INSUFFICIENT, {}), list[ModelCall]()
        if task.passages:
            masked, personal = _masked(task)
            deadline = time.monotonic() + self._settings.deadline_s
            reply = self._reply_of(model, masked, deadline)
            calls.append(model.call(reply))
            if self._stronger is not None and self._escalates(task, reply, deadline):
                try:
                    second = self._reply_of(self._stronger, masked, deadline)
                except WriterUnavailable as error:
                    log.warning("the stronger model could not be asked", extra={"error": str(error)})
                else:
                    model, reply = self._stronger, second
                    calls.append(model.call(reply))
            reply = replace(reply, blocks=tuple(_restored(reply.blocks, personal)))
        return WrittenAnswer(
            blocks=reply.blocks,
            sufficient=reply.verdict is Verdict.ANSWERED,
            writer=model.name,
            prompt_version=self._prompt_version,
            calls=tuple(call for call in calls if call.usage),
        )

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    @abstractmethod
    def _send(self, task: WritingTask, model: str, timeout: httpx2.Timeout) -> AbstractContextManager[Response]:
        """Ask the model; on entering, the response's headers have come.

        Raises:
            Transient, Refused, WriterUnavailable: made of the SDK's errors.
        """

    @abstractmethod
    def _read(self, data: object, articles: Sequence[Article]) -> Reply:
        """Return what a response's body says.

        Raises:
            ValueError: it is no reply of a known form.
        """

    def _escalates(self, task: WritingTask, reply: Reply, deadline: float) -> bool:
        is_worth_it = reply.verdict is Verdict.INSUFFICIENT and task.evidence >= self._settings.escalate_evidence
        return is_worth_it and deadline - time.monotonic() > _LEAST_S

    def _reply_of(self, model: _Model, task: WritingTask, deadline: float) -> Reply:
        if not model.breaker.allows():
            raise WriterUnavailable(f"{self._service} failed several times in a row and is left alone for a while.")
        try:
            reply = self._retrying(deadline)(self._ask, task, model.name, deadline)
        except Refused:
            raise
        except WriterUnavailable:
            model.breaker.failed()
            raise
        model.breaker.succeeded()
        return reply

    def _retrying(self, deadline: float) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(Transient),
            wait=_pause_s,
            stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(max(0.0, deadline - time.monotonic())),
            before_sleep=_log_retry,
            sleep=self._sleep,
            reraise=True,
        )

    def _ask(self, task: WritingTask, model: str, deadline: float) -> Reply:
        try:
            body = self._exchange(task, model, deadline)
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        articles = [passage.article for passage in task.passages[:MAX_PASSAGES]]
        try:
            return self._read(json.loads(body), articles)
        except ValueError as error:  # a proxy's HTML page with status 200, say
            raise Transient(f"{self._service}'s address answered with something that is no reply.") from error

    def _exchange(self, task: WritingTask, model: str, deadline: float) -> bytes:
        """Return the response's body. It is read piece by piece, because httpx limits each read and not the whole."""
        per_read_s = max(0.05, min(self._settings.timeout_s, deadline - time.monotonic()))
        give_up_at = time.monotonic() + per_read_s
        with self._send(task, model, httpx2.Timeout(per_read_s, connect=min(_CONNECT_S, per_read_s))) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if time.monotonic() > give_up_at or len(body) > _LARGEST_REPLY_BYTES:
                    raise Transient(f"{self._service}'s reply took too long or had no end.")
        return bytes(body)

    def _unreachable(self, error: Exception) -> Transient:
        return Transient(f"{self._service} cannot be reached: {type(error).__name__}.")

    def _status_failure(self, status: int, kind: str | None, headers: Mapping[str, str]) -> WriterUnavailable:
        message = f"{self._service} answered with status {status} ({kind or 'no type'})."
        if headers.get("x-should-retry") != "false" and (status >= 500 or status in _WORTH_RETRYING):
            return Transient(message, retry_after_s=_seconds(headers.get("retry-after")))
        return WriterUnavailable(message) if status >= 500 or status in _ABOUT_THE_SERVICE else Refused(message)


def _model(name: str, settings: WriterSettings, breaker: CircuitBreaker | None = None) -> _Model:
    price = load_prices(settings.prices_file).get(name)
    if price is None:
        log.warning("the model's price is not known; its cost is not counted", extra={"model": name})
    return _Model(name, price, breaker or CircuitBreaker(failures=5, pause_s=30.0))


def _restored(blocks: Sequence[AnswerBlock], personal: PersonalData) -> Iterator[AnswerBlock]:
    return (replace(block, text=personal.restore(block.text)) for block in blocks)


def _masked(task: WritingTask) -> tuple[WritingTask, PersonalData]:
    """Return the task as a model may see it: printable, and with tokens for personal data."""
    subject = printable(task.subject)
    texts = [printable(message.text) for message in task.conversation]
    personal = PersonalData((subject, *texts))
    conversation = [
        replace(message, text=personal.mask(text)) for message, text in zip(task.conversation, texts, strict=True)
    ]
    return replace(task, subject=personal.mask(subject), conversation=conversation), personal


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:  # a date; the APIs send seconds
        return None


def _pause_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after_s if isinstance(error, Transient) else None
    return _PAUSE_BEFORE_RETRY_S if asked is None else asked


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    log.warning("the model is asked again", extra={"error": str(error), "pause_s": round(state.upcoming_sleep, 2)})
