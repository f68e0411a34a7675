"""What a version in shadow said: one line per ticket, without its text, in files of bounded size per version."""

import fcntl
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from helpdesk.predictions import Prediction

DIRECTORY = "shadow"
MAX_FILE_BYTES = 8 * 2**20
"""When a file is as large, it becomes the older one of two, and the one before is gone."""


class Judgement(BaseModel):
    """What one model said of a ticket.

    Attributes:
        automated: whether its confidence is above the intent's threshold and the ticket in scope.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    label: str
    confidence: float
    out_of_scope: bool
    automated: bool


class ShadowRecord(BaseModel):
    """One ticket that both models read.

    Attributes:
        text_sha256: tells repetitions apart, and nothing of the text.
        duration_ms: of the shadow's prediction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime
    text_sha256: str
    live: Judgement
    shadow: Judgement
    duration_ms: float

    @property
    def agrees(self) -> bool:
        """Whether both say the same intent, or both that the ticket has none."""
        if self.live.out_of_scope or self.shadow.out_of_scope:
            return self.live.out_of_scope == self.shadow.out_of_scope
        return self.live.label == self.shadow.label


def shadow_record(text: str, live: Prediction, shadow: Prediction, *, duration_s: float) -> ShadowRecord:
    """Return the record of one ticket, of this moment."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return ShadowRecord(
        at=datetime.now(UTC),
        text_sha256=digest,
        live=_judgement(live),
        shadow=_judgement(shadow),
        duration_ms=round(duration_s * 1000, 3),
    )


class ShadowLog:
    """The records of one version. Several processes may append to the same ones."""

    def __init__(self, state_dir: Path, version: str, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._directory, self._max_file_bytes = state_dir / DIRECTORY, max_file_bytes
        self.path = self._directory / f"{version}.jsonl"
        self._older = self._directory / f"{version}.1.jsonl"

    def append(self, records: Sequence[ShadowRecord]) -> None:
        """Add records behind the others.

        Raises:
            OSError: the file cannot be written.
        """
        lines = "".join(record.model_dump_json() + "\n" for record in records).encode()
        with self._locked():
            if self.path.exists() and self.path.stat().st_size + len(lines) > self._max_file_bytes:
                self.path.replace(self._older)
            with self.path.open("ab") as file:
                file.write(lines)

    def read(self) -> tuple[list[ShadowRecord], int]:
        """Return the records, oldest first, and how many lines are none: a process may have died in the middle of one.

        Raises:
            OSError: a file is there and cannot be read.
        """
        records, unreadable = [], 0
        for path in (self._older, self.path):
            for line in path.read_bytes().splitlines() if path.exists() else ():
                try:
                    records.append(ShadowRecord.model_validate_json(line))
                except ValidationError:
                    unreadable += 1
        return records, unreadable

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _judgement(prediction: Prediction) -> Judgement:
    sure = prediction.prediction_confidence >= prediction.confidence_threshold
    return Judgement(
        version=prediction.model_version,
        label=prediction.predicted_label,
        confidence=prediction.prediction_confidence,
        out_of_scope=prediction.out_of_scope,
        automated=sure and not prediction.out_of_scope,
    )
