"""Debian's Chromium, driven by Playwright, whose own browsers are not needed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.servers import ServerMissing, install_package

PATHS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def chromium_path() -> str:
    """Return the browser's program, installed first where that can be done.

    Raises:
        ServerMissing: it is not there.
    """
    found = _found()
    if found is None:
        install_package("chromium")
        found = _found()
    if found is None:
        raise ServerMissing("install it (Debian: sudo apt install chromium)")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless browser until the block ends."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def _found() -> str | None:
    return next((path for path in map(shutil.which, PATHS) if path), None)
