"""What a change of the knowledge base is: who makes it, what it does, and the version that records it."""

from collections.abc import Mapping
from dataclasses import dataclass

from helpdesk.clock import Clock
from helpdesk.knowledge.findings import Finding
from helpdesk.ports.knowledge import Article, checksum_of
from helpdesk.ports.knowledge_versions import KnowledgeAction, KnowledgeVersion

Articles = Mapping[str, Article]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who changes the knowledge base, with what, and why."""

    by: str
    source: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a change did.

    Attributes:
        version: what is in force since.
        added, changed, removed: ids, against what was in force before.
        unchanged: how many articles stayed as they were.
        embedded: how many articles' vectors were computed.
        collapsed: groups of articles that mean the same to search.
        findings: warnings about the whole knowledge base.
    """

    version: KnowledgeVersion
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    embedded: int = 0
    collapsed: tuple[tuple[str, ...], ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What the store says last; number 0 stands for a store without versions."""

    number: int
    version: KnowledgeVersion | None
    articles: Articles


def compared(state: State, after: Articles, action: KnowledgeAction, origin: Origin, clock: Clock) -> Change:
    """Return the change from what is recorded last to these articles; without any, the version stays the same."""
    before = state.articles
    added = tuple(sorted(after.keys() - before.keys()))
    removed = tuple(sorted(before.keys() - after.keys()))
    changed = tuple(sorted(name for name in after.keys() & before.keys() if after[name] != before[name]))
    unchanged = len(after) - len(added) - len(changed)
    version = state.version
    if version is None or added or removed or changed:
        checksum = checksum_of(after.values())
        version = KnowledgeVersion(
            number=state.number + 1,
            version=checksum[:12],
            checksum=checksum,
            action=action,
            by=origin.by,
            source=origin.source,
            reason=origin.reason,
            articles=len(after),
            added=len(added),
            changed=len(changed),
            removed=len(removed),
            at=clock(),
        )
    return Change(version=version, added=added, changed=changed, removed=removed, unchanged=unchanged)
