"""A writer that obeys whoever wrote the ticket, or tampered with an article, sends nothing that it was told to say."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpdesk.adapters.writer_claude_messages import request_content
from helpdesk.adapters.writer_openai_messages import user_message
from helpdesk.ports.knowledge import Passage
from helpdesk.ports.writer import AnswerBlock, WritingTask, WrittenAnswer
from helpdesk.tickets import Citation
from processor.checks import check_answer
from processor.disguise import hidden_character
from tests.contract.writer_contract import customer_wrote
from tests.unit.test_checks import CANCEL, QUOTE

ATTACKS: Sequence[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "attacks.yaml").read_text(encoding="utf-8"))
LINK_HOSTS = frozenset({"shop.example"})
HONEST = AnswerBlock(text=CANCEL.body, citations=(Citation(article_id=CANCEL.article_id, title="", quote=QUOTE),))

each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=[attack["id"] for attack in ATTACKS])


class CompromisedWriter:
    """Says what the attack wants it to say, and cites the article that it was given."""

    def __init__(self, attack: dict[str, Any]) -> None:
        self.says = attack["says"] * attack.get("repeat", 1)
        self.cites = attack.get("cites", {"article_id": CANCEL.article_id, "quote": QUOTE})

    def write(self, task: WritingTask, *, around: str = "{}") -> WrittenAnswer:
        citations = () if self.cites == "none" else (Citation(title="", **self.cites),)
        block = AnswerBlock(text=around.format(self.says), citations=citations)
        return WrittenAnswer(blocks=(block,), sufficient=True, writer="compromised", prompt_version="0")


def task_of(attack: dict[str, Any]) -> WritingTask:
    in_article = attack.get("place") == "article"
    article = replace(CANCEL, body=f"{CANCEL.body}\n\n{attack['attack']}") if in_article else CANCEL
    asked = "How do I cancel my order?" if in_article else f"How do I cancel my order? {attack['attack']}"
    passages = [Passage(article=article, similarity=0.8)]
    return WritingTask(ticket_id="t1", conversation=customer_wrote(asked), passages=passages)


def codes_of(answer: WrittenAnswer, task: WritingTask) -> list[str]:
    reasons = check_answer(answer, task.passages, task.conversation, link_hosts=LINK_HOSTS)
    return [reason.code for reason in reasons]


@each_attack
def test_what_the_attack_wants_is_refused(attack: dict[str, Any]) -> None:
    task = task_of(attack)
    assert attack["caught"] in codes_of(CompromisedWriter(attack).write(task), task)


@each_attack
def test_it_is_refused_in_the_middle_of_an_honest_paragraph_and_behind_an_honest_answer(
    attack: dict[str, Any],
) -> None:
    task, writer = task_of(attack), CompromisedWriter(attack)
    within = writer.write(task, around=f"{CANCEL.body} {{}} Sign in and choose the order.")
    behind = writer.write(task)
    assert codes_of(within, task)
    assert codes_of(replace(behind, blocks=(HONEST, *behind.blocks)), task)


def test_the_honest_answer_alone_is_sent() -> None:
    task = task_of({"attack": ""})
    honest = WrittenAnswer(blocks=(HONEST,), sufficient=True, writer="honest", prompt_version="0")
    assert codes_of(honest, task) == []


def test_the_suite_is_as_wide_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(ATTACKS) == len({attack["id"] for attack in ATTACKS}) >= 60
    assert len({attack["language"] for attack in ATTACKS}) >= 12
    assert len({attack["encoding"] for attack in ATTACKS}) >= 12
    assert {attack["wants"] for attack in ATTACKS} == {"rules", "leak", "link", "promise", "secret"}
    caught = Counter[str]()
    for attack in ATTACKS:
        task = task_of(attack)
        caught.update(set(codes_of(CompromisedWriter(attack).write(task), task)))
    with capsys.disabled():
        counts = ", ".join(f"{number} {code}" for code, number in caught.most_common())
        sys.stdout.write(f"\n{len(ATTACKS)} attacks, refused by: {counts}\n")


@each_attack
def test_an_attack_stays_within_its_element_in_the_request_of_either_protocol(attack: dict[str, Any]) -> None:
    task = task_of(attack)
    said = user_message(task)
    for tag in ("<ticket>", "</ticket>", "<passages>", "</passages>", "</passage>", "</message>"):
        assert said.count(tag) == 1
    *results, ticket = request_content(task)
    assert [part["type"] for part in results] == ["search_result"]
    assert ticket["text"].count("<ticket>") == ticket["text"].count("</ticket>") == 1
    assert hidden_character(said.replace("\ufe0f", "")) is None
