"""What the documentation points at exists: links, headings, files, and names in files."""

import re
from functools import cache
from pathlib import Path

import pytest

from helpdesk.settings import PROJECT_DIR

PAGES = sorted([*PROJECT_DIR.glob("*.md"), *(PROJECT_DIR / "docs").rglob("*.md"), *(PROJECT_DIR / "data").glob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
FILE_NAME = re.compile(
    r"`((?:\.ci|helpdesk|ticket_api|prediction_api|processor|relay|models|cli|benchmarks|monitoring|deploy|docs|data|tests"
    r"|model_artifacts)/[\w./-]+)(?:::(\w+))?`"
)


def prose(page: Path) -> str:
    return CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        text = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        found.add(text.strip().replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_DIR)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} leads nowhere"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_DIR)))
def test_every_file_and_name_that_a_page_mentions_exists(page: Path) -> None:
    for name, inner in FILE_NAME.findall(prose(page)):
        file = PROJECT_DIR / name
        assert file.exists(), f"{name} does not exist"
        if inner:
            assert re.search(rf"\b{inner}\b", file.read_text(encoding="utf-8")), f"{name} has no {inner}"


def test_every_page_can_be_reached_from_the_index() -> None:
    docs = PROJECT_DIR / "docs"
    seen: set[Path] = set()
    waiting = [docs / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or not page.is_file() or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [(page.parent / target.partition("#")[0]).resolve() for target in LINK.findall(prose(page))]
    assert sorted(str(page.relative_to(docs)) for page in set(docs.rglob("*.md")) - seen) == []
