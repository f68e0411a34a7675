"""A local server that speaks the Messages API and judges: by itself, every answer meets every criterion."""

import json
from typing import Any

from tests.messages_api_server import MessagesApiServer, Reply, Request, message, text

CRITERIA = ("on_topic", "answers", "fits", "supported", "complete")


def verdict(*failed: str, reason: str = "It says what to do.", **reply: Any) -> Reply:
    """Return a verdict in which these criteria are false."""
    found = {"reason": reason, **{name: name not in failed for name in CRITERIA}}
    return message([text(json.dumps(found))], **reply)


class JudgeServer(MessagesApiServer):
    """Serves ``POST /v1/messages`` as a judge."""

    def by_itself(self, request: Request) -> Reply:
        """Find nothing wrong."""
        return verdict()
