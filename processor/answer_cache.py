"""Checked answers given again to tickets that ask the same; see docs/adr/0018-answer-cache.md."""

import hashlib
import re
from collections.abc import Sequence
from datetime import timedelta

from pydantic import TypeAdapter

from helpdesk.clock import Clock, utc_now
from helpdesk.personal_data import PersonalData
from helpdesk.policy.phrases import plain
from helpdesk.ports.knowledge import Passage
from helpdesk.ports.store import CachedAnswer, Store
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.predictions import Prediction
from helpdesk.tickets import Author
from processor.facts import names_reference
from processor.work import Work

_BLOCKS = TypeAdapter(tuple[AnswerBlock, ...])
_WORD = re.compile(r"\w+(?:'\w+)*")
_NAME = re.compile(r"\b[^\W\d_a-z][^\W\d_]+")
_POLITE = re.compile(
    r"^(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|there|team|all|sir or madam)\b[\s,!.]*)+"
    r"|\b(?:please|pls|kindly)\b"
    r"|(?:[\s,!.]*\b(?:many |kind )?(?:thanks?(?: you)?|thx|cheers|regards|in advance|so much|very much)\b[\s,!.]*)+$"
)


class AnswerCache:
    """Finds and makes entries of the cache that all workers share.

    Args:
        writer_version: who writes, and by which instructions; what another wrote is not given again.
        keep_days: an older answer is written anew.
    """

    def __init__(self, store: Store, *, writer_version: str, keep_days: float, clock: Clock = utc_now) -> None:
        self._store = store
        self._writer_version = writer_version
        self._keep = timedelta(days=keep_days)
        self._clock = clock

    def key(self, work: Work, prediction: Prediction) -> str | None:
        """Return under what an answer to this ticket is kept, or None for a ticket that is a case of its own.

        Such is one with personal data, with an order or invoice number, or with an answer that came before.
        """
        texts = [work.ticket.subject, *(message.text for message in work.conversation)]
        question = same_question(work.excerpt)
        is_first = all(message.author is Author.CUSTOMER for message in work.conversation)
        if not is_first or not question or PersonalData(texts) or any(names_reference(plain(text)) for text in texts):
            return None
        version = work.versions.get("knowledge", "")
        parts = (prediction.predicted_label, prediction.language or "", version, self._writer_version, question)
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()

    def find(self, key: str) -> WrittenAnswer | None:
        """Return the answer that is kept under a key; whoever sends it checks it again."""
        with self._store.reading() as tx:
            entry = tx.cached_answer(key, since=self._clock() - self._keep)
        if entry is None:
            return None
        blocks = _BLOCKS.validate_json(entry.blocks)
        return WrittenAnswer(blocks=blocks, sufficient=True, writer=entry.writer, prompt_version=entry.prompt_version)

    def entry(self, key: str, answer: WrittenAnswer, passages: Sequence[Passage]) -> CachedAnswer | None:
        """Return what is to be kept of a checked answer, or None where it may speak to one customer alone.

        The checks have held its figures, links and addresses to the passages; here its capitalised words are.
        """
        articles = (passage.article for passage in passages)
        known = set(_WORD.findall(" ".join(f"{one.title} {one.question} {one.body}" for one in articles).lower()))
        if any(name.lower() not in known for name in _NAME.findall(answer.text)):
            return None
        return CachedAnswer(
            key=key,
            writer=answer.writer,
            prompt_version=answer.prompt_version,
            blocks=_BLOCKS.dump_json(answer.blocks).decode(),
            created_at=self._clock(),
        )


def same_question(text: str) -> str:
    """Return a question's words in their order, without case, punctuation, greeting and thanks."""
    return " ".join(_WORD.findall(_POLITE.sub(" ", plain(text).casefold().strip())))
