"""A process of its own on a store, for tests of what several processes do to each other, and of kill -9.

``write`` stores tickets one by one for ever and prints each id once it is committed. ``claim`` claims what waits in a
queue until nothing is left and prints each claimed id. ``migrate`` migrates. ``fill`` is for a disk that gets full.
"""

import json
import resource
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import IllegalTransition, StoreUnavailable, VersionConflict
from helpdesk.ports.store import Store
from helpdesk.settings import StoreSettings
from helpdesk.tickets import GENERAL, Action
from tests.factories import NOON, make_submission


def start(job: str, url: str) -> subprocess.Popen[str]:
    """Start the process; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.contract.store_process", json.dumps([job, url])],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the test reads it


def write(store: Store) -> None:
    while True:
        submission = make_submission()
        with store.transaction() as tx:
            tx.add_submissions([submission])
        say(submission.ticket.ticket_id)


def claim(store: Store) -> None:
    say("ready")
    sys.stdin.readline()
    while waiting := claim_one_of_the_first(store, "process"):
        if waiting is not True:
            say(waiting)


def claim_one_of_the_first(store: Store, agent: str) -> str | bool:
    """Return the id of the ticket that was claimed, True when others were faster with it, False when none waits."""
    with store.reading() as tx:
        first = tx.waiting_in_queue(GENERAL, limit=1)
    if not first:
        return False
    try:
        with store.transaction() as tx:
            ticket = tx.ticket(first[0].ticket_id)
            until = NOON + timedelta(minutes=15)
            tx.save([ticket.after(Action.CLAIM, at=NOON, claimed_by=agent, claimed_until=until)])
    except (IllegalTransition, VersionConflict):
        return True
    return ticket.ticket_id


def migrate(store: Store) -> None:
    say("ready")
    sys.stdin.readline()
    store.migrate()
    store.check()
    say("migrated")


def fill(store: Store) -> None:
    """Write until files may not grow any more, say what was stored and what came of it; then once more with room."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    stored: list[str] = []
    failure = follow_up = ""
    try:
        while True:
            submissions = [make_submission(text="x" * 2_000) for _ in range(8)]
            with store.transaction() as tx:
                tx.add_submissions(submissions)
            stored += [one.ticket.ticket_id for one in submissions]
    except StoreUnavailable as error:
        failure = str(error)
    try:
        with store.transaction() as tx:
            try:
                while True:
                    tx.add_submissions([make_submission(text="y" * 2_000) for _ in range(8)])
            except StoreUnavailable:
                tx.set_fact("after the failure", "stands alone")
    except StoreUnavailable as error:
        follow_up = str(error)
    with store.reading() as tx:
        readable = all(ticket_id in tx.tickets([ticket_id]) for ticket_id in stored)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    with store.transaction() as tx:
        tx.set_fact("with room again", "yes")
    say(json.dumps({"stored": stored, "failure": failure, "follow_up": follow_up, "readable": readable}))


def main(job: str, url: str) -> None:
    jobs = {"write": write, "claim": claim, "migrate": migrate, "fill": fill}
    store = SqlStore(url, StoreSettings())
    jobs[job](store)
    store.close()


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
