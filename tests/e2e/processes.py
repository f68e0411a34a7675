"""Finds processes by their parent, and runs the command line as its user does: as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from helpdesk.settings import PROJECT_DIR, setting_names

HELPDESK = (sys.executable, "-m", "cli")


def environment(state_dir: Path, **variables: str) -> Mapping[str, str]:
    """Return this process's environment without any setting of ours but these."""
    names = set(setting_names())
    kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
    return {**kept, "PYTHONPATH": str(PROJECT_DIR), "HELPDESK_STATE_DIR": str(state_dir), **variables}


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
