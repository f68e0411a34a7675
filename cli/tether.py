"""``python -m cli.tether <parent> <command…>``: becomes the command, which ends when its parent does, however it dies.

A supervisor that is killed at once can stop nobody. On Linux the kernel can: it sends SIGTERM to a child whose parent
is gone, and the child drains. The wish outlives ``exec``.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel knew of the wish
        sys.exit(0)
    os.execvp(command[0], command)  # noqa: S606 - the supervisor's own list, no shell


if __name__ == "__main__":
    main()
