"""Schemathesis against the live service: no answer that the OpenAPI document does not allow, with any role's key.

`SCHEMATHESIS_EXAMPLES` asks for more examples per operation than the few of the everyday run.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpdesk.settings import TicketApiSettings
from tests.contract.knowledge_contract import WordEncoder
from tests.factories import make_dead_letter
from tests.live_ticket_api import LiveTicketApi, running

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "4")
MESSAGE_ID = "dead-letter-1"

# A cursor is opaque, and intents are the live model's: no schema can tell ours from others, so that made-up ones are
# rightly refused.
CONFIG = f"""
[[operations]]
include-name = "GET /tickets"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "403", "422"]

# A period ends after it begins.
[[operations]]
include-name = "GET /results"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "403", "422"]

# What articles must be is more than a schema says: ids that differ, no placeholder, no link that leads nowhere.
[[operations]]
include-path-regex = "^/knowledge/"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "403", "404", "409", "422"]

# So is a policy: rules that fit each other, of the version that is in force.
[[operations]]
include-path-regex = "^/(policy|decisions)"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "403", "404", "409", "422"]

[[operations]]
include-path-regex = "^/tickets/[^/]+/(correct|mark-wrong)$"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "403", "404", "422"]

[[operations]]
include-path-regex = "^/dead-letters/"
parameters = {{ message_id = "{MESSAGE_ID}" }}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTicketApi]:
    unlimited = TicketApiSettings(requests_per_minute=10_000_000, failed_keys_per_minute=10_000_000)
    with running(tmp_path_factory.mktemp("state"), encoder=WordEncoder(), ticket_api=unlimited) as service:
        with service.store.transaction() as tx:
            tx.add_dead_letter(make_dead_letter(message_id=MESSAGE_ID))
        for queue in ("REFUND", "ORDER", "GENERAL"):
            service.route(service.submit(), queue=queue)
        yield service


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("role", "phases"),
    [
        pytest.param("portal", "coverage", marks=pytest.mark.long),
        pytest.param("agent", "coverage", marks=pytest.mark.long),
        ("operator", "coverage,fuzzing,stateful"),
    ],
)
def test_schemathesis_finds_no_unexpected_answer(api: LiveTicketApi, tmp_path: Path, role: str, phases: str) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml"]
    command += ["run", f"{api.url}/openapi.json", "--header", f"Authorization: Bearer {api.keys[role]}"]
    command += ["--checks", "all", "--phases", phases, "--max-examples", EXAMPLES, "--seed", "1", "--no-color"]
    command += ["--suppress-health-check", "all"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    totals = re.search(r"^ +(\d+) generated, (.+)$", done.stdout, re.MULTILINE)
    assert totals, done.stdout + done.stderr
    sys.stdout.write(f"schemathesis as {role}: {totals[0].strip()}\n")
    assert done.returncode == 0, done.stdout
    assert int(totals[1]) > 300
