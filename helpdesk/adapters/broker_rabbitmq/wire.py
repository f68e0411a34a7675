"""How an envelope looks in AMQP: properties and headers."""

from typing import Any

from pika import BasicProperties

from helpdesk.ports.broker import Envelope
from helpdesk.tickets import Priority

HIGH_PRIORITY = 9
"""The AMQP priority of ``high``: lanes ignore it, but whoever reads a human queue sees it."""

LONGEST_ID = 255
"""Bytes that a short string of AMQP holds."""


class Malformed(Exception):
    """A message from a queue that no publisher of ours has sent; says why."""


def to_properties(envelope: Envelope) -> BasicProperties:
    """Return persistent properties with our own attempt counter (``x-death`` cannot be trusted)."""
    return BasicProperties(
        content_type="application/json",
        delivery_mode=2,
        message_id=envelope.message_id,
        correlation_id=envelope.correlation_id.encode()[:LONGEST_ID].decode(errors="ignore") or None,
        priority=HIGH_PRIORITY if envelope.priority is Priority.HIGH else 0,
        headers={**envelope.headers, "attempt": envelope.attempt, "correlation_id": envelope.correlation_id},
    )


def to_envelope(destination: str, properties: BasicProperties, body: bytes) -> Envelope:
    """Return the envelope that was received from ``destination``.

    Raises:
        Malformed: no message id, or an attempt or a priority that cannot be.
    """
    headers: dict[str, Any] = dict(properties.headers or {})
    attempt = headers.pop("attempt", 0)
    correlation_id = headers.pop("correlation_id", None) or properties.correlation_id or ""
    priority = properties.priority or 0
    if not properties.message_id:
        raise Malformed("no message_id")
    if not isinstance(attempt, int) or attempt < 0:
        raise Malformed(f"attempt is {attempt!r}")
    if not 0 <= priority <= HIGH_PRIORITY:
        raise Malformed(f"priority is {priority}")
    return Envelope(
        message_id=properties.message_id,
        destination=destination,
        body=body,
        priority=Priority.HIGH if priority > HIGH_PRIORITY // 2 else Priority.NORMAL,
        attempt=attempt,
        correlation_id=str(correlation_id),
        headers=_texts(headers),
    )


def salvage(destination: str, properties: BasicProperties, body: bytes, made_up_id: str) -> Envelope:
    """Return an envelope for a malformed message, fit for ``dead``."""
    return Envelope(
        message_id=properties.message_id or made_up_id,
        destination=destination,
        body=body,
        correlation_id=str(properties.correlation_id or ""),
        headers=_texts(properties.headers or {}),
    )


def _texts(headers: dict[str, Any]) -> dict[str, str]:
    """Return the headers that are not the broker's own."""
    ours = {name: value for name, value in headers.items() if not name.startswith("x-")}
    return {name: value if isinstance(value, str) else repr(value) for name, value in ours.items()}
