"""A ticket as people read it: what its answer cost."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cli.ticket_view import print_ticket

DECISION: dict[str, Any] = {
    "outcome": "answer",
    "queue": None,
    "reasons": [{"code": "confident_and_grounded", "text": "The intent is clear."}],
    "versions": {"writer": "claude-haiku-5-5"},
    "duration_ms": {"write": 812.0},
    "usage": {"input_tokens": 900, "output_tokens": 120},
    "cost_usd": 0.00015,
}

TICKET: dict[str, Any] = {
    "ticket_id": "t1",
    "subject": "My order",
    "status": "answered",
    "user": "ada",
    "created_at": "2026-03-02T12:00:00+00:00",
    "turn": 1,
    "priority": "normal",
    "decisions": [],
    "conversation": [],
    "answers": [],
}


def test_a_question_that_was_asked_back_is_told_from_an_answer() -> None:
    said = {"author_name": "policy", "text": "Which order?", "created_at": "2026-03-02T12:00:00+00:00"}
    out = StringIO()
    ticket = TICKET | {"conversation": [{"author": "machine", "is_question": True, **said}]}
    print_ticket(Console(file=out, width=120), ticket, history=False)
    assert "machine asks back" in out.getvalue()
    assert "Which order?" in out.getvalue()


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "900 input tokens, 120 output tokens · 0.00015 USD"),
        ({"cost_usd": None}, "900 input tokens, 120 output tokens · price not known"),
        ({"usage": {}, "cost_usd": 0.0}, "812 ms"),
    ],
)
def test_tokens_and_cost_stand_below_the_decision(changes: dict[str, Any], shown: str) -> None:
    ticket = TICKET | {"decisions": [DECISION | changes]}
    out = StringIO()
    print_ticket(Console(file=out, width=120), ticket, history=False)
    assert shown in out.getvalue()
    assert ("USD" in out.getvalue()) == ("USD" in shown)
