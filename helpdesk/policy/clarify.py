"""One question back: when a single missing fact decides, and which words of the policy ask the customer for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from helpdesk.placeholders import find_placeholder
from helpdesk.policy.phrases import found_in, groups_in, plain
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.predictions import Prediction
from helpdesk.tickets import Author, ConversationMessage, Ticket, answered_last_by

_UNDETERMINED = "en"
"""The language of a ticket whose language the model cannot tell."""

CHOICE_SCORES = ("rival_similarity", "close_within")
"""What a decision records where two articles fitted about equally."""


def _plain(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of words")
    if placeholder := find_placeholder(text):
        raise ValueError(f"holds the unresolved placeholder {placeholder}")
    return text.strip()


def _template(text: str) -> str:
    if "{first}" not in text or "{second}" not in text:
        raise ValueError("must hold {first} and {second}")
    _plain(text.replace("{first}", "").replace("{second}", ""))
    return text


Line = Annotated[str, Field(max_length=300), AfterValidator(_plain)]
Template = Annotated[str, Field(max_length=300), AfterValidator(_template)]
Language = Annotated[str, Field(pattern="^[a-z]{2}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Lines = Annotated[dict[Language, Line], Field(min_length=1)]
Words = Annotated[tuple[Annotated[str, Field(min_length=2)], ...], Field(min_length=1)]


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BetweenIntents(_Rule):
    """Two intents that the model cannot tell apart: both from ``floor`` on, and no further apart than ``margin``."""

    margin: Share
    floor: Share
    question: Annotated[dict[Language, Template], Field(min_length=1)]
    names: dict[Language, dict[str, Line]]


class Fact(_Rule):
    """Something that the ticket must name, such as an order number, where the best article needs it."""

    intents: frozenset[str]
    needed_where: Words
    words: Words
    question: Lines

    def is_named_in(self, text: str) -> bool:
        """Whether the customer names it."""
        return found_in(plain(text), self.words) is not None


class Option(_Rule):
    """One side of a choice: articles with one of the tags are about it, and customers name it with the words."""

    tags: frozenset[str] = frozenset()
    words: Words


class Choice(_Rule):
    """A condition in which articles differ that fit equally; the option without tags has all other articles."""

    intents: frozenset[str]
    options: Annotated[dict[str, Option], Field(min_length=2)]
    question: Lines

    @model_validator(mode="after")
    def _one_option_has_the_other_articles(self) -> "Choice":
        if [bool(option.tags) for option in self.options.values()].count(False) != 1:
            raise ValueError("exactly one of the options must be without tags")
        return self

    def named_in(self, text: str) -> frozenset[str]:
        """Return the options that the customer names."""
        return groups_in(plain(text), {name: option.words for name, option in self.options.items()})

    def is_named_in(self, text: str) -> bool:
        """Whether the customer names one option, and no other."""
        return len(self.named_in(text)) == 1

    def option_of(self, article: Article) -> str:
        """Return the option that an article is about."""
        tagged = (name for name, option in self.options.items() if option.tags & set(article.tags))
        return next(tagged, next(name for name, option in self.options.items() if not option.tags))

    def preferred(self, text: str, passages: Sequence[Passage]) -> list[Passage]:
        """Return the passages with those first that are about the one option that the customer names."""
        named = self.named_in(text)
        return sorted(passages, key=lambda passage: len(named) == 1 and self.option_of(passage.article) not in named)


class ClarifyRules(_Rule):
    """The policy's section ``clarify``; see policy.yaml for what each rule means."""

    wait_hours: float = Field(gt=0, le=2160)
    close_within: Share = 0.0
    between_intents: BetweenIntents | None = None
    facts: dict[str, Fact] = {}
    choices: dict[str, Choice] = {}

    @property
    def missing(self) -> tuple[Fact | Choice, ...]:
        """The rules that ask for one thing."""
        return (*self.facts.values(), *self.choices.values())

    @property
    def intents(self) -> frozenset[str]:
        """Every intent that a rule names."""
        wavering = self.between_intents.names.values() if self.between_intents is not None else ()
        return frozenset().union(*wavering, *(rule.intents for rule in self.missing))

    def asks_the_same(self, other: "ClarifyRules") -> bool:
        """Whether both ask for one thing in the very same cases, and in the same order."""
        mine, theirs = ((list(r.facts.items()), list(r.choices.items()), r.close_within) for r in (self, other))
        return mine == theirs

    def left_open(self, prediction: Prediction, text: str) -> list[tuple[str, Fact | Choice]]:
        """Return what may be asked of a ticket, each with the code of its reason: what the text does not name."""
        intent, language = prediction.predicted_label, prediction.language or _UNDETERMINED
        facts = [(f"asks_fact_{name}", fact) for name, fact in self.facts.items() if not fact.is_named_in(text)]
        choices = [(f"asks_choice_{name}", one) for name, one in self.choices.items() if not one.named_in(text)]
        rules: list[tuple[str, Fact | Choice]] = [*facts, *choices]
        return [(code, rule) for code, rule in rules if intent in rule.intents and language in rule.question]

    def texts(self) -> Iterator[str]:
        """Yield every text that a customer may get to read."""
        if self.between_intents is not None:
            yield from self.between_intents.question.values()
            for names in self.between_intents.names.values():
                yield from names.values()
        for rule in self.missing:
            yield from rule.question.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clarification:
    """A question for the customer.

    Attributes:
        code, why: the reason, as it is stored with the decision.
        wait: for how long a reply is waited for before a person gets the ticket.
        compared: figures that mattered.
    """

    code: str
    why: str
    question: str
    wait: timedelta
    compared: Mapping[str, float] = field(default_factory=dict)


