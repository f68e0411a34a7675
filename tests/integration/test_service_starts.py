"""Worker and relay where something is misconfigured: a wrong setting ends them with a line, a wrong broker does not."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from helpdesk.adapters.broker_embedded import EmbeddedBroker
from helpdesk.errors import BrokerMisconfigured
from helpdesk.settings import PROJECT_DIR, BrokerSettings
from processor.service import keep_working
from processor.worker import wait_for_topology
from tests.e2e.processes import environment

WRONG_POLICY = {"HELPDESK_PROCESSOR__POLICY_FILE": "/no/such/policy.yaml"}
UNKNOWN_NAME = {"HELPDESK_NO_SUCH_SETTING": "1"}
WRONG_URL = {"RABBITMQ_URL": "rabbit on this machine"}


@pytest.mark.parametrize(
    ("module", "variables", "named"),
    [
        ("processor", UNKNOWN_NAME, "HELPDESK_NO_SUCH_SETTING"),
        ("processor", WRONG_POLICY, "/no/such/policy.yaml"),
        ("processor", WRONG_URL, "RABBITMQ_URL"),
        ("relay", UNKNOWN_NAME, "HELPDESK_NO_SUCH_SETTING"),
        ("relay", WRONG_URL, "RABBITMQ_URL"),
    ],
)
def test_a_wrong_setting_ends_the_process_with_one_line_that_names_it(
    tmp_path: Path, module: str, variables: dict[str, str], named: str
) -> None:
    command = [sys.executable, "-m", module]
    ended = subprocess.run(
        command, cwd=PROJECT_DIR, env=environment(tmp_path, **variables), capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert named in ended.stderr.splitlines()[-1]


class _MendedBroker(EmbeddedBroker):
    """A broker whose topology does not fit until somebody has mended it, after two attempts."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, BrokerSettings())
        self.refusals = 0

    def declare(self) -> None:
        if self.refusals < 2:
            self.refusals += 1
            raise BrokerMisconfigured("queue tickets.v1.in.normal has other arguments")
        super().declare()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[_MendedBroker]:
    with closing(_MendedBroker(tmp_path / "helpdesk.db")) as broker:
        yield broker


def test_a_broker_that_is_broken_at_work_and_mended_needs_no_restart(
    broker: _MendedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processor.service.MISCONFIGURED_PAUSE_S", 0.01)
    refusals_at_work: list[int] = []

    def work() -> None:
        refusals_at_work.append(broker.refusals)
        if len(refusals_at_work) == 1:
            raise BrokerMisconfigured("queue tickets.v1.in.normal has other arguments")

    keep_working(work, broker, threading.Event())
    assert refusals_at_work == [0, 2]


def test_a_misconfigured_broker_is_waited_for_and_named_loudly(
    broker: _MendedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="processor.worker"):
        wait_for_topology(broker, threading.Event())
    assert broker.refusals == 2
    loud = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.__dict__["error"] for record in loud] == ["queue tickets.v1.in.normal has other arguments"] * 2
