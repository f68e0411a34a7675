"""Load over HTTP: runs wrk, which costs next to nothing beside the service that it measures."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchmarkFailed

SCRIPT = Path(__file__).with_name("post_tickets.lua")
HOW_TO_INSTALL = "wrk is missing: install it with `apt-get install wrk`, as root"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw.

    Attributes:
        accepted: answers of status 2xx.
    """

    accepted: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def per_s(self) -> float:
        return self.accepted / self.seconds


def require_wrk() -> None:
    """Return once wrk is there; where this user may, it is installed from the distribution.

    Raises:
        BenchmarkFailed: it is not there and could not be installed.
    """
    if shutil.which("wrk"):
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (as_root and not shutil.which("sudo")):
        raise BenchmarkFailed(HOW_TO_INSTALL)
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "wrk"]):
        done = subprocess.run([*as_root, "apt-get", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise BenchmarkFailed(f"{HOW_TO_INSTALL}; our own attempt said: {done.stderr.strip()[-300:]}")


def write_bodies(bodies: Sequence[dict[str, Any]], path: Path) -> Path:
    """Write the bodies as wrk's script reads them."""
    path.write_text("".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies), encoding="utf-8")
    return path


def post_tickets(
    url: str, *, connections: int, seconds: int, bodies: Path, api_key: str, idempotency: bool = False
) -> Load:
    """Post as fast as answers come, each connection one request at a time.

    Raises:
        BenchmarkFailed: a request was refused, timed out or broke off: then the rate is none of accepted tickets.
    """
    options = {"--threads": 1, "--connections": connections, "--duration": f"{seconds}s", "--timeout": "30s"}
    command = ["wrk", *(str(part) for option in options.items() for part in option)]
    done = subprocess.run(
        [*command, "--latency", "--script", str(SCRIPT), url],
        env={
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "BENCH_BODIES": str(bodies),
            "BENCH_API_KEY": api_key,
            "BENCH_IDEMPOTENCY": str(int(idempotency)),
        },
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BenchmarkFailed(f"wrk on {url}: {(done.stdout + done.stderr).strip()}")
    return parse(done.stdout)


def parse(output: str) -> Load:
    """Return what the script's last line says.

    Raises:
        BenchmarkFailed: not every request was answered with 2xx.
    """
    seen = json.loads(output.strip().splitlines()[-1])
    if seen["refused"] or seen["broken"] or seen["timed_out"]:
        raise BenchmarkFailed(f"not every ticket was accepted: {seen}")
    return Load(
        accepted=seen["requests"],
        seconds=seen["duration_us"] / 1e6,
        p50_ms=seen["p50_us"] / 1e3,
        p99_ms=seen["p99_us"] / 1e3,
        max_ms=seen["max_us"] / 1e3,
    )
