"""Decisions are recorded in one form, and the index knows all of them."""

import re
from pathlib import Path

import pytest

from helpdesk.settings import PROJECT_DIR

ADR_DIR = PROJECT_DIR / "docs" / "adr"
PAGES = sorted(ADR_DIR.glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Alternatives", "The code that enforces it"]
LONGEST_PAGE_LINES = 75


def test_there_are_decisions() -> None:
    assert len(PAGES) >= 12


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_has_every_section_and_fits_on_a_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert re.search(r"^(Accepted|Superseded by \[\d{4}\]\(.+\)), \d{4}-\d{2}\.$", text, re.MULTILINE), "no status"
    assert len(text.splitlines()) <= LONGEST_PAGE_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_names_the_code_that_enforces_it(page: Path) -> None:
    enforced = page.read_text(encoding="utf-8").partition("## The code that enforces it")[2]
    assert re.search(r"`[\w./]+\.(py|yaml|toml)`", enforced)


def test_the_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.stem[:4]) for page in PAGES] == list(range(1, len(PAGES) + 1))


def test_the_index_lists_every_decision_under_its_title() -> None:
    index = (ADR_DIR / "README.md").read_text(encoding="utf-8")
    for page in PAGES:
        number, _, title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(" ")
        assert f"| [{number}]({page.name}) | {title} |" in index
