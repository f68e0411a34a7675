"""Every error that Helpdesk raises on purpose, as one tree.

    HelpdeskError
    ├── InvalidInput              a value is wrong: says which field, what is wrong, what to do
    │   ├── InvalidSetting        a configuration value
    │   ├── InvalidData           a data file: training rows
    │   │   └── PolicyRefused     a policy with errors: carries each with its path and remedy
    │   ├── ArticlesRefused       articles with errors: carries each with its place and remedy
    │   └── UndecodableMessage    bytes from a queue that are no message of ours
    ├── PayloadTooLarge           more bytes than the limit
    ├── NotFound
    │   ├── TicketNotFound
    │   ├── QueueNotFound
    │   ├── QueueEmpty            nothing waits in this queue
    │   ├── DeadLetterNotFound
    │   ├── ApiKeyNotFound
    │   ├── PersonNotFound
    │   ├── ArticleNotFound
    │   ├── KnowledgeVersionNotFound
    │   ├── PolicyVersionNotFound
    │   └── DecisionNotFound      the ticket, or this turn of it, has no decision
    ├── Conflict
    │   ├── IllegalTransition     the ticket's status, or the model's state, does not allow the action
    │   ├── VersionConflict       somebody changed the ticket in between
    │   ├── AlreadyClaimed        another person has the ticket
    │   ├── AtCapacity            the agent holds as many tickets as they may
    │   ├── NotClaimed            the caller does not hold the claim (it ran out, or never was theirs)
    │   ├── IdempotencyConflict   the key was used with another body
    │   ├── ArticleExists         an article of this id is there already
    │   ├── PersonExists          somebody has this name already
    │   └── PromotionRefused      the gate does not let a model go live
    ├── NotAuthenticated          no key, password or session, or a wrong one
    ├── NotAuthorised             the caller's role does not allow this
    ├── TooManyRequests           carries retry_after_s
    ├── PredictionFailed          the model breaks on a text; another text may do
    └── Unavailable               a dependency failed; trying again later may help
        ├── StoreUnavailable
        ├── BrokerUnavailable
        │   ├── PublishUnconfirmed  no confirm in time: the broker may or may not hold the message
        │   ├── QueueFull           the broker refused the message
        │   ├── Unroutable          no queue is bound for the destination
        │   └── BrokerMisconfigured topology or credentials differ from what this version needs
        ├── PredictorUnavailable
        ├── ModelUnavailable
        ├── KnowledgeUnavailable
        ├── WriterUnavailable
        └── TrackingUnavailable   MLflow: trainings go on without it

Nothing here knows HTTP: ``helpdesk.web.problems`` maps each leaf to a status.
"""

from collections.abc import Sequence


class HelpdeskError(Exception):
    """Base of the tree. The message is a sentence for the person who must act on it."""


class InvalidInput(HelpdeskError):
    """A value is wrong.

    Args:
        problem: what is wrong with the value.
        field: dotted path of the value, such as ``metadata.order`` (empty: the whole input).
        remedy: what to do about it.
    """

    def __init__(self, problem: str, *, field: str = "", remedy: str = "") -> None:
        self.problem, self.field, self.remedy = problem, field, remedy
        super().__init__(": ".join(part for part in (field, problem) if part) + (f" ({remedy})" if remedy else ""))


class InvalidSetting(InvalidInput):
    """A configuration value cannot be used."""


class InvalidData(InvalidInput):
    """A data file cannot be used as it is."""


class PolicyRefused(InvalidData):
    """A policy has errors; the one in force stays.

    Args:
        where: the file, or whatever else the policy came from.
        problems: each as (path of the rule, problem with its value, remedy); at least one.
    """

    def __init__(self, where: str, problems: Sequence[tuple[str, str, str]]) -> None:
        self.problems = tuple(problems)
        said = "; ".join(f"{path}: {problem}" if path else problem for path, problem, _ in self.problems)
        super().__init__(said, field=where, remedy="docs/reference/policy.md describes every rule")


