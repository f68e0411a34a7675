"""The brand's voice: what its file may say, what is said of one that does not fit, and how it frames an answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from helpdesk.adapters.writer_prompt import read_prompt
from helpdesk.errors import InvalidData
from helpdesk.knowledge.brand import MAX_BYTES, Brand
from helpdesk.policy.rules import load_policy
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.settings import KnowledgeSettings, ProcessorSettings
from helpdesk.voice import Voice
from processor.checks import MAX_CHARACTERS
from processor.framing import check_questions, framed

VOICE = Voice(
    name="Tarnbrook",
    tone="Calm.",
    salutation={"en": "Hello,", "de": "Guten Tag,"},
    sign_off={"en": "Your Tarnbrook team"},
    forbidden_words=("cheap*",),
    language_notes={"de": "Say “Sie”."},
)


def read(tmp_path: Path, voice: Any, **facts: Any) -> Voice:
    path = tmp_path / "brand.json"
    path.write_text(json.dumps({"name": "Tarnbrook", **facts, "voice": voice}))
    return Brand.read(path).voice


def make_answer(text: str = "You can cancel it.") -> WrittenAnswer:
    return WrittenAnswer(blocks=(AnswerBlock(text=text),), sufficient=True, writer="w", prompt_version="1")


def test_the_voice_takes_the_shops_name_and_fills_its_facts(tmp_path: Path) -> None:
    voice = read(tmp_path, {"sign_off": {"en": "Your {{name}} team, {{ hours.phone }}"}}, hours={"phone": "8 to 20"})
    assert (voice.name, voice.sign_off) == ("Tarnbrook", {"en": "Your Tarnbrook team, 8 to 20"})


def test_a_brand_file_without_a_voice_says_nothing(tmp_path: Path) -> None:
    voice = read(tmp_path, None)
    assert (voice, voice.version, voice.style) == (Voice(), "", ())
    assert framed(make_answer(), voice, "en") == make_answer()


@pytest.mark.parametrize(
    ("voice", "told"),
    [
        ([], "voice: is no JSON object"),
        ({"tones": "x"}, r"voice\.tones: Extra inputs"),
        ({"tone": 7}, r"voice\.tone: .*string \(it is '7'\)"),
        ({"tone": "x" * 501}, r"voice\.tone: .*at most 500"),
        ({"tone": "one\ntwo"}, r"voice\.tone: .*one line"),
        ({"salutation": {"english": "Hi"}}, r"voice\.salutation\.english: .*pattern"),
        ({"salutation": {"en": "Dear {{customer}},"}}, r"voice\.salutation\.en: .*\{\{customer\}\}"),
        ({"sign_off": {"en": "Bye\u200b"}}, r"voice\.sign_off\.en: .*invisible"),
        ({"sign_off": {"en": "x" * 201}}, r"voice\.sign_off\.en: .*at most 200"),
        ({"forbidden_words": ["ok", "x"]}, r"voice\.forbidden_words\.1: .*at least 2"),
        ({"forbidden_words": ["word"] * 101}, r"voice\.forbidden_words: .*at most 100"),
        ({"default_language": "German"}, r"voice\.default_language"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_its_file_and_what_to_do(tmp_path: Path, voice: Any, told: str) -> None:
    with pytest.raises(InvalidData, match=rf"brand\.json: {told}") as raised:
        read(tmp_path, voice)
    assert "give-answers-a-voice.md" in raised.value.remedy


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=f"at most {MAX_BYTES}"):
        read(tmp_path, {"tone": "x" * MAX_BYTES})


def test_the_settings_may_name_another_file(tmp_path: Path) -> None:
    read(tmp_path, {"tone": "Dry."})
    elsewhere = KnowledgeSettings(brand_file=tmp_path / "brand.json", path=tmp_path / "none")
    assert Brand.in_force(elsewhere).voice.tone == "Dry."
    assert Brand.in_force(KnowledgeSettings(path=tmp_path)).voice.tone == "Dry."
    assert Brand.in_force(KnowledgeSettings(path=tmp_path / "none" / "deep")).voice == Voice()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Hello,\n\nYou can cancel it.\n\nYour Tarnbrook team"),
        ("", "Hello,\n\nYou can cancel it.\n\nYour Tarnbrook team"),
        ("de", "Guten Tag,\n\nYou can cancel it."),
        ("fr", "You can cancel it."),
    ],
)
def test_greeting_and_sign_off_stand_in_the_tickets_language_where_the_file_has_them(language: str, text: str) -> None:
    assert framed(make_answer(), VOICE, language).text == text


@pytest.mark.parametrize("length", [MAX_CHARACTERS - 20, MAX_CHARACTERS])
def test_no_answer_outgrows_the_limit_by_its_frame(length: int) -> None:
    answer = make_answer("x" * length)
    assert framed(answer, VOICE, "en") == answer


def test_the_instructions_and_their_version_change_with_the_voice() -> None:
    def prompt(voice: Voice | None) -> tuple[str, str]:
        return read_prompt("claude", passages="P.", citing="C.", voice=voice)

    silent, told = prompt(None), prompt(VOICE)
    assert prompt(Voice()) == silent
    assert told[0].startswith(silent[0])
    for words in ("the shop “Tarnbrook”", "Tone: Calm.", "“de”: Say “Sie”.", "“cheap*”"):
        assert words in told[0]
    other = prompt(VOICE.model_copy(update={"tone": "Dry."}))
    assert len({silent[1], told[1], other[1]}) == 3


def test_the_policys_questions_are_held_to_the_same_words() -> None:
    policy = load_policy(ProcessorSettings().policy_file)
    check_questions(policy, Brand.in_force(KnowledgeSettings()).voice)
    with pytest.raises(InvalidData, match="uses “guest”"):
        check_questions(policy, Voice(forbidden_words=("guest",)))


def test_the_shops_own_voice_is_in_force_by_default() -> None:
    voice = Brand.in_force(KnowledgeSettings()).voice
    assert voice.name == "Tarnbrook"
    assert voice.courtesies("en") == ("Hello,", "Your Tarnbrook team")
