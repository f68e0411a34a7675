"""The model registry: which version is candidate, shadow, live or archived, and how each came to be so (pure)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from helpdesk.errors import IllegalTransition, PromotionRefused
from models.gate import Verdict


class State(StrEnum):
    """What a version is for."""

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    LIVE = "live"
    ARCHIVED = "archived"


class Action(StrEnum):
    """What changes a version's state."""

    REGISTER = "register"
    ADOPT = "adopt"
    SHADOW = "shadow"
    WITHDRAW = "withdraw"
    PROMOTE = "promote"
    ROLL_BACK = "rollback"
    SUPERSEDE = "supersede"
    ARCHIVE = "archive"


TRANSITIONS: Mapping[State | None, Mapping[Action, State]] = {
    None: {Action.REGISTER: State.CANDIDATE, Action.ADOPT: State.LIVE},
    State.CANDIDATE: {
        Action.REGISTER: State.CANDIDATE,
        Action.SHADOW: State.SHADOW,
        Action.PROMOTE: State.LIVE,
        Action.ARCHIVE: State.ARCHIVED,
    },
    State.SHADOW: {
        Action.WITHDRAW: State.CANDIDATE,
        Action.PROMOTE: State.LIVE,
        Action.ARCHIVE: State.ARCHIVED,
    },
    State.LIVE: {Action.SUPERSEDE: State.ARCHIVED},
    State.ARCHIVED: {Action.REGISTER: State.CANDIDATE, Action.ROLL_BACK: State.LIVE},
}
"""Every legal change; None stands for a version that the registry does not know."""

_REMEDIES: Mapping[State | None, str] = {
    None: "Register it first",
    State.CANDIDATE: "It can be put in shadow, promoted or archived",
    State.SHADOW: "It can be withdrawn, promoted or archived",
    State.LIVE: "Promote another version, or roll back",
    State.ARCHIVED: "Register it again, or, where it was live before, roll back",
}


class Note(BaseModel):
    """When, by whom and why something was done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime
    by: str
    reason: str = ""


class Change(BaseModel):
    """One change of one version's state.

    Attributes:
        checksum: of the version's artifact as it is registered from then on.
        forced: whether it was made against the gate's verdict.
        gate: what the gate said, for a promotion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    checksum: str
    action: Action
    before: State | None
    after: State
    note: Note
    forced: bool = False
    gate: Verdict | None = None


