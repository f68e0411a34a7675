"""The table of faults is complete, and what it says of its tests is so."""

import ast
import re
from functools import cache

import pytest

from helpdesk.settings import PROJECT_DIR

FAULTS = range(1, 41)
PAGE = PROJECT_DIR / "docs" / "reference" / "faults.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]


@cache
def forms_of(file: str) -> dict[str, bool]:
    """Return the tests of a file, and whether each runs in the long form only."""
    tree = ast.parse((PROJECT_DIR / file).read_text(encoding="utf-8"))
    marks = [ast.unparse(node.value) for node in tree.body if isinstance(node, ast.Assign)]
    whole_file = any(mark == "pytest.mark.chaos" for mark in marks)
    return {
        node.name: whole_file or "pytest.mark.chaos" in map(ast.unparse, node.decorator_list)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_all_faults_stand_in_their_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(FAULTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_fault_names_tests_that_exist_and_their_form(row: list[str]) -> None:
    _, fault, injection, proofs, form, stacks = row
    assert fault
    assert injection
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", proofs)
    assert named
    for file, test in named:
        assert test in forms_of(file), f"{file} has no {test}"
    assert form == ("long" if all(forms_of(file)[test] for file, test in named) else "short")
    assert stacks in {"both", "embedded", "servers"}
