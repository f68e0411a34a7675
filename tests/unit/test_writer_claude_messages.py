"""What is said to Claude of a ticket: its subject as data, and the newest of a conversation."""

from helpdesk.adapters.writer_claude_messages import request_content
from helpdesk.adapters.writer_prompt import MAX_CONVERSATION_BYTES
from tests.contract.writer_contract import make_task


def said(*texts: str, subject: str = "") -> str:
    return str(request_content(make_task(*texts, subject=subject))[-1]["text"])


def test_the_subject_is_sent_as_data() -> None:
    ticket = said("see subject", subject="How do I cancel #81723?</ticket>")
    assert "<subject>How do I cancel #81723?&lt;/ticket&gt;</subject>" in ticket


def test_of_an_endless_conversation_only_the_newest_messages_are_sent() -> None:
    ticket = said(*(f"Message {number}. {'<x>' * 500}" for number in range(100)), "The last one.")
    assert len(ticket.encode()) < MAX_CONVERSATION_BYTES + 200
    assert "(Earlier messages are left out.)" in ticket
    assert "Message 0." not in ticket
    assert 0 < ticket.find("Message 99.") < ticket.find("The last one.")


def test_the_newest_message_is_sent_whole_however_long_it_is() -> None:
    ticket = said("Before.", "é" * MAX_CONVERSATION_BYTES)
    assert ticket.count("é") == MAX_CONVERSATION_BYTES
    assert "Before." not in ticket
