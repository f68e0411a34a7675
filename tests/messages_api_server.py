"""A local HTTP server that speaks Anthropic's Messages API; each call is answered by the next entry of a script."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

Request = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One HTTP response.

    Attributes:
        before_s: silence before the first byte.
        pieces: the body is sent in this many, with ``between_s`` of silence in between.
        cut: the connection is closed after this many bytes of the body.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    before_s: float = 0.0
    pieces: int = 1
    between_s: float = 0.0
    cut: int | None = None


def message(
    content: Sequence[Mapping[str, Any]],
    *,
    stop_reason: str = "end_turn",
    usage: Mapping[str, Any] | None = None,
    **reply: Any,
) -> Reply:
    """Return a message with these content blocks."""
    body = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage or {"input_tokens": 900, "output_tokens": 120, "service_tier": "standard"},
    }
    return Reply(body=json.dumps(body).encode(), **reply)


def text(words: str, *citations: Mapping[str, Any]) -> dict[str, Any]:
    """Return a text block."""
    return {"type": "text", "text": words, **({"citations": list(citations)} if citations else {})}


def cites(request: Request, result: int, block: int, *, end: int | None = None) -> dict[str, Any]:
    """Return a citation of one block, or of several, of a search result that the request holds."""
    results = [part for part in request["messages"][0]["content"] if part["type"] == "search_result"]
    end = block + 1 if end is None else end
    return {
        "type": "search_result_location",
        "cited_text": "".join(part["text"] for part in results[result]["content"][block:end]),
        "search_result_index": result,
        "source": results[result]["source"],
        "title": results[result]["title"],
        "start_block_index": block,
        "end_block_index": end,
    }


def error(status: int, kind: str, **headers: str) -> Reply:
    """Return an error in the API's form."""
    body = {"type": "error", "error": {"type": kind, "message": "Something about the request."}, "request_id": "req_1"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=json.dumps(body).encode(), headers=named)


def quoting_the_first_result(request: Request) -> Reply:
    """Answer as a well-behaved model does: with the best article's sentences, each of them cited."""
    results = [part for part in request["messages"][0]["content"] if part["type"] == "search_result"]
    blocks: list[dict[str, Any]] = []
    for at, part in enumerate(results[0]["content"][:4]):
        blocks += [text(part["text"], cites(request, 0, at)), text("\n")]
    return message(blocks)


class ScriptedServer:
    """Serves ``POST`` to one path on a free port of the loopback interface.

    Attributes:
        script: what answers the next calls: a reply, or what makes one from the request. Empty: a well-behaved model.
        requests: bodies of the calls so far; ``headers`` their headers, ``times`` when they came.
    """

    path: ClassVar[str]

    def __init__(self) -> None:
        self.script: deque[Reply | Callable[[Request], Reply]] = deque()
        self.requests: list[Request] = []
        self.headers: list[Mapping[str, str]] = []
        self.times: list[float] = []
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def by_itself(self, request: Request) -> Reply:
        """Answer where the script is at its end."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The address to use as ``base_url``."""
        raise NotImplementedError

    @property
    def root(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply_to(self, request: Request, headers: Mapping[str, str]) -> Reply:
        """Note a call and return what answers it."""
        self.requests.append(request)
        self.headers.append(headers)
        self.times.append(time.monotonic())
        answer = self.script.popleft() if self.script else self.by_itself
        return answer if isinstance(answer, Reply) else answer(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                reply = outer.reply_to(request, dict(self.headers))
                outer._stopping.wait(reply.before_s)
                try:
                    self._send(reply)
                except (BrokenPipeError, ConnectionResetError):  # the client gave up, as it should
                    self.close_connection = True

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status if self.path == outer.path else 404)
                self.send_header("content-type", reply.content_type)
                self.send_header("content-length", str(len(reply.body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                body = reply.body if reply.cut is None else reply.body[: reply.cut]
                step = max(1, -(-len(body) // reply.pieces))
                for start in range(0, len(body), step):
                    outer._stopping.wait(reply.between_s if start else 0.0)
                    self.wfile.write(body[start : start + step])
                    self.wfile.flush()
                self.close_connection = self.close_connection or reply.cut is not None

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler


class MessagesApiServer(ScriptedServer):
    """Serves ``POST /v1/messages``."""

    path = "/v1/messages"

    def by_itself(self, request: Request) -> Reply:
        """Answer as a well-behaved model does."""
        return quoting_the_first_result(request)

    @property
    def url(self) -> str:
        """The address to use as ``base_url``."""
        return self.root
