"""Health checks of the containers: ``http PORT`` asks a service, ``parts`` asks the store and the broker."""

import sys
import urllib.error
import urllib.request
from contextlib import closing

from helpdesk.errors import HelpdeskError
from helpdesk.settings import load_settings

TIMEOUT_S = 4.0


def http_problem(port: int) -> str | None:
    """Return what is wrong with the service on this port, or None."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=TIMEOUT_S) as response:
            return None if response.status == 200 else f"status {response.status}"
    except (urllib.error.URLError, OSError) as error:
        return str(error)


def parts_problem() -> str | None:
    """Return what a process of this container could not use now: the store or the broker; None when both answer."""
    from helpdesk.wiring import open_broker, open_store

    try:
        settings = load_settings()
        with closing(open_store(settings)) as store, closing(open_broker(settings)) as broker:
            store.check()
            broker.check()
    except HelpdeskError as error:
        return str(error)
    return None


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 healthy, 1 not."""
    match arguments:
        case ["http", port]:
            problem = http_problem(int(port))
        case ["parts"]:
            problem = parts_problem()
        case _:
            problem = "usage: python -m deploy.healthcheck http PORT | parts"
    if problem is not None:
        sys.stderr.write(f"{problem}\n")
    return 0 if problem is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
