"""The decision policy: a versioned file that says what may be automated and what is kept for people."""

import hashlib
import re
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from helpdesk.errors import InvalidData

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


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
    upset_at: float = Field(ge=-1.0, le=1.0)
    languages: frozenset[str]
    link_hosts: frozenset[str] = frozenset()
    asks_for_person: tuple[str, ...]
    reserved_topics: dict[str, tuple[str, ...]]

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
        found = self._person_pattern.search(text)
        return found.group(0) if found else None

    def reserved_topic(self, text: str) -> tuple[str, str] | None:
        """Return the first reserved topic that the text names, and the words."""
        for topic, pattern in self._topic_patterns.items():
            if found := pattern.search(text):
                return topic, found.group(0)
        return None

    @cached_property
    def _person_pattern(self) -> re.Pattern[str]:
        return _phrases(self.asks_for_person)

    @cached_property
    def _topic_patterns(self) -> dict[str, re.Pattern[str]]:
        return {topic: _phrases(phrases) for topic, phrases in self.reserved_topics.items()}


def _phrases(phrases: tuple[str, ...]) -> re.Pattern[str]:
    def one(phrase: str) -> str:
        stem = phrase.removesuffix("*")
        words = r"\s+".join(re.escape(word) for word in stem.split())
        return words + (r"\w*" if phrase.endswith("*") else "")

    return re.compile(r"\b(?:" + "|".join(one(phrase) for phrase in phrases) + r")\b", re.IGNORECASE)


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        InvalidData: not readable, not YAML, or a rule that does not fit; names the rule.
    """
    try:
        raw = path.read_bytes()
        rules = yaml.safe_load(raw)
    except (OSError, yaml.YAMLError) as error:
        raise InvalidData(str(error), field=str(path), remedy="see docs/reference/policy.md") from error
    if not isinstance(rules, dict):
        raise InvalidData("is no mapping of rules", field=str(path), remedy="see docs/reference/policy.md")
    try:
        return Policy.model_validate({**rules, "digest": hashlib.sha256(raw).hexdigest()[:8]})
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        ]
        raise InvalidData("; ".join(problems), field=str(path), remedy="see docs/reference/policy.md") from error
