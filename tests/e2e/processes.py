"""Finds processes by their parent, and runs the command line as its user does: as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from helpdesk.settings import PROJECT_DIR, setting_names

HELPDESK = (sys.executable, "-m", "cli")


def environment(state_dir: Path, **variables: str) -> Mapping[str, str]:
    """Return this process's environment without any setting of ours but these."""
    names = set(setting_names())
    kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
    none = dict.fromkeys(("HELPDESK_METRICS__RELAY_PORT", "HELPDESK_METRICS__WORKER_PORT"), "0")
    return {**kept, **none, "PYTHONPATH": str(PROJECT_DIR), "HELPDESK_STATE_DIR": str(state_dir), **variables}


def children(parent: int) -> set[int]:
    """Return the process ids whose parent this is."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = (line.split() for line in listed.stdout.splitlines())
    return {int(pid) for pid, ppid in pairs if int(ppid) == parent}


def is_alive(pid: int) -> bool:
    """Return whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_lines(url: str, beginnings: tuple[str, ...], *, limit_s: float = 30.0) -> None:
    """Wait until a page has a line that begins so, for each."""
    deadline, missing, text = time.monotonic() + limit_s, list(beginnings), ""
    while missing:
        assert time.monotonic() < deadline, f"{missing} did not appear in\n{text}"
        time.sleep(0.1)
        try:
            text = httpx.get(url, timeout=5, trust_env=False).text
        except httpx.TransportError:
            continue
        missing = [begin for begin in beginnings if not any(line.startswith(begin) for line in text.splitlines())]
