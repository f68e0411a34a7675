"""Child processes that a test may kill, freeze and starve; what dies is started again."""

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from helpdesk.failpoints import VARIABLE

RESTART_PAUSE_S = 1.0
"""A process is started again no sooner than this after its last start, so that a crash loop leaves the others room."""


class Children:
    """Processes by name, each with its own log in ``directory``.

    Args:
        commands: name -> command line.
        held_down: processes that are not started before ``let_up``.
    """

    def __init__(
        self,
        directory: Path,
        commands: Mapping[str, Sequence[str]],
        environment: Mapping[str, str],
        *,
        held_down: Iterable[str],
    ) -> None:
        self.directory = directory
        self.restarts = 0
        self._commands, self._environment = commands, environment
        self._held_down = set(held_down)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._spawned_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._minder = threading.Thread(target=self._mind, daemon=True)

    @property
    def names(self) -> list[str]:
        return list(self._commands)

    def start(self) -> None:
        for name in self._commands:
            if name not in self._held_down:
                self._spawn(name)
        self._minder.start()

    def close(self) -> None:
        self._stop.set()
        if self._minder.is_alive():
            self._minder.join()
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a process; one that dies of it is started again."""
        with self._lock:
            process = self._processes[name]
            if process.poll() is None:
                os.kill(process.pid, number)

    def terminate(self, name: str, *, limit_s: float) -> tuple[int, float]:
        """Ask a process to stop; return its exit status and how many seconds it took. It is started again."""
        process, begin = self._processes[name], time.monotonic()
        self.kill(name, signal.SIGTERM)
        return process.wait(limit_s), time.monotonic() - begin

    def hold_down(self, name: str) -> None:
        """Kill a process and keep it down until ``let_up``."""
        with self._lock:
            self._held_down.add(name)
        self.kill(name)

    def let_up(self, name: str) -> None:
        with self._lock:
            self._held_down.discard(name)
            if name not in self._processes:
                self._spawn(name)

    def restart_with_failpoint(self, name: str, failpoint: str) -> None:
        """Replace a process by one that ends itself at the fail-point; what replaces that one has none."""
        with self._lock:
            process = self._processes[name]
            if process.poll() is None:
                process.kill()
            process.wait()
            self._spawn(name, {VARIABLE: failpoint})

    def limit(self, kind: int, value: int, names: Iterable[str] = ()) -> None:
        """Set a soft resource limit of running processes, all unless some are named; -1 takes it away again."""
        with self._lock:
            for name in names or self._processes:
                pid = self._processes[name].pid
                _, hard = resource.prlimit(pid, kind)
                resource.prlimit(pid, kind, (hard if value < 0 else value, hard))

    def resident_bytes(self, name: str) -> int:
        """Return the memory that a process holds; 0 while it is down."""
        try:
            pages = int(Path(f"/proc/{self._processes[name].pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * resource.getpagesize()

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def _spawn(self, name: str, extra: Mapping[str, str] | None = None) -> None:
        self._spawned_at[name] = time.monotonic()
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                self._commands[name],
                env={**self._environment, **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _mind(self) -> None:
        while not self._stop.wait(0.1):
            with self._lock:
                for name, process in self._processes.items():
                    lived_s = time.monotonic() - self._spawned_at[name]
                    if process.poll() is not None and name not in self._held_down and lived_s > RESTART_PAUSE_S:
                        self._spawn(name)
                        self.restarts += 1
