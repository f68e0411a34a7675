"""The tickets that the benchmarks send: texts of the training data, spread over customers, channels and tiers."""

import json
from itertools import islice
from typing import Any

from benchmarks.processes import PROJECT_DIR

_TEXTS = PROJECT_DIR / "data" / "training_tickets.jsonl"
_CHANNELS = ("api", "web", "email", "chat")
_TIERS = ("free", "standard", "standard", "premium", "enterprise")
_STRIDE = 27
"""The file is sorted by intent; every 27th line gives all of them their share."""


def ticket_bodies(count: int) -> list[dict[str, Any]]:
    """Return ``count`` different bodies of ``POST /tickets``; the texts repeat once they are used up."""
    with _TEXTS.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in islice(lines, 0, None, _STRIDE)]
    return [
        {
            "user": f"customer-{number}@portal.example",
            "subject": f"Request {number}",
            "description": texts[number % len(texts)],
            "channel": _CHANNELS[number % len(_CHANNELS)],
            "customer_tier": _TIERS[number % len(_TIERS)],
            "metadata": {"order": f"TB-{20_000_000 + number}", "logged_in": number % 3 == 0},
        }
        for number in range(count)
    ]
