"""The part of the store port that keeps every version of the decision policy."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class PolicyAction(StrEnum):
    """What made a version."""

    FILE = "file"
    APPLY = "apply"
    ROLL_BACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """One version of the policy: what, when, by whom and why. The one with the highest number is in force.

    Attributes:
        number: counts up by one; the same rules may come back under a new number.
        body: the rules as they were written, in YAML, comments included.
        checksum: SHA-256 of the body.
        source: where the rules came from, such as a path, or the version that a roll-back repeats.
    """

    number: int
    body: str
    checksum: str
    action: PolicyAction
    by: str
    source: str
    reason: str
    at: datetime

    @property
    def name(self) -> str:
        """The version as decisions record it, such as ``1-9f3a2c1b``."""
        return f"{self.number}-{self.checksum[:8]}"


class PolicyVersions(Protocol):
    """Appends and reads versions within one transaction."""

    def add_policy_version(self, version: PolicyVersion) -> None:
        """Append a version, which is in force from the commit on.

        Raises:
            VersionConflict: the number is taken; nothing is stored.
        """

    def policy_versions(self, *, limit: int) -> list[PolicyVersion]:
        """Return the latest versions, newest first."""

    def policy_version(self, number: int) -> PolicyVersion:
        """Return one version.

        Raises:
            PolicyVersionNotFound: there is none of this number.
        """

    def policies_of(self, checksum: str) -> list[int]:
        """Return the numbers of the versions with this content, oldest first."""

    def newest_policy_number(self) -> int:
        """Return the number in force; 0 where there is no version yet."""
