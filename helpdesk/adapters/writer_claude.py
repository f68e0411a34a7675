"""The writer that asks Claude, through Anthropic's Messages API, for an answer that cites its passages."""

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable
from importlib import resources
from typing import Any

import anthropic
import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.adapters.writer_claude_messages import MAX_PASSAGES, Reply, read_reply, request_content
from helpdesk.errors import WriterUnavailable
from helpdesk.ports.writer import WritingTask, WrittenAnswer
from helpdesk.settings import WriterSettings

log = logging.getLogger(__name__)

_API = "https://api.anthropic.com"
_CONNECT_S = 5.0
_ATTEMPTS = 2
_PAUSE_BEFORE_RETRY_S = 0.5
_LARGEST_REPLY_BYTES = 1_000_000
_WORTH_RETRYING = frozenset({408, 409, 429})
_ABOUT_THE_SERVICE = frozenset({401, 403, 408, 429})
"""Statuses below 500 that the next ticket would get as well; any other is about this ticket's request."""
_PROMPT = "writer_claude_prompt.md"


class _Transient(WriterUnavailable):
    """A failure that may be over by the next attempt; ``retry_after_s`` is what the server asked for."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class _Refused(WriterUnavailable):
    """This request was refused, which says nothing of the next ticket's."""


class ClaudeWriter:
    """Writes with Claude: at most one retry, one deadline over all attempts, and no calls while it keeps failing.

    The SDK's own retries are off, because they know no deadline, and so is its debug log, which shows whole requests.
    """

    is_remote = True

    def __init__(
        self,
        api_key: str,
        settings: WriterSettings,
        *,
        breaker: CircuitBreaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        logging.getLogger("anthropic").setLevel(logging.WARNING)
        self._settings = settings
        self._client = anthropic.Anthropic(api_key=api_key, base_url=settings.base_url or _API, max_retries=0)
        self._breaker = breaker or CircuitBreaker(failures=5, pause_s=30.0)
        self._sleep = sleep
        self._prompt, self._prompt_version = _read_prompt()

    def write(self, task: WritingTask) -> WrittenAnswer:
        """Write one answer; what was refused or cut off counts as insufficient, since asking again changes nothing."""
        if not task.passages:
            return self._answer(Reply((), {}))
        if not self._breaker.allows():
            raise WriterUnavailable("Claude failed several times in a row and is left alone for a while.")
        try:
            reply = self._retrying()(self._ask, task, time.monotonic() + self._settings.deadline_s)
        except _Refused:
            raise
        except WriterUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return self._answer(reply)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _answer(self, reply: Reply) -> WrittenAnswer:
        return WrittenAnswer(
            blocks=reply.blocks,
            sufficient=bool(reply.blocks),
            writer=self._settings.model,
            prompt_version=self._prompt_version,
            usage=reply.usage,
        )

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(_Transient),
            wait=_pause_s,
            stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(self._settings.deadline_s),
            before_sleep=_log_retry,
            sleep=self._sleep,
            reraise=True,
        )

    def _ask(self, task: WritingTask, deadline: float) -> Reply:
        try:
            body = self._exchange(task, deadline)
        except anthropic.APIStatusError as error:
            raise _status_failure(error) from error
        except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
            raise _Transient(f"Claude cannot be reached: {type(error).__name__}.") from error
        except anthropic.AnthropicError as error:
            raise WriterUnavailable(f"Claude cannot be asked: {type(error).__name__}.") from error
        articles = [passage.article for passage in task.passages[:MAX_PASSAGES]]
        try:
            return read_reply(json.loads(body), articles)
        except ValueError as error:  # a proxy's HTML page with status 200, say
            raise _Transient("Claude's address answered with something that is no message.") from error

    def _exchange(self, task: WritingTask, deadline: float) -> bytes:
        """Return the response's body. It is read piece by piece, because httpx limits each read and not the whole."""
        per_read_s = max(0.05, min(self._settings.timeout_s, deadline - time.monotonic()))
        give_up_at = time.monotonic() + per_read_s
        content: Any = request_content(task)
        with self._client.messages.with_streaming_response.create(
            model=self._settings.model,
            max_tokens=self._settings.max_tokens,
            system=self._prompt,
            messages=[{"role": "user", "content": content}],
            timeout=httpx2.Timeout(per_read_s, connect=min(_CONNECT_S, per_read_s)),
        ) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if time.monotonic() > give_up_at or len(body) > _LARGEST_REPLY_BYTES:
                    raise _Transient("Claude's reply took too long or had no end.")
        return bytes(body)


def _status_failure(error: anthropic.APIStatusError) -> WriterUnavailable:
    message = f"Claude answered with status {error.status_code} ({error.type or 'no type'})."
    status, headers = error.status_code, error.response.headers
    if headers.get("x-should-retry") != "false" and (status >= 500 or status in _WORTH_RETRYING):
        return _Transient(message, retry_after_s=_seconds(headers.get("retry-after")))
    return WriterUnavailable(message) if status >= 500 or status in _ABOUT_THE_SERVICE else _Refused(message)


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:  # a date; the API sends seconds
        return None


def _pause_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after_s if isinstance(error, _Transient) else None
    return _PAUSE_BEFORE_RETRY_S if asked is None else asked


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    log.warning("claude is asked again", extra={"error": str(error), "pause_s": round(state.upcoming_sleep, 2)})


def _read_prompt() -> tuple[str, str]:
    """Return the instructions and their version, such as ``claude-1-9f3a2c1b``."""
    text = resources.files(__package__).joinpath(_PROMPT).read_text(encoding="utf-8")
    version = re.match(r"<!-- version: (\d+) -->\n", text)
    if version is None:
        raise AssertionError(f"{_PROMPT} names no version")
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return text[version.end() :].strip(), f"claude-{version.group(1)}-{digest}"
