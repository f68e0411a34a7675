"""Every version of the policy, from the first on: the store keeps them, and the newest is in force.

A policy file is where a new installation begins, and stays a way in: a worker that starts takes a file that says
something new. See docs/adr/0026-policy-versions.md for which of the two rules when they differ.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from helpdesk.clock import Clock, utc_now
from helpdesk.errors import InvalidInput, PolicyRefused, PolicyVersionNotFound, VersionConflict
from helpdesk.policy.changes import RuleChange, differences
from helpdesk.policy.rules import Policy, checksum_of, parse_policy, read_policy_file
from helpdesk.policy.writing import edited
from helpdesk.ports.policies import PolicyAction, PolicyVersion
from helpdesk.ports.store import Store, Transaction
from helpdesk.settings import Settings

SELF = "helpdesk"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOrigin:
    """Who changes the policy, from where, and why."""

    by: str
    source: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """What a change did.

    Attributes:
        version: what is in force since.
        changes: rule by rule, against the version before; empty where only comments differ.
        is_new: False where the text was in force already, and nothing was stored.
    """

    version: PolicyVersion
    changes: Sequence[RuleChange]
    is_new: bool


class PolicyBook:
    """Reads and changes the policy. Several may do so at once, in any number of processes.

    Args:
        file: the policy file that the settings name.
        file_is_named: somebody has named it; False: it is the one that ships with the code.
    """

    def __init__(self, store: Store, file: Path, *, file_is_named: bool, clock: Clock = utc_now) -> None:
        self._store, self._file, self._file_is_named, self._clock = store, file, file_is_named, clock

    @classmethod
    def of(cls, settings: Settings, store: Store, *, clock: Clock = utc_now) -> Self:
        """Return the book over an open store."""
        file_is_named = "policy_file" in settings.processor.model_fields_set
        return cls(store, settings.processor.policy_file, file_is_named=file_is_named, clock=clock)

    def newest(self) -> PolicyVersion:
        """Return the version in force; on a new installation the policy file becomes the first.

        Raises:
            PolicyRefused: there is no version yet, and the file does not fit.
        """
        with self._store.reading() as tx:
            newest = _newest(tx)
        return newest or self._record_file(read_policy_file(self._file), None)

    def take_file(self) -> PolicyVersion:
        """Return the version in force after a look at the policy file, as a worker does that starts.

        A file that somebody has named becomes a new version where no version had its text, or where the newest came
        from a file too; the shipped one where the newest came from itself, and says something else. Else the newest
        stays, and the log says so.

        Raises:
            PolicyRefused: the file does not fit.
        """
        body = read_policy_file(self._file)
        parse_policy(body, where=str(self._file))
        checksum = checksum_of(body)
        with self._store.reading() as tx:
            newest, known = _newest(tx), tx.policies_of(checksum)
        if newest is None:
            return self._record_file(body, None)
        if newest.checksum == checksum:
            return newest
        is_from_file = newest.action is PolicyAction.FILE
        is_its_own = is_from_file and newest.source == str(self._file)
        if is_its_own or (self._file_is_named and (is_from_file or not known)):
            return self._record_file(body, newest)
        log.warning(
            "the policy file is not in force",
            extra={
                "file": str(self._file),
                "in_force": newest.name,
                "by": newest.by,
                "remedy": "`helpdesk policy diff FILE` shows how they differ, `helpdesk policy apply FILE` takes it",
            },
        )
        return newest

    def versions(self, *, limit: int) -> list[PolicyVersion]:
        """Return the versions, newest first."""
        self.newest()
        with self._store.reading() as tx:
            return tx.policy_versions(limit=limit)

    def version(self, number: int | None = None) -> PolicyVersion:
        """Return a version; None: the one in force.

        Raises:
            PolicyVersionNotFound: there is none of this number.
        """
        newest = self.newest()
        if number is None or number == newest.number:
            return newest
        with self._store.reading() as tx:
            return tx.policy_version(number)

    def policy(self, number: int | None = None) -> Policy:
        """Return the rules of a version; None: of the one in force.

        Raises:
            PolicyVersionNotFound: there is none of this number.
            PolicyRefused: this code cannot read it, for another version of Helpdesk has written it.
        """
        return policy_of(self.version(number))

    def named(self, name: str) -> Policy | None:
        """Return the rules under a name that a decision carries; None where the store does not have them."""
        number, _, _ = name.partition("-")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            return None
        try:
            version = self.version(int(number))
            return policy_of(version) if version.name == name else None
        except (PolicyVersionNotFound, PolicyRefused):
            return None

    def apply(self, body: str, origin: PolicyOrigin, *, against: int) -> PolicyChange:
        """Put a policy into force.

        Args:
            against: the number that was in force when the text was written.

        Raises:
            PolicyRefused: it does not fit.
            VersionConflict: another version is in force by now.
            InvalidInput: no reason is given.
        """
        if not origin.reason.strip():
            raise InvalidInput("is blank", field="reason", remedy="say why the policy changes: it stays in the history")
        parse_policy(body, where=origin.source)
        self.newest()
        return self._append(body, PolicyAction.APPLY, origin, against=against)

    def roll_back(self, origin: PolicyOrigin, *, to: int | None = None, against: int | None = None) -> PolicyChange:
        """Put an earlier version into force again, as a new one with the same text.

        Args:
            to: its number; None: the last one whose text is another than the newest.
            against: the number that is meant to be in force; None: whichever is.

        Raises:
            PolicyVersionNotFound: there is none of this number, or nothing to go back to.
            PolicyRefused: this code cannot read that version any more.
            VersionConflict: another version is in force by now.
        """
        newest = self.newest()
        target = self.version(to) if to is not None else self._before(newest)
        parse_policy(target.body, where=f"version {target.number}")
        source = f"version {target.number}"
        return self._append(
            target.body,
            PolicyAction.ROLL_BACK,
            replace(origin, source=source),
            against=newest.number if against is None else against,
        )

    def _before(self, newest: PolicyVersion) -> PolicyVersion:
        with self._store.reading() as tx:
            for version in tx.policy_versions(limit=newest.number):
                if version.checksum != newest.checksum:
                    return version
        raise PolicyVersionNotFound("There is no earlier version of the policy to go back to.")

    def _append(self, body: str, action: PolicyAction, origin: PolicyOrigin, *, against: int) -> PolicyChange:
        with self._store.transaction() as tx:
            newest = tx.policy_version(tx.newest_policy_number())
            if newest.number != against:
                raise VersionConflict(
                    f"Version {newest.number} of the policy is in force, by {newest.by} at {newest.at:%Y-%m-%d %H:%M} "
                    f"UTC, and not version {against}; look at what it says, and decide again."
                )
            if _says_the_same(newest.body, body):
                return PolicyChange(version=newest, changes=(), is_new=False)
            version = self._version(newest.number + 1, body, action, origin)
            tx.add_policy_version(version)
        return PolicyChange(version=version, changes=changes_between(newest, version), is_new=True)

    def _record_file(self, body: str, newest: PolicyVersion | None) -> PolicyVersion:
        """Make the file's text a version; where another process was faster, return what that has made."""
        number = newest.number + 1 if newest else parse_policy(body, where=str(self._file)).version
        reason = "the policy file says something new" if newest else "the first policy"
        origin = PolicyOrigin(by=SELF, source=str(self._file), reason=reason)
        version = self._version(number, body, PolicyAction.FILE, origin)
        try:
            with self._store.transaction() as tx:
                if tx.newest_policy_number() != (newest.number if newest else 0):
                    raise VersionConflict("Another process has recorded a policy first.")
                tx.add_policy_version(version)
        except VersionConflict:
            return self.newest()
        log.info("the policy file is in force", extra={"policy": version.name, "file": str(self._file)})
        return version

    def _version(self, number: int, body: str, action: PolicyAction, origin: PolicyOrigin) -> PolicyVersion:
        return PolicyVersion(
            number=number,
            body=body,
            checksum=checksum_of(body),
            action=action,
            by=origin.by,
            source=origin.source,
            reason=origin.reason.strip(),
            at=self._clock(),
        )


def policy_of(version: PolicyVersion) -> Policy:
    """Return a version's rules.

    Raises:
        PolicyRefused: this code cannot read it, for another version of Helpdesk has written it.
    """
    return parse_policy(version.body, where=f"version {version.number} of the policy", number=version.number)


def numbered(version: PolicyVersion) -> str:
    """Return a version's text with its number in place of the one that was written, as people take it to edit."""
    return edited(version.body, ("version",), version.number)


def _says_the_same(one: str, other: str) -> bool:
    return edited(one, ("version",), 1) == edited(other, ("version",), 1)


def _newest(tx: Transaction) -> PolicyVersion | None:
    return next(iter(tx.policy_versions(limit=1)), None)


def changes_between(before: PolicyVersion, after: PolicyVersion) -> list[RuleChange]:
    """Return how two versions differ; nothing where this code cannot read one of them."""
    try:
        return differences(policy_of(before), policy_of(after))
    except PolicyRefused:  # it is of another version of Helpdesk
        return []
