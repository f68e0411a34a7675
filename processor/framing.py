"""Puts greeting and sign-off around what was checked, in the shop's voice."""

from dataclasses import replace

from helpdesk.errors import InvalidData
from helpdesk.policy.phrases import found_in
from helpdesk.policy.rules import Policy
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.voice import Voice
from processor.checks import MAX_CHARACTERS


def framed(answer: WrittenAnswer, voice: Voice, language: str) -> WrittenAnswer:
    """Return an answer with greeting and sign-off in its language; as it is where that would make it too long."""
    salutation, sign_off = voice.courtesies(language)
    before = (AnswerBlock(text=salutation),) if salutation else ()
    after = (AnswerBlock(text=sign_off),) if sign_off else ()
    whole = replace(answer, blocks=(*before, *answer.blocks, *after))
    return whole if len(whole.text) <= MAX_CHARACTERS else answer


def check_questions(policy: Policy, voice: Voice) -> None:
    """Hold the policy's questions to the words that answers are held to.

    Raises:
        InvalidData: one uses a word that the voice forbids.
    """
    for text in policy.clarify.texts() if policy.clarify is not None else ():
        if word := found_in(text, voice.forbidden_words):
            problem = f"“{text}” uses “{word}”, which the brand file's voice forbids"
            raise InvalidData(problem, field="clarify", remedy="write the policy's question without it")
