"""Policies for tests: the shipped one, with changes."""

from typing import Any

import yaml

from helpdesk.policy.rules import Policy, checksum_of, load_policy
from helpdesk.settings import ProcessorSettings

FILE = ProcessorSettings().policy_file
SHIPPED = load_policy(FILE)
_RULES = yaml.safe_load(FILE.read_text(encoding="utf-8"))


def changed_text(**changes: Any) -> str:
    """Return the shipped policy's text with whole rules replaced."""
    text: str = yaml.safe_dump({**_RULES, **changes}, sort_keys=False)
    return text


def changed_policy(**changes: Any) -> Policy:
    """Return the shipped policy with whole rules replaced."""
    rules = {**_RULES, **changes}
    return Policy.model_validate({**rules, "digest": checksum_of(repr(rules))[:8]})
