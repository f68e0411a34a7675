"""Health check of the containers: asks the service of this container whether it is alive."""

import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4.0


def http_problem(port: int) -> str | None:
    """Return what is wrong with the service on this port, or None."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=TIMEOUT_S) as response:
            return None if response.status == 200 else f"status {response.status}"
    except (urllib.error.URLError, OSError) as error:
        return str(error)


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 healthy, 1 not."""
    match arguments:
        case ["http", port]:
            problem = http_problem(int(port))
        case _:
            problem = "usage: python -m deploy.healthcheck http PORT"
    if problem is not None:
        sys.stderr.write(f"{problem}\n")
    return 0 if problem is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
