"""A worker whose threads hang: it says so, and its process ends, so that another takes its place."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from helpdesk.settings import PROJECT_DIR
from helpdesk.tickets import Status
from processor.worker import BATCH_THREADS, Stuck
from tests.shop import Shop

STUCK_PROCESS = """
import threading, time
from processor.ending import run_to_the_end
from processor.worker import Stuck

def work():
    threading.Thread(target=time.sleep, args=(600,)).start()
    {end}

run_to_the_end(work)
"""


def test_a_worker_whose_threads_all_hang_gives_up(tmp_path: Path) -> None:
    shop = Shop(tmp_path, handling_limit_s=0.3, batch_size=1)
    release = threading.Event()

    def hang(texts: Sequence[str]) -> None:
        release.wait(30)

    try:
        shop.predictor.before = hang
        for number in range(BATCH_THREADS + 2):
            shop.submit(f"please cancel order {number}")
        shop.start_worker()
        assert shop.worker_ends_with() is Stuck
    finally:
        release.set()
        shop.close()


def test_one_hanging_thread_leaves_the_others_at_work(tmp_path: Path) -> None:
    shop = Shop(tmp_path, handling_limit_s=0.2, batch_size=1)
    release = threading.Event()
    hung: list[str] = []

    def hang_once(texts: Sequence[str]) -> None:
        if "hang" in texts[0] and not hung:
            hung.append(texts[0])
            release.wait(30)

    try:
        shop.predictor.before = hang_once
        tickets = [shop.submit("hang"), *(shop.submit(f"please cancel order {number}") for number in range(12))]
        shop.start_worker()
        assert {ticket.status for ticket in shop.decided(*tickets)} == {Status.ANSWERED}
    finally:
        release.set()
        shop.close()


def test_the_process_ends_although_a_thread_hangs() -> None:
    for end, status in (("pass", os.EX_OK), ("raise Stuck('All threads have hung.')", os.EX_SOFTWARE)):
        command = [sys.executable, "-c", STUCK_PROCESS.format(end=end)]
        done = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
        assert ("worker ends" in done.stderr) == (status == os.EX_SOFTWARE)
