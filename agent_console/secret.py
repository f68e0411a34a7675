"""The secret that signs the desk's cookies: from the settings, else made once and kept for all processes."""

import secrets

from helpdesk.errors import InvalidSetting
from helpdesk.ports.store import Store
from helpdesk.settings import AgentConsoleSettings

FACT = "agent_console_secret"
MIN_CHARACTERS = 32


def signing_secret(settings: AgentConsoleSettings, store: Store) -> str:
    """Return the secret.

    It may lie in the store, for whoever reads it there can forge nothing: a session stands on a random id of which
    the store knows the hash alone. See docs/adr/0025-the-desk.md.

    Raises:
        InvalidSetting: the configured secret is too short.
    """
    if settings.secret is not None:
        secret = settings.secret.get_secret_value()
        if len(secret) < MIN_CHARACTERS:
            raise InvalidSetting(
                f"has {len(secret)} characters",
                field="HELPDESK_AGENT_CONSOLE__SECRET",
                remedy=f"set {MIN_CHARACTERS} or more random ones, or leave it unset",
            )
        return secret
    with store.transaction() as tx:
        return tx.first_fact(FACT, secrets.token_urlsafe(32))
