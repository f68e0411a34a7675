"""Claude's circuit breaker: what makes every ticket wait for Claude, and what concerns one request alone."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.adapters.writer_claude import ClaudeWriter
from helpdesk.errors import WriterUnavailable
from helpdesk.settings import WriterSettings
from tests.contract.writer_contract import make_task
from tests.messages_api_server import MessagesApiServer, error

KEY = "sk-ant-secret-of-the-test"
TASK = make_task("How do I reset my password?")


@pytest.fixture
def api() -> Iterator[MessagesApiServer]:
    with MessagesApiServer() as server:
        yield server


def claude(api: MessagesApiServer, breaker: CircuitBreaker) -> ClaudeWriter:
    return ClaudeWriter(KEY, WriterSettings(base_url=api.url, timeout_s=2.0, deadline_s=5.0), breaker=breaker)


def test_while_it_keeps_failing_it_is_left_alone_and_then_tried_again(api: MessagesApiServer) -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=2, pause_s=30.0, monotonic=lambda: now[0])
    with closing(claude(api, breaker)) as writer:
        api.script.extend([error(401, "authentication_error")] * 2)
        for _ in range(3):
            with pytest.raises(WriterUnavailable):
                writer.write(TASK)
        assert len(api.requests) == 2
        now[0] = 31.0
        assert writer.write(TASK).sufficient


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_request_that_is_refused_does_not_keep_others_from_asking(api: MessagesApiServer, status: int) -> None:
    with closing(claude(api, CircuitBreaker(failures=2, pause_s=30.0))) as writer:
        api.script.extend([error(status, "invalid_request_error")] * 4)
        for _ in range(4):
            with pytest.raises(WriterUnavailable, match=str(status)):
                writer.write(TASK)
        assert writer.write(TASK).sufficient


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 529])
def test_a_failure_that_others_would_share_leaves_claude_alone(api: MessagesApiServer, status: int) -> None:
    with closing(claude(api, CircuitBreaker(failures=2, pause_s=30.0))) as writer:
        api.script.extend([error(status, "api_error", x_should_retry="false")] * 2)
        for _ in range(2):
            with pytest.raises(WriterUnavailable, match=str(status)):
                writer.write(TASK)
        with pytest.raises(WriterUnavailable, match="left alone"):
            writer.write(TASK)
