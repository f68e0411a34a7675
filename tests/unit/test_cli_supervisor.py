"""The supervisor, with small real processes as its services."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from cli import supervisor as supervisor_module
from cli.log_lines import LogLine
from cli.services import Service
from cli.supervisor import ServiceFailed, Supervisor
from helpdesk.settings import PROJECT_DIR

READY = '{"message": "ready", "levelname": "INFO"}'
WAITS = f"import time; print('{READY}', flush=True); time.sleep(60)"
LIMIT_S = 20.0


class Log:
    """Collects what the supervisor tells."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.levels: list[str] = []
        self.ready: list[str] = []

    def line(self, service: str, line: LogLine) -> None:
        self.events.append((service, line.event))
        self.levels.append(line.level)

    def is_ready(self, service: Service, seconds: float) -> None:
        assert seconds >= 0
        self.ready.append(service.name)


def service(name: str, code: str, **changes: Any) -> Service:
    values: dict[str, Any] = {"ready_event": "ready", "environment": dict(os.environ)}
    command = (sys.executable, "-c", textwrap.dedent(code))
    return Service(name=name, command=command, **(values | changes))


def supervise(*services: Service) -> tuple[Supervisor, Log]:
    log = Log()
    return Supervisor(services, on_line=log.line, on_ready=log.is_ready), log


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, LIMIT_S))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_service_starts_only_when_what_it_needs_is_ready() -> None:
    supervisor, log = supervise(
        service("second", WAITS, after=("first",)),
        service("first", f"import time; time.sleep(0.3); {WAITS}"),
    )

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
            assert log.ready == ["first", "second"]

    run(work())


def test_a_service_that_ends_before_it_is_ready_fails_the_start_with_its_last_words() -> None:
    supervisor, _ = supervise(service("fine", WAITS), service("broken", "import sys; sys.exit('no such database')"))

    async def work() -> None:
        async with supervisor:
            with pytest.raises(ServiceFailed, match=r"broken ended with exit code 1 .*: no such database"):
                await supervisor.start()
        assert [child.pid for child in supervisor.children.values()] == [None, None]

    run(work())


def test_a_service_that_never_gets_ready_fails_the_start_at_the_limit() -> None:
    supervisor, _ = supervise(service("slow", "import time; print('loading', flush=True); time.sleep(60)"))

    async def work() -> None:
        async with supervisor:
            with pytest.raises(ServiceFailed, match=r"slow was not ready within 1 s; it last said: loading"):
                await supervisor.start(limit_s=1.0)

    run(work())


def test_a_killed_service_is_started_again() -> None:
    supervisor, log = supervise(service("worker", WAITS))

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
            child = supervisor.children["worker"]
            killed = child.pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            while child.pid in (killed, None):
                await asyncio.sleep(0.02)
            assert ("worker", "ended, and is started again") in log.events
        assert log.ready == ["worker"]

    run(work())


def test_what_is_told_to_stop_drains_first() -> None:
    code = """
        import signal, sys, time
        def drain(*_):
            time.sleep(0.3)
            print("drained", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, drain)
        print('{"message": "ready"}', flush=True)
        time.sleep(60)
    """
    supervisor, log = supervise(service("worker", code))

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
        assert log.events[-1] == ("worker", "drained")

    run(work())


def test_what_others_need_stops_after_them() -> None:
    code = """
        import os, signal, sys, time
        def drain(*_):
            print("stopped", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, drain)
        print('{"message": "ready"}', flush=True)
        time.sleep(60)
    """
    supervisor, log = supervise(service("predictor", code), service("worker", code, after=("predictor",)))

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
        stopped = [name for name, event in log.events if event == "stopped"]
        assert stopped == ["worker", "predictor"]

    run(work())


def test_what_ignores_the_request_to_stop_is_killed_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STOP_LIMIT_S", 0.3)
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"
    supervisor, log = supervise(service("deaf", code))

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
            pid = supervisor.children["deaf"].pid
        assert pid is not None
        assert not is_alive(pid)
        assert ("deaf", "did not stop in time, and is killed") in log.events

    run(work())


def test_a_one_shot_is_ready_when_it_has_ended_well_and_is_not_started_again() -> None:
    once = service("load", "print('loaded')", ready_event="", one_shot=True)
    supervisor, log = supervise(once, service("worker", WAITS, after=("load",)))

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
            await asyncio.sleep(0.1)
        assert log.ready == ["load", "worker"]
        assert log.events.count(("load", "loaded")) == 1

    run(work())


def test_a_service_with_an_address_is_ready_when_that_answers() -> None:
    code = """
        import http.server, time
        class Ready(http.server.BaseHTTPRequestHandler):
            asked = 0
            def do_GET(self):
                Ready.asked += 1
                self.send_response(200 if self.path == "/ready" and Ready.asked > 2 else 503)
                self.end_headers()
            def log_message(self, *_): print("asked", flush=True)
        http.server.HTTPServer(("127.0.0.1", PORT), Ready).serve_forever()
    """
    from cli.ports import free_port

    port = free_port("127.0.0.1")
    web = service("web", code.replace("PORT", str(port)), ready_event="", url=f"http://127.0.0.1:{port}")
    supervisor, log = supervise(web)

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
        assert log.events.count(("web", "asked")) == 3

    run(work())


def test_lines_without_end_and_broken_bytes_do_not_stop_the_reading() -> None:
    code = """
        import sys, time
        sys.stdout.buffer.write(b"x" * 3_000_000 + b"\\n\\xff\\xfe\\n")
        print('{"message": "ready"}', flush=True)
        time.sleep(60)
    """
    supervisor, log = supervise(service("loud", code))

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
        assert ("loud", "\ufffd\ufffd") in log.events

    run(work())


def test_the_lines_of_a_foreign_program_count_as_debug() -> None:
    supervisor, log = supervise(service("chroma", "print('a logo')", ready_event="", one_shot=True, is_foreign=True))

    async def work() -> None:
        async with supervisor:
            await supervisor.start()
        assert (log.events, log.levels) == ([("chroma", "a logo")], ["DEBUG"])

    run(work())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_no_service_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "supervise.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio, os, sys
            from cli.services import Service
            from cli.supervisor import Supervisor
            one = Service(name="one", command=(sys.executable, "-c", {WAITS!r}), environment=dict(os.environ),
                          ready_event="ready")
            async def work():
                async with Supervisor([one], on_line=lambda *_: None) as supervisor:
                    await supervisor.start()
                    print(supervisor.children["one"].pid, flush=True)
                    await asyncio.sleep(60)
            asyncio.run(work())
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    limit = time.monotonic() + LIMIT_S
    while is_alive(pid):
        assert time.monotonic() < limit, "the child still runs"
        time.sleep(0.02)
