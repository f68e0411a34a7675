"""The rules of the decision policy: what may be automated, and what is kept for people."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from helpdesk.errors import PolicyRefused
from helpdesk.policy.clarify import ClarifyRules
from helpdesk.policy.phrases import found_in
from helpdesk.policy.writing import EachKeyOnce, described

Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Phrase = Annotated[str, Field(pattern=r"[^\s*]")]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1)]
"""An empty list would name every text."""


class Autonomy(StrEnum):
    """How far the machine may go with an intent."""

    OFF = "off"
    DRAFT = "draft"
    ANSWER = "answer"


class AutonomyRules(BaseModel):
    """The autonomy of each intent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: Autonomy
    intents: dict[str, Autonomy]

    @field_validator("*", mode="before")
    @classmethod
    def _yaml_off_is_a_word(cls, value: object) -> object:
        """YAML reads a bare ``off`` as false; here it is the word."""
        if isinstance(value, dict):
            return {key: "off" if item is False else item for key, item in value.items()}
        return "off" if value is False else value


class Policy(BaseModel):
    """See policy.yaml for what each rule means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1)
    digest: str = Field(exclude=True, min_length=8, max_length=8)
    autonomy: AutonomyRules
    confidence_floor: Probability
    confidence_thresholds: dict[str, Probability]
    evidence_threshold: Probability
    upset_at: float = Field(ge=-1.0, le=1.0, allow_inf_nan=False)
    languages: frozenset[str]
    link_hosts: frozenset[str] = frozenset()
    asks_for_person: Phrases
    reserved_topics: dict[str, Phrases]
    clarify: ClarifyRules | None = None

    @property
    def name(self) -> str:
        """The version as decisions record it, such as ``1-9f3a2c1b``."""
        return f"{self.version}-{self.digest}"

    def autonomy_of(self, intent: str) -> Autonomy:
        """Return how far the machine may go with this intent."""
        return self.autonomy.intents.get(intent, self.autonomy.default)

    def threshold_for(self, intent: str, model_threshold: float) -> float:
        """Return the confidence from which this intent may be automated."""
        return max(self.confidence_floor, self.confidence_thresholds.get(intent, model_threshold))

    def person_asked_for(self, text: str) -> str | None:
        """Return the customer's words that ask for a person."""
        return found_in(text, self.asks_for_person)

    def reserved_topic(self, text: str) -> tuple[str, str] | None:
        """Return the first reserved topic that the text names, and the words."""
        for topic, phrases in self.reserved_topics.items():
            if words := found_in(text, phrases):
                return topic, words
        return None


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        PolicyRefused: not readable, not YAML, or a rule that does not fit; names each with its value.
    """
    return parse_policy(read_policy_file(path), where=str(path))


def read_policy_file(path: Path) -> str:
    """Return a policy file's text.

    Raises:
        PolicyRefused: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyRefused(str(path), [("", str(error), "name a readable file in UTF-8")]) from error


def checksum_of(body: str) -> str:
    """Return the SHA-256 of a policy as it was written."""
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def parse_policy(body: str, *, where: str, number: int | None = None) -> Policy:
    """Return the policy that a text says, whichever place it came from.

    Args:
        where: that place, for whoever must correct it.
        number: the version that it is; None takes the number that the text states.

    Raises:
        PolicyRefused: it does not fit; names each rule with its value and what to do.
    """
    rules = dict(read_rules(body, where=where))
    if number is not None:
        rules["version"] = number
    try:
        return Policy.model_validate({**rules, "digest": checksum_of(body)[:8]})
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise PolicyRefused(where, [described(problem, Policy.model_fields) for problem in problems]) from error


def read_rules(body: str, *, where: str) -> Mapping[str, Any]:
    """Return the rules of a text, unchecked.

    Raises:
        PolicyRefused: it is no YAML, names a rule twice, or holds no rules.
    """
    try:
        rules = yaml.load(body, EachKeyOnce)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise PolicyRefused(where, [("", f"is no YAML: {problem}", "correct it at the place named")]) from error
    if not isinstance(rules, dict):
        raise PolicyRefused(where, [("", "is no mapping of rules", "write one rule per line, as upset_at: -0.65")])
    return rules
