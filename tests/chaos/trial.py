"""The frame of every trial: load, a fault in the midst of it, rest, counts."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.checker import Counts, show
from tests.chaos.system import TEXTS, System

LEAD_S = 1.0
"""A fault begins this long after the load."""

REOFFER_LIMIT_S = 20.0
"""How long an entry may be on its way: the watchdog takes one that nobody heard of back, and offers it again."""


def nothing() -> None:
    """The fault is over by itself."""


def for_a_while(
    begin: Callable[[], object], end: Callable[[], object] = nothing, *, lasting_s: float = 5.0
) -> Callable[[], None]:
    """Return a fault that begins, lasts and ends."""

    def fault() -> None:
        begin()
        time.sleep(lasting_s)
        end()

    return fault


def under_load(
    system: System,
    fault: Callable[[], object],
    *,
    total: int = 60,
    per_s: float = 15.0,
    texts: Sequence[str] = TEXTS,
) -> dict[str, str]:
    """Post tickets, each until it is accepted, while the fault does its work; return key -> ticket id."""

    def strike() -> None:
        time.sleep(LEAD_S)
        fault()

    with ThreadPoolExecutor(1) as pool:
        striking = pool.submit(strike)
        accepted = system.post_all(total, per_s=per_s, texts=texts)
        striking.result()
    return accepted


def settle(
    system: System, title: str, accepted: Mapping[str, str], *, limit_s: float = 60.0, quiet_s: float = 30.0
) -> Counts:
    """Wait until the system has come to rest; return and show what became of the tickets."""
    system.wait_until_decided(limit_s=limit_s, quiet_s=quiet_s)
    give_up_at = time.monotonic() + REOFFER_LIMIT_S
    while (counts := system.counts(accepted, attempted=len(accepted))).missing_entries:
        if time.monotonic() > give_up_at:
            break
        time.sleep(0.3)
    show(title, system.stack, counts)
    return counts


def survive(
    system: System,
    title: str,
    fault: Callable[[], object],
    *,
    total: int = 60,
    per_s: float = 15.0,
    also: dict[str, str] | None = None,
) -> Counts:
    """Prove that every ticket that is posted around the fault ends exactly once.

    Args:
        also: tickets that the fault itself posts.
    """
    accepted = under_load(system, fault, total=total, per_s=per_s)
    assert len(accepted) == total
    counts = settle(system, title, accepted | (also or {}))
    assert counts.sound, (counts, system.log("relay")[-2000:])
    return counts
