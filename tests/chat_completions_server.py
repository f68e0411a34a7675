"""A local HTTP server that speaks OpenAI's chat completions; each call is answered by the next entry of a script."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.messages_api_server import Reply, Request, ScriptedServer


def completion(
    content: str | None,
    *,
    finish_reason: str | None = "stop",
    refusal: str | None = None,
    usage: Mapping[str, Any] | None = None,
    **reply: Any,
) -> Reply:
    """Return a completion with this text."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "llama-4-8b",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": refusal},
                "finish_reason": finish_reason,
            }
        ],
        "usage": usage or {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020},
    }
    return Reply(body=json.dumps(body).encode(), **reply)


def error(status: int, kind: str, **headers: str) -> Reply:
    """Return an error in the API's form."""
    body = {"error": {"message": "Something about the request.", "type": kind, "param": None, "code": None}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=json.dumps(body).encode(), headers=named)


def lines_of(request: Request, passage: int = 1) -> list[str]:
    """Return the numbered lines of a passage that the request holds, without their numbers."""
    text = request["messages"][1]["content"]
    return re.findall(rf"^\[{passage}\.\d+\] (.*)$", text, re.MULTILINE)


def quoting_the_first_passage(request: Request) -> Reply:
    """Answer as a well-behaved model does: with the best article's lines, each with its marker."""
    lines = lines_of(request)[:4]
    return completion("\n".join(f"{line} [1.{at}]" for at, line in enumerate(lines, start=1)))


class ChatCompletionsServer(ScriptedServer):
    """Serves ``POST /v1/chat/completions`` on a free port of the loopback interface."""

    path = "/v1/chat/completions"

    def by_itself(self, request: Request) -> Reply:
        """Answer as a well-behaved model does."""
        return quoting_the_first_passage(request)

    @property
    def url(self) -> str:
        """The address to use as ``base_url``."""
        return f"{self.root}/v1"
