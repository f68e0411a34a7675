"""Logging: a constant event text plus fields; JSON for machines, a short line for people; never a ticket's text."""

import logging
import sys
from contextvars import ContextVar
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
"""The id that joins every log line of one request or message."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "correlation_id",
    "taskName",
    "color_message",
}


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        fields = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in _STANDARD)
        head, newline, rest = line.partition("\n")
        return f"{head} {fields}{newline}{rest}" if fields else line


def _add_correlation_id(record: logging.LogRecord) -> bool:
    if not hasattr(record, "correlation_id"):  # a line about one message among many names that message's own
        record.correlation_id = correlation_id.get()
    return True


def configure_logging(service: str, *, format: Literal["json", "text"], level: str) -> None:  # noqa: A002 - the setting's name
    """Send every log line of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_correlation_id)
    if format == "json":
        handler.setFormatter(
            JsonFormatter(
                "%(asctime)s %(levelname)s %(name)s %(message)s %(correlation_id)s", static_fields={"service": service}
            )
        )
    else:
        handler.setFormatter(_TextFormatter(f"%(asctime)s %(levelname)-7s {service} %(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # the adapter says itself what was lost, once
    for noisy in ("httpx", "httpcore", "chromadb", "sentence_transformers", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
