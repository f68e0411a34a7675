"""Rewrite `checksums.json`: one SHA-256 for each data file and one for the whole knowledge base."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

DATA = Path(__file__).resolve().parent
CHECKSUMS = "checksums.json"
TREES = ("knowledge_base",)


def checksums(data: Path = DATA) -> dict[str, str]:
    """Return hex digests by path relative to ``data``: each JSON and JSONL file at its top, and each tree."""
    files = [path for path in data.iterdir() if path.suffix in {".json", ".jsonl"} and path.name != CHECKSUMS]
    digests = {path.name: _file(path) for path in files} | {tree: _tree(data, tree) for tree in TREES}
    return dict(sorted(digests.items()))


def _file(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _tree(data: Path, tree: str) -> str:
    # The lines are those that sha256sum prints, so that the shell can check the digest without Python.
    paths = sorted(path.relative_to(data).as_posix() for path in (data / tree).rglob("*.md"))
    listing = "".join(f"{_file(data / path)}  {path}\n" for path in paths)
    return sha256(listing.encode()).hexdigest()


if __name__ == "__main__":
    (DATA / CHECKSUMS).write_text(json.dumps(checksums(), indent=2) + "\n", encoding="utf-8")
    print(f"wrote {CHECKSUMS}")
