"""What a reader pastes from a page does what the page says, and nothing beside."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpdesk.policy.clarify import ClarifyRules
from helpdesk.settings import PROJECT_DIR, ProcessorSettings
from helpdesk.sla import load_sla_policy

PAGE = PROJECT_DIR / "docs" / "howto" / "change-the-policy.md"
SLA_PAGE = PROJECT_DIR / "docs" / "howto" / "set-deadlines.md"
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def policy_examples() -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)]


def test_the_policy_example_loosens_nothing_that_the_shipped_policy_holds_back() -> None:
    shown = policy_examples()[0]["autonomy"]
    shipped = yaml.safe_load(ProcessorSettings().policy_file.read_text(encoding="utf-8"))["autonomy"]
    assert shown["default"] == shipped["default"]
    assert shown["intents"].items() > shipped["intents"].items()


def test_the_example_of_a_question_fits_into_the_policy() -> None:
    shown = policy_examples()[1]["clarify"]
    assert ClarifyRules.model_validate(shown).facts["order_number"].is_named_in("It is TB-20418835.")


def test_the_example_of_an_sla_policy_fits(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", SLA_PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "sla.yaml").write_text(block, encoding="utf-8")
    (tmp_path / "holidays.txt").write_text("2026-12-25\n", encoding="utf-8")
    assert load_sla_policy(tmp_path / "sla.yaml").version == 2


@pytest.mark.parametrize("name", ["README.md", "docs/tutorial.md"])
def test_every_variable_in_a_shell_block_was_set_before(name: str) -> None:
    known: set[str] = set()
    for block in SHELL_BLOCK.findall((PROJECT_DIR / name).read_text(encoding="utf-8")):
        for line in block.splitlines():
            assert set(re.findall(r"\$\{?([A-Z][A-Z_]*)", line)) <= known, line
            known |= set(re.findall(r"\b([A-Z][A-Z_]*)=", line))
