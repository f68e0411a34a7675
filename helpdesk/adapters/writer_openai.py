"""The writer that asks any server with OpenAI's chat completions: OpenAI itself, Groq, Ollama, vLLM and the like."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
import openai

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.adapters.writer_openai_messages import read_completion, user_message
from helpdesk.adapters.writer_prompt import read_prompt
from helpdesk.adapters.writer_remote import RemoteWriter, Response
from helpdesk.adapters.writer_reply import Reply
from helpdesk.errors import WriterUnavailable
from helpdesk.ports.knowledge import Article
from helpdesk.ports.writer import WritingTask
from helpdesk.settings import WriterSettings
from helpdesk.voice import Voice

_API = "https://api.openai.com/v1"
_PASSAGES = (
    "The passages stand between <passages> and </passages>, every line of them with a number in front, such as [2.1]."
)
_CITING = (
    "Every sentence and every step rests on lines of the passages and ends with their numbers in square brackets,\n"
    "  such as [2.1] or [1.3][2.1], before the next sentence begins. Cite no line that does not say it."
)


class OpenAiWriter(RemoteWriter):
    """Writes with a model behind OpenAI's protocol; passages go as numbered lines, and the answer names the lines.

    Args:
        api_key: empty for a server that wants none; then no key is sent.
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
        prompt = read_prompt("openai", passages=_PASSAGES, citing=_CITING, voice=voice)
        stronger = settings.stronger_model or ""
        super().__init__("The model's server", settings, prompt=prompt, stronger=stronger, breaker=breaker, sleep=sleep)
        logging.getLogger("openai").setLevel(logging.WARNING)
        base_url = settings.base_url or _API
        self._client = openai.OpenAI(api_key=api_key or "none", base_url=base_url, max_retries=0)
        self._headers = {} if api_key else {"Authorization": openai.omit}
        # Of the two names for one limit, OpenAI's newer models take only the new one, and some other servers the old.
        self._limit = "max_tokens" if settings.base_url else "max_completion_tokens"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _send(self, task: WritingTask, model: str, timeout: httpx2.Timeout) -> Iterator[Response]:
        limit: Any = {self._limit: self._settings.max_tokens}
        try:
            with self._client.chat.completions.with_streaming_response.create(
                model=model,
                messages=[
                    {"role": "system", "content": self._prompt},
                    {"role": "user", "content": user_message(task)},
                ],
                extra_headers=self._headers,
                timeout=timeout,
                **limit,
            ) as response:
                yield response
        except openai.APIStatusError as error:
            raise self._status_failure(error.status_code, error.type, error.response.headers) from error
        except openai.APIConnectionError as error:
            raise self._unreachable(error) from error
        except openai.OpenAIError as error:
            raise WriterUnavailable(f"{self._service} cannot be asked: {type(error).__name__}.") from error

    def _read(self, data: object, articles: Sequence[Article]) -> Reply:
        return read_completion(data, articles)
