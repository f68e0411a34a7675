"""The consumer in the how-to does what the page says, on a real RabbitMQ."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpdesk.ports.broker import human
from helpdesk.settings import PROJECT_DIR
from helpdesk.tickets import Author, Status
from tests.live_ticket_api import LiveTicketApi, running
from tests.rabbitmq import Brokers

PAGE = PROJECT_DIR / "docs" / "howto" / "consume-a-human-queue-over-amqp.md"
QUEUE_ON_THE_PAGE = "tickets.v1.human.REFUND"
LIMIT_S = 20.0


@pytest.fixture
def brokers(rabbitmq_url: str) -> Iterator[Brokers]:
    with Brokers(rabbitmq_url) as brokers:
        yield brokers


@pytest.fixture
def api(brokers: Brokers, tmp_path: Path) -> Iterator[LiveTicketApi]:
    with running(tmp_path, broker=brokers.open()) as live:
        yield live


@pytest.fixture
def consumer(
    api: LiveTicketApi, brokers: Brokers, rabbitmq_url: str, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The page's example, on queues of this test's own."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert QUEUE_ON_THE_PAGE in code
    script = tmp_path / "consumer.py"
    script.write_text(code.replace("tickets.v1.", f"{brokers.topology.exchange}."), encoding="utf-8")
    environment = os.environ | {"TICKET_API_URL": api.url, "AGENT_KEY": api.keys["agent"], "RABBITMQ_URL": rabbitmq_url}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    yield process
    process.kill()
    process.wait()


def replied(api: LiveTicketApi, consumer: subprocess.Popen[bytes], ticket_id: str) -> dict[str, Any]:
    """Wait for the example's reply and return the ticket."""
    limit = time.monotonic() + LIMIT_S
    while True:
        ticket: dict[str, Any] = api.client("agent").get(f"/tickets/{ticket_id}").json()
        if any(answer["author"] == Author.AGENT for answer in ticket["answers"]):
            return ticket
        assert consumer.poll() is None, "the example ended"
        assert time.monotonic() < limit, f"the ticket is still {ticket['status']}"
        time.sleep(0.05)


@pytest.mark.rabbitmq
def test_the_example_claims_by_entry_id_and_replies_without_closing(
    api: LiveTicketApi, consumer: subprocess.Popen[bytes]
) -> None:
    ticket_id = api.submit(description="I want my money back.")
    api.answer(ticket_id, "Refunds take five days.", sent=False)
    api.route(ticket_id, "REFUND")
    ticket = replied(api, consumer, ticket_id)
    assert ticket["status"] == Status.REPLIED
    assert ticket["answers"][-1]["text"] == "Refunds take five days."
    claim = next(step for step in ticket["history"] if step["action"] == "claim")
    assert claim["details"]["via"] == "broker"
    assert api.broker.depths()[human("REFUND")] == 0


@pytest.mark.rabbitmq
def test_the_example_sends_no_draft_that_is_older_than_what_the_customer_wrote(
    api: LiveTicketApi, request: pytest.FixtureRequest
) -> None:
    ticket_id = api.submit(description="I want my money back.")
    api.answer(ticket_id, "Refunds take five days.", sent=False)
    api.route(ticket_id, "REFUND")
    written = api.client("portal").post(f"/tickets/{ticket_id}/messages", json={"text": "It has been six."})
    assert written.status_code == 202
    ticket = replied(api, request.getfixturevalue("consumer"), ticket_id)
    assert ticket["answers"][-1]["text"] != "Refunds take five days."
