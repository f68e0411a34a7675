"""Runs services as child processes: starts them in order, waits until they can serve, restarts, drains."""

import asyncio
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import httpx

from cli.console import CommandFailed
from cli.log_lines import LogLine
from cli.services import Service

FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.5, 30.0
STABLE_AFTER_S = 60.0
STOP_LIMIT_S = 20.0
LAST_LINES_S = 1.0
PROBE_EVERY_S = 0.1
READ_BYTES = 65_536
LONGEST_LINE = 1_048_576


class ServiceFailed(CommandFailed):
    """A service ended before it could serve for the first time."""


class Child:
    """One service and its present process."""

    def __init__(
        self, service: Service, on_line: Callable[[str, LogLine], None], on_ready: Callable[[Service, float], None]
    ) -> None:
        self.service = service
        self.ready = asyncio.Event()
        self.last_lines: deque[str] = deque(maxlen=8)
        self._on_line = on_line
        self._on_ready = on_ready
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    @property
    def was_started(self) -> bool:
        """Whether there has been a process."""
        return self._process is not None

    async def keep_alive(self) -> None:
        """Run the service again whenever it ends, waiting longer each time, until it is told to stop.

        A one-shot runs until it has succeeded once.

        Raises:
            ServiceFailed: it gave up by itself before it was ever ready: trying again would not help.
        """
        backoff_s = FIRST_BACKOFF_S
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self._run_once()
            if self._stopping.is_set():
                return
            if self.service.one_shot and status == 0:
                self._is_ready(started)
                return
            if status > 0 and not self.ready.is_set():
                why = f": {self.last_lines[-1]}" if self.last_lines else "."
                raise ServiceFailed(f"{self.service.name} ended with exit code {status} before it could serve{why}")
            if time.monotonic() - started > STABLE_AFTER_S:
                backoff_s = FIRST_BACKOFF_S
            self._tell("ended, and is started again", status=status, wait_s=backoff_s)
            await _wait(self._stopping, backoff_s)
            backoff_s = min(backoff_s * 2, LAST_BACKOFF_S)

    async def stop(self, deadline: float) -> None:
        """Let the process drain until ``deadline`` (the loop's clock), then kill it."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout_at(deadline):
                await process.wait()
        except TimeoutError:
            self._tell("did not stop in time, and is killed", level="WARNING")
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _run_once(self) -> int:
        """Run one process to its end; return its exit status, negative for a signal."""
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.tether", str(os.getpid())),
            *self.service.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.service.environment,
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone, which stops in order
        )
        self._process = process
        if self._stopping.is_set():
            process.terminate()
        probe = asyncio.create_task(self._probe(started)) if self.service.url and not self.ready.is_set() else None
        try:
            await self._read_lines(process, started)
            return await process.wait()
        finally:
            if probe is not None:
                probe.cancel()

    async def _probe(self, started: float) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as http:
            while True:
                try:
                    response = await http.get(self.service.url + self.service.ready_path)
                except httpx.TransportError:
                    response = None
                if response is not None and response.is_success:
                    self._is_ready(started)
                    return
                await asyncio.sleep(PROBE_EVERY_S)

    async def _read_lines(self, process: asyncio.subprocess.Process, started: float) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        rest = b""
        while chunk := await process.stdout.read(READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._read_line(line, started)
        self._read_line(rest, started)

    def _read_line(self, raw: bytes, started: float) -> None:
        if not raw.strip():
            return
        line = LogLine.read(raw.decode("utf-8", "replace").rstrip())
        if self.service.is_foreign:
            line = replace(line, level="DEBUG")
        self.last_lines.append(line.event)
        self._on_line(self.service.name, line)
        if self.service.ready_event and line.event == self.service.ready_event:
            self._is_ready(started)

    def _is_ready(self, started: float) -> None:
        if not self.ready.is_set():
            self.ready.set()
            self._on_ready(self.service, time.monotonic() - started)

    def _tell(self, event: str, *, level: str = "WARNING", **fields: object) -> None:
        self._on_line(self.service.name, LogLine(event, event=event, level=level, fields=fields))


class Supervisor:
    """Keeps services running until told to stop.

    Args:
        on_line: gets every line that a service writes, with the service's name.
        on_ready: gets each service, and the seconds it took, when it can serve.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        on_line: Callable[[str, LogLine], None],
        on_ready: Callable[[Service, float], None] = lambda _service, _seconds: None,
    ) -> None:
        self.children = {service.name: Child(service, on_line, on_ready) for service in services}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, *, limit_s: float | None = None) -> None:
        """Start every service once those that it needs are ready; return when all are.

        Raises:
            ServiceFailed: one gave up before it was ready, or is not ready within the limit; the others still run.
        """
        self._tasks = [asyncio.create_task(self._keep(child)) for child in self.children.values()]
        all_ready = asyncio.create_task(self._all_ready())
        try:
            async with asyncio.timeout(limit_s):
                await self._until(all_ready)
        except TimeoutError:
            late = next(child for child in self.children.values() if not child.ready.is_set())
            last = f"; it last said: {late.last_lines[-1]}" if late.last_lines else "."
            raise ServiceFailed(f"{late.service.name} was not ready within {limit_s:.0f} s{last}") from None
        finally:
            all_ready.cancel()

    async def watch(self, stop: asyncio.Event) -> None:
        """Return once ``stop`` is set.

        Raises:
            ServiceFailed: a service cannot be kept alive.
        """
        waiting = asyncio.ensure_future(stop.wait())
        try:
            await self._until(waiting)
        finally:
            waiting.cancel()

    async def stop(self) -> None:
        """Drain all, those first that nothing else still needs; kill what has not ended after the limit."""
        deadline = asyncio.get_running_loop().time() + STOP_LIMIT_S
        running = list(self.children.values())
        while running:
            needed = {name for child in running for name in child.service.after}
            wave = [child for child in running if child.service.name not in needed]
            await asyncio.gather(*(child.stop(deadline) for child in wave))
            running = [child for child in running if child not in wave]
        for child, task in zip(self.children.values(), self._tasks, strict=False):
            if not child.was_started:
                task.cancel()
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=LAST_LINES_S)
            for task in unfinished:  # a grandchild still holds the output open
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """End every process at once."""
        for child in self.children.values():
            child.kill()

    async def _keep(self, child: Child) -> None:
        for name in child.service.after:
            await self.children[name].ready.wait()
        await child.keep_alive()

    async def _all_ready(self) -> None:
        for child in self.children.values():
            await child.ready.wait()

    async def _until(self, awaited: "asyncio.Future[Any]") -> None:
        """Wait, unless a service fails first."""
        keeping: set[asyncio.Future[Any]] = set(self._tasks)
        while not awaited.done():
            done, _ = await asyncio.wait({awaited, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            for task in done & keeping:
                task.result()
            keeping -= done


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
