"""Opens what a command works with; heavy modules load only then, so that `--help` stays fast."""

import getpass
import os
from typing import TYPE_CHECKING

from helpdesk.ports.store import Role

if TYPE_CHECKING:
    from cli.client import TicketApi
    from helpdesk.ports.store import Store
    from helpdesk.settings import Settings


def settings() -> "Settings":
    """Return the settings that are in force."""
    from helpdesk.settings import load_settings

    return load_settings()


def ticket_api(role: Role, *, agent: str | None = None) -> "TicketApi":
    """Return a client of the ticket API, to be used in a ``with`` block.

    Args:
        role: whose key to send where none is configured.
        agent: for whom to act; this takes an operator's key.
    """
    from cli.client import open_api

    return open_api(settings(), role, agent=agent)


def store() -> "Store":
    """Return the store with its schema up to date; the caller closes it."""
    from helpdesk.wiring import open_store

    opened = open_store(settings())
    opened.migrate()
    return opened


def user() -> str:
    """Return who runs this program, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return f"user {os.getuid()}"
