"""Names the machine that a benchmark ran on, so that nobody reads its figures without it."""

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path


def machine(packages: Sequence[str], *, directory: Path) -> dict[str, str]:
    """Return what the figures depend on, in words.

    Args:
        packages: installed distributions whose versions matter.
        directory: where the benchmark's databases lie.
    """
    load_1min = os.getloadavg()[0]
    return {
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "memory": f"{_memory_gib():.0f} GiB",
        "load average before the run": f"{load_1min:.1f} (above 0.5, other programs took part)",
        "databases on": _file_system(directory),
        "system": f"{_distribution()}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
    }


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory_gib() -> float:
    found = re.search(r"^MemTotal:\s*(\d+) kB$", _read("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) / 2**20 if found else 0.0


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _file_system(directory: Path) -> str:
    """Return the type of the file system: on tmpfs a commit costs no disk flush, and the figures mean nothing."""
    mounts = [line.split()[1:3] for line in _read("/proc/mounts").splitlines()]
    resolved = directory.resolve()
    holding = [(mount, kind) for mount, kind in mounts if resolved.is_relative_to(mount)]
    return max(holding, key=lambda found: len(found[0]), default=("", "an unknown file system"))[1]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