class RegisteredVersion(BaseModel):
    """A version's state, and the checksum of the artifact that was registered: another one is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State
    checksum: str


class Registry(BaseModel):
    """The states of all versions, and their history, oldest first. Each method returns a new registry.

    All of them raise IllegalTransition where the table has no such change.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    versions: Mapping[str, RegisteredVersion] = {}
    history: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        for state in (State.LIVE, State.SHADOW):
            names = [name for name, entry in self.versions.items() if entry.state is state]
            if len(names) > 1:
                raise ValueError(f"several versions are {state}: {', '.join(names)}")
        return self

    @property
    def live(self) -> str | None:
        """The version that serves."""
        return self._only(State.LIVE)

    @property
    def shadow(self) -> str | None:
        """The version that predicts beside it."""
        return self._only(State.SHADOW)

    @property
    def earlier(self) -> list[str]:
        """The versions that were live before this one, the latest last; a way back drops what it leaves behind.

        One whose artifact was exchanged since is none of them: as it is now it never passed the gate.
        """
        line: list[str] = []
        checksums = {}
        for change in self.history:
            if change.after is State.LIVE:
                if change.action is Action.ROLL_BACK and change.version in line:
                    del line[line.index(change.version) :]
                line.append(change.version)
                checksums[change.version] = change.checksum
        present = {version: entry.checksum for version, entry in self.versions.items()}
        return [version for version in line[:-1] if present.get(version) == checksums[version]]

    def state_of(self, version: str) -> State | None:
        """Return a version's state; None where it is unknown."""
        entry = self.versions.get(version)
        return entry.state if entry else None

    def after(self, version: str, action: Action) -> State:
        """Return the state that an action leads to; raises IllegalTransition where there is none."""
        before = self.state_of(version)
        after = TRANSITIONS[before].get(action)
        if after is None:
            state = before or "not registered"
            raise IllegalTransition(f"{version} is {state}: {action} is not possible. {_REMEDIES[before]}.")
        return after

    def register(self, version: str, checksum: str, note: Note, *, adopt: bool = True) -> "Registry":
        """Make a new or archived version a candidate, or live where none is; one that is in use already stays so.

        Args:
            adopt: whether a new version may go live where none is; otherwise it is a candidate even there.
        """
        entry = self.versions.get(version)
        if entry is None:
            action = Action.ADOPT if adopt and self.live is None else Action.REGISTER
            return self._changed(version, action, note, checksum=checksum)
        if entry.checksum == checksum and entry.state is not State.ARCHIVED:
            return self
        if Action.REGISTER not in TRANSITIONS[entry.state]:
            raise IllegalTransition(
                f"{version} is {entry.state}, and its artifact is not the one that was registered; restore its files."
            )
        return self._changed(version, Action.REGISTER, note, checksum=checksum)

    def put_in_shadow(self, version: str, note: Note) -> "Registry":
        """Let a candidate predict beside the live model; one that did so until now becomes a candidate again."""
        before = self.shadow
        if before is not None and before != version:
            return self.withdraw(note).put_in_shadow(version, note)
        return self._changed(version, Action.SHADOW, note)

    def withdraw(self, note: Note) -> "Registry":
        """Make the shadow a candidate again."""
        if self.shadow is None:
            raise IllegalTransition("No version is in shadow.")
        return self._changed(self.shadow, Action.WITHDRAW, note)

    def promote(self, version: str, verdict: Verdict, note: Note, *, forced: bool = False) -> "Registry":
        """Make a version live and archive the one that was, if the gate lets it pass.

        Raises:
            PromotionRefused: it does not, and nobody forces it; or the verdict is about other versions.
        """
        self.after(version, Action.PROMOTE)
        if (verdict.candidate, verdict.live) != (version, self.live):
            raise PromotionRefused(
                f"The gate compared {verdict.candidate} with {verdict.live or 'nothing'}, but {self.live or 'nothing'} "
                "is live now; promote again."
            )
        if verdict.checksum != self.versions[version].checksum:
            raise PromotionRefused(f"{version} has been registered anew since the gate examined it; promote again.")
        if not verdict.passed and not forced:
            named = "; ".join(f"{item.name}: {item.finding}" for item in verdict.failures)
            raise PromotionRefused(f"{version} does not pass the gate: {named}.")
        return self._replacing_live(version, Action.PROMOTE, note, forced=not verdict.passed, gate=verdict)

    def roll_back(self, note: Note, *, to: str = "") -> "Registry":
        """Make the version live again that was so before, or another one that once was."""
        if to and to not in self.earlier:
            raise IllegalTransition(f"{to} was not live before {self.live}; {_named(self.earlier)}.")
        if not self.earlier:
            raise IllegalTransition("There is nothing to go back to: no other version was live before.")
        return self._replacing_live(to or self.earlier[-1], Action.ROLL_BACK, note)

    def archive(self, version: str, note: Note) -> "Registry":
        """Put a candidate or shadow aside."""
        return self._changed(version, Action.ARCHIVE, note)

    def _only(self, state: State) -> str | None:
        return next((name for name, entry in self.versions.items() if entry.state is state), None)

    def _replacing_live(
        self, version: str, action: Action, note: Note, *, forced: bool = False, gate: Verdict | None = None
    ) -> "Registry":
        cleared = self if self.live is None else self._changed(self.live, Action.SUPERSEDE, note)
        return cleared._changed(version, action, note, forced=forced, gate=gate)

    def _changed(
        self,
        version: str,
        action: Action,
        note: Note,
        *,
        checksum: str = "",
        forced: bool = False,
        gate: Verdict | None = None,
    ) -> "Registry":
        entry = RegisteredVersion(
            state=self.after(version, action), checksum=checksum or self.versions[version].checksum
        )
        change = Change(
            version=version,
            checksum=entry.checksum,
            action=action,
            before=self.state_of(version),
            after=entry.state,
            note=note,
            forced=forced,
            gate=gate,
        )
        return Registry(versions={**self.versions, version: entry}, history=(*self.history, change))


def _named(versions: list[str]) -> str:
    return f"these were: {', '.join(versions)}" if versions else "no other version was"
