"""The writer that asks Claude, through Anthropic's Messages API, for an answer that cites its passages."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx2

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.adapters.writer_claude_messages import read_reply, request_content
from helpdesk.adapters.writer_prompt import read_prompt
from helpdesk.adapters.writer_remote import RemoteWriter, Response
from helpdesk.adapters.writer_reply import Reply
from helpdesk.errors import WriterUnavailable
from helpdesk.ports.knowledge import Article
from helpdesk.ports.writer import WritingTask
from helpdesk.settings import WriterSettings
from helpdesk.voice import Voice

_API = "https://api.anthropic.com"
STRONGER = "claude-sonnet-5-5"
"""The model to escalate to where the settings name none."""
_PASSAGES = "The passages are the search results in this conversation."
_CITING = "Every sentence and every step rests on a passage and cites it."


class ClaudeWriter(RemoteWriter):
    """Writes with Claude; passages go as search results, so that the API itself says what was cited.

    Args:
        voice: how the shop sounds; part of the instructions and of their version.
    """

    def __init__(
        self,
        api_key: str,
        settings: WriterSettings,
        *,
        voice: Voice | None = None,
        breaker: CircuitBreaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        prompt = read_prompt("claude", passages=_PASSAGES, citing=_CITING, voice=voice)
        stronger = STRONGER if settings.stronger_model is None else settings.stronger_model
        super().__init__("Claude", settings, prompt=prompt, stronger=stronger, breaker=breaker, sleep=sleep)
        logging.getLogger("anthropic").setLevel(logging.WARNING)
        self._client = anthropic.Anthropic(api_key=api_key, base_url=settings.base_url or _API, max_retries=0)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _send(self, task: WritingTask, model: str, timeout: httpx2.Timeout) -> Iterator[Response]:
        content: Any = request_content(task)
        try:
            with self._client.messages.with_streaming_response.create(
                model=model,
                max_tokens=self._settings.max_tokens,
                system=self._prompt,
                messages=[{"role": "user", "content": content}],
                timeout=timeout,
            ) as response:
                yield response
        except anthropic.APIStatusError as error:
            raise self._status_failure(error.status_code, error.type, error.response.headers) from error
        except anthropic.APIConnectionError as error:
            raise self._unreachable(error) from error
        except anthropic.AnthropicError as error:
            raise WriterUnavailable(f"Claude cannot be asked: {type(error).__name__}.") from error

    def _read(self, data: object, articles: Sequence[Article]) -> Reply:
        return read_reply(data, articles)
