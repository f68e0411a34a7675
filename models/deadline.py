"""A deadline for work that cannot be interrupted, such as a call to a server that sends byte by byte."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


def within(timeout_s: float, work: Callable[[], _T]) -> _T:
    """Return what ``work`` returns, or raise what it raises.

    Raises:
        TimeoutError: it is not done in time; its thread is left behind, and does not hold up the process's end.
    """
    outcome: Future[_T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="deadline", daemon=True).start()
    return outcome.result(timeout_s)
