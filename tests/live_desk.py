"""The desk on a port, for real browsers: uvicorn in a thread over the console of the other tests."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import uvicorn

from helpdesk.web.server import bind
from tests.desk_browser import Console

START_LIMIT_S = 15.0


@contextmanager
def serving(console: Console) -> Iterator[str]:
    """Serve the console until the block ends; yield its address."""
    with closing(bind(console.settings.agent_console, 0, setting="PORT")) as listener:
        config = uvicorn.Config(console.app, log_config=None, access_log=False, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="live-desk")
        thread.start()
        limit = time.monotonic() + START_LIMIT_S
        while not server.started:
            assert thread.is_alive(), "the desk did not start"
            assert time.monotonic() < limit, "the desk did not start in time"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
