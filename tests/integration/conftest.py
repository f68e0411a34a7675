"""Shops with a scripted worker, for the suites of worker, watchdog and pruner."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with closing(Shop(tmp_path)) as shop:
        yield shop


@pytest.fixture
def remote_shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose writer is a server, so that writing has threads of its own."""
    with closing(Shop(tmp_path, remote_writer=True)) as shop:
        yield shop