def may_ask(ticket: Ticket, conversation: Sequence[ConversationMessage]) -> bool:
    """Whether nobody has said anything to this customer yet, neither question nor answer, and no person has had it."""
    return ticket.queue is None and all(message.author is Author.CUSTOMER for message in conversation)


def reply_to(rules: ClarifyRules | None, conversation: Sequence[ConversationMessage]) -> Fact | Choice | None:
    """Return the rule whose question was asked in this conversation, unless an answer was given since."""
    if rules is None or answered_last_by(conversation) is not None:
        return None
    asked = [message.text for message in conversation if message.is_question]
    for rule in rules.missing:
        if any(question in text for question in rule.question.values() for text in asked):
            return rule
    return None


def between_intents(rules: ClarifyRules, prediction: Prediction) -> Clarification | None:
    """Return the question that tells the two likeliest intents apart, where they are close and both likely."""
    rule, language = rules.between_intents, prediction.language or _UNDETERMINED
    if rule is None or len(prediction.top_labels) < 2:
        return None
    first, second = prediction.top_labels[:2]
    names = rule.names.get(language, {})
    is_close = second.confidence >= rule.floor and first.confidence - second.confidence <= rule.margin
    if not is_close or language not in rule.question or not {first.label, second.label} <= names.keys():
        return None
    question = rule.question[language].replace("{first}", names[first.label]).replace("{second}", names[second.label])
    why = (
        f"The intent is “{first.label}” ({first.confidence:.0%}) or “{second.label}” ({second.confidence:.0%}), "
        "and the customer can say which, so we ask once."
    )
    compared = {"runner_up": second.confidence, "margin": rule.margin, "floor": rule.floor}
    return Clarification(code="asks_which_intent", why=why, question=question, wait=_wait(rules), compared=compared)


def missing_fact(
    rules: ClarifyRules, prediction: Prediction, text: str, passages: Sequence[Passage]
) -> Clarification | None:
    """Return the question for what the text leaves open and the articles turn on."""
    if not passages:
        return None
    best, language = passages[0].article, prediction.language or _UNDETERMINED
    for code, rule in rules.left_open(prediction, text):
        question = rule.question[language]
        if isinstance(rule, Fact):
            if needed := found_in(f"{best.title}\n{best.body}", rule.needed_where):
                why = f"The article “{best.title}” needs the “{needed}”, and the ticket names none, so we ask once."
                return Clarification(code=code, why=why, question=question, wait=_wait(rules))
        elif (rival := _rival(rule, prediction.predicted_label, passages, rules.close_within)) is not None:
            why = (
                f"The articles “{best.title}” and “{rival.article.title}” fit about equally (likeness "
                f"{passages[0].similarity:.2f} and {rival.similarity:.2f}), and the customer can say which applies "
                f"(“{rule.option_of(best)}” or “{rule.option_of(rival.article)}”), so we ask once."
            )
            compared = dict(zip(CHOICE_SCORES, (rival.similarity, rules.close_within), strict=True))
            return Clarification(code=code, why=why, question=question, wait=_wait(rules), compared=compared)
    return None


def _rival(choice: Choice, intent: str, passages: Sequence[Passage], within: float) -> Passage | None:
    """Return the passage about another option that fits as well as the best one."""
    best = passages[0]
    if best.article.intent != intent:
        return None
    own = choice.option_of(best.article)
    rivals = (
        passage
        for passage in passages[1:]
        if passage.article.intent == intent
        and best.similarity - passage.similarity <= within
        and choice.option_of(passage.article) != own
    )
    return next(rivals, None)


def _wait(rules: ClarifyRules) -> timedelta:
    return timedelta(hours=rules.wait_hours)
