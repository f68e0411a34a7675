"""What every peer's producer has in common: told which tickets were accepted, it publishes a message for each."""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

THREADS = 8
"""As in a web service whose requests publish in their own threads: several at a time, each awaits its confirm."""


def serve(publish_all: Callable[[Sequence[str]], None]) -> None:
    """For each line of standard input, the path of a file with ticket ids, publish them; say when it is done."""
    print("ready", flush=True)
    for line in sys.stdin:
        ticket_ids = Path(line.strip()).read_text().split()
        began = time.perf_counter()
        publish_all(ticket_ids)
        print(f"published {len(ticket_ids)} in {time.perf_counter() - began:.3f} s", flush=True)


def in_threads(publish: Callable[[str], object]) -> Callable[[Sequence[str]], None]:
    """Return a function that publishes from a few threads, which keep their connections from call to call."""
    pool = ThreadPoolExecutor(THREADS)

    def publish_all(ticket_ids: Sequence[str]) -> None:
        for done in [pool.submit(publish, ticket_id) for ticket_id in ticket_ids]:
            done.result()

    return publish_all
