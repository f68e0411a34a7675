"""A process that changes a knowledge base, for tests that end it: ``python -m tests.knowledge_process STATE WORDS…``.

Each word becomes an article; with ``--hold SECONDS`` the encoder takes so long for each call.
"""

import sys
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.changes import Origin
from helpdesk.knowledge.checking import check_sources
from helpdesk.knowledge.sources import RawArticle, Sources
from helpdesk.knowledge.standards import Standards
from helpdesk.settings import Settings
from tests.contract.knowledge_contract import WordEncoder


class SlowEncoder(WordEncoder):
    def __init__(self, hold_s: float) -> None:
        super().__init__()
        self.hold_s = hold_s

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        print("encoding", flush=True)  # noqa: T201
        time.sleep(self.hold_s)
        return super().encode(texts)


def rows(*words: str) -> Sources:
    """Return one article per word, that says nothing like the others."""
    return Sources(
        tuple(
            RawArticle(
                f"{word}.md",
                {
                    "id": word,
                    "question": f"How do I use my {word}?",
                    "intent": "use_it",
                    "body": f"Read the manual of the {word}, page {zlib.crc32(word.encode()) % 997}, and {word * 3}.",
                },
            )
            for word in words
        )
    )


def main(state_dir: Path, words: Sequence[str], *, hold_s: float) -> None:
    settings = Settings(state_dir=state_dir, database_url=None, chroma_url=None)
    checked = check_sources(rows(*words), Standards(today=date(2026, 11, 1)))
    with (
        closing(SqlStore.open(settings)) as store,
        closing(ChromaKnowledge(SlowEncoder(hold_s), path=state_dir / "knowledge")) as index,
    ):
        KnowledgeBase(store, index).load(checked, Origin(by=words[0]))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    hold = float(arguments.pop(arguments.index("--hold") + 1)) if "--hold" in arguments else 0.0
    main(Path(arguments[0]), [word for word in arguments[1:] if word != "--hold"], hold_s=hold)