class ArticlesRefused(InvalidInput):
    """Articles have errors; the knowledge base stays as it was.

    Args:
        problems: each as (place, problem, remedy); at least one.
    """

    def __init__(self, problems: Sequence[tuple[str, str, str]]) -> None:
        self.problems = tuple(problems)
        field, problem, remedy = self.problems[0]
        more = f"; and {len(self.problems) - 1} more" if len(self.problems) > 1 else ""
        super().__init__(problem + more, field=field, remedy=remedy)


class UndecodableMessage(InvalidInput):
    """Bytes from a queue that are no message of ours."""


class PayloadTooLarge(HelpdeskError):
    """More bytes than the limit allows."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        self.size_bytes, self.limit_bytes = size_bytes, limit_bytes
        super().__init__(f"{size_bytes} bytes were sent; the limit is {limit_bytes}. Send less, or split it.")


class NotFound(HelpdeskError):
    """What was asked for does not exist, or not for this caller."""


class TicketNotFound(NotFound):
    """No such ticket, or not the caller's."""


class QueueNotFound(NotFound):
    """No human queue has this name."""


class QueueEmpty(NotFound):
    """Nothing waits in this queue."""


class DeadLetterNotFound(NotFound):
    """No dead letter has this id."""


class ApiKeyNotFound(NotFound):
    """No API key has this id."""


class PersonNotFound(NotFound):
    """Nobody at the desk has this name."""


class ArticleNotFound(NotFound):
    """The knowledge base holds no article of this id."""


class KnowledgeVersionNotFound(NotFound):
    """No version of the knowledge base has this name or number."""


class PolicyVersionNotFound(NotFound):
    """No version of the policy has this number or name."""


class DecisionNotFound(NotFound):
    """The ticket, or this turn of it, has not been decided."""


class Conflict(HelpdeskError):
    """The request is valid, but not in the present state."""


class IllegalTransition(Conflict):
    """The ticket's status, or the model's state, does not allow the action."""


class VersionConflict(Conflict):
    """Somebody changed the ticket since it was read."""


class AlreadyClaimed(Conflict):
    """Another person has the ticket."""


class AtCapacity(Conflict):
    """The agent holds as many tickets as they may."""


class NotClaimed(Conflict):
    """The caller does not hold the claim."""


class IdempotencyConflict(Conflict):
    """The idempotency key was used before, with another body."""


class ArticleExists(Conflict):
    """The knowledge base holds an article of this id already."""


class PersonExists(Conflict):
    """Somebody at the desk has this name already."""


class PromotionRefused(Conflict):
    """The gate does not let a model go live."""


class NotAuthenticated(HelpdeskError):
    """No API key, password or session, or one that is unknown, wrong or over."""


class NotAuthorised(HelpdeskError):
    """The caller's role does not allow this."""


class TooManyRequests(HelpdeskError):
    """The caller is over its rate; it may try again after ``retry_after_s``."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class PredictionFailed(HelpdeskError):
    """The model breaks on one of the texts; without it, the others may do."""


class Unavailable(HelpdeskError):
    """A dependency failed; trying again later may help."""


class StoreUnavailable(Unavailable):
    """The database is locked, down, full or unreachable."""


class BrokerUnavailable(Unavailable):
    """The message broker is down or unreachable."""


class PublishUnconfirmed(BrokerUnavailable):
    """No confirm came in time: the broker may or may not hold the message."""


class QueueFull(BrokerUnavailable):
    """The broker refused the message because the queue is at its maximum length."""


class Unroutable(BrokerUnavailable):
    """No queue is bound for the destination."""


class BrokerMisconfigured(BrokerUnavailable):
    """The broker's topology, credentials or virtual host differ from what this version needs."""


class PredictorUnavailable(Unavailable):
    """The prediction service is down, slow, or answers nonsense."""


class ModelUnavailable(Unavailable):
    """No usable model artifact is loaded."""


class KnowledgeUnavailable(Unavailable):
    """The knowledge base cannot be searched."""


class WriterUnavailable(Unavailable):
    """The answer writer is down, slow, over its budget, or answers nonsense."""


class TrackingUnavailable(Unavailable):
    """MLflow cannot be used: the server is down, slow or refuses, or its client is not installed."""
