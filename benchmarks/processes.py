"""The child processes of a benchmark: started with a log each, watched, and ended in any case."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

PROJECT_DIR = Path(__file__).resolve().parent.parent
START_LIMIT_S = 90.0
STOP_LIMIT_S = 20.0
LOOK_EVERY_S = 0.02


_ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
"""Even a benchmark that is killed leaves no process behind that would disturb the next one."""


class BenchmarkFailed(Exception):
    """The benchmark cannot go on, or what it measured is not right; the message is what its user reads."""


class Child:
    """One process and all that it started: they share a session of their own, so that they end together."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_ENDS_WITH_US, *command],
                env=environment,
                cwd=PROJECT_DIR,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, line: str) -> None:
        """Write one line to the process's standard input.

        Raises:
            BenchmarkFailed: it has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise BenchmarkFailed(f"{self.name} has ended:\n{self.log_end()}") from None

    def wait_until(
        self, condition: Callable[[], bool], *, what: str, limit_s: float = START_LIMIT_S, every_s: float = LOOK_EVERY_S
    ) -> None:
        """Return once the condition holds.

        Raises:
            BenchmarkFailed: the process has ended, or the limit has passed; quotes the end of its log.
        """
        deadline = time.monotonic() + limit_s
        while not condition():
            status = self._process.poll()
            if status is not None:
                raise BenchmarkFailed(f"{self.name} ended with status {status}:\n{self.log_end()}")
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"{self.name}: {what}: not within {limit_s:.0f} s:\n{self.log_end()}")
            time.sleep(every_s)

    def wait_until_logged(self, text: str) -> None:
        """Return once the process has written ``text``."""
        self.wait_until(lambda: text in self.log.read_text(errors="replace"), what=f"to write {text!r}")

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]

    def rss_bytes(self) -> int:
        """Return the resident memory of the process and of all that it started; 0 once it has ended."""
        return sum(_rss_bytes(pid) for pid in _tree(self.pid))

    def cpu_s(self) -> float:
        """Return the processor time of the process and of all that it started."""
        return cpu_s(self.pid)

    def kill(self) -> None:
        """End the process and all that it started, as ``kill -9`` does."""
        # Never after its end was collected: by then the id may name a process group of somebody else's.
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """End it as an operator would; what does not end in time is killed, and so is what it leaves behind."""
        if self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_LIMIT_S
            while not self._has_ended() and time.monotonic() < deadline:
                time.sleep(LOOK_EVERY_S)
            self.kill()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _has_ended(self) -> bool:
        """Look without collecting the end, so that the process keeps its id until its group is gone too."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def stop_in_order_when_told() -> None:
    """Make SIGTERM unwind the program as Ctrl-C does, so that everything it started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))


class Children:
    """Starts processes and, when its block ends, stops all of them, the last one first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for child in reversed(self._children):
            child.stop()

    def python(self, name: str, *arguments: str, environment: Mapping[str, str]) -> Child:
        """Start ``python <arguments>`` with this interpreter."""
        log = self._directory / f"{name}-{len(self._children)}.log"
        child = Child(name, [sys.executable, *arguments], environment, log)
        self._children.append(child)
        return child

    def stop(self, child: Child) -> None:
        """Stop one of them now."""
        child.stop()
        self._children.remove(child)


def answers(url: str) -> bool:
    """Say whether an HTTP GET gets any answer but 5xx."""
    try:
        return httpx.get(url, timeout=1).status_code < 500
    except httpx.TransportError:
        return False


def cpu_s(root: int) -> float:
    """Return the processor time of a process and all its descendants, those included that have ended."""
    ticks = sum(sum(int(part) for part in fields[11:15]) for pid in _tree(root) if (fields := _stat(pid)))
    return ticks / os.sysconf("SC_CLK_TCK")


def _tree(root: int) -> list[int]:
    """Return the process and its living descendants."""
    parents = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}
    tree = [root]
    for member in tree:
        tree += [pid for pid, fields in parents.items() if fields and int(fields[1]) == member]
    return tree


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third on; none once it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _rss_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
