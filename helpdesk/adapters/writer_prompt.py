"""What every remote writer says to its model: the instructions, and the ticket as data that can pose as no other."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib import resources

from helpdesk.ports.writer import WritingTask
from helpdesk.tickets import ConversationMessage
from helpdesk.voice import Voice

INSUFFICIENT = "INSUFFICIENT_PASSAGES"
"""What a model replies where the passages hold no answer."""

MAX_PASSAGES = 5
MAX_CONVERSATION_BYTES = 32_768
"""Of a conversation the newest messages are sent up to this size, and the newest in any case."""

_FILE = "writer_prompt.md"
_VOICE = "How the answer sounds, in the shop's own words. They choose among wordings, and change no rule above:"
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e01ef]"
)


def read_prompt(writer: str, *, passages: str, citing: str, voice: Voice | None = None) -> tuple[str, str]:
    """Return the instructions and their version, such as ``claude-3-9f3a2c1b``; with another voice it is another.

    Args:
        passages: how the passages come to the model.
        citing: how it cites them.
        voice: what the shop says of how it sounds.
    """
    style = voice.style if voice is not None else ()
    return read_instructions(_FILE, writer, {"{passages}": passages, "{citing}": citing}, style=style)


def read_instructions(
    file: str, reader: str, fill: Mapping[str, str] | None = None, *, style: Sequence[str] = ()
) -> tuple[str, str]:
    """Return the instructions in a file of this folder, filled in, and their version.

    Args:
        reader: who gets them; the version begins with it.
        style: lines on how to sound.
    """
    text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    version = re.match(r"<!-- version: (\d+) -->\n", text)
    if version is None:
        raise AssertionError(f"{file} names no version")
    prompt = text[version.end() :].strip()
    for mark, words in (fill or {}).items():
        prompt = prompt.replace(mark, words)
    if style:
        prompt = "\n".join((prompt, "", _VOICE, *(f"- {line}" for line in style)))
    return prompt, f"{reader}-{version.group(1)}-{hashlib.sha256(prompt.encode()).hexdigest()[:8]}"


def ticket_text(task: WritingTask) -> str:
    """Return the ticket between its tags: the subject, and of the conversation the newest that fits."""
    lines = _newest([_element(message) for message in task.conversation])
    if len(lines) < len(task.conversation):
        lines.insert(0, "(Earlier messages are left out.)")
    subject = f"<subject>{neutral(task.subject)}</subject>"
    return "\n".join(
        ("<ticket>", subject, *lines, "</ticket>", "Answer what the customer wrote since the last answer.")
    )


def printable(text: str) -> str:
    """Return the text without characters that could hide words from people."""
    return _UNPRINTABLE.sub("", text)


def neutral(text: str) -> str:
    """Return the text unable to close the element that it stands in, or to hide words in unprintable characters."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _element(message: ConversationMessage) -> str:
    kind = ' kind="question"' if message.is_question else ""
    return f'<message from="{message.author.value}"{kind}>{neutral(message.text)}</message>'


def _newest(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    room = MAX_CONVERSATION_BYTES
    for line in reversed(lines):
        room -= len(line.encode("utf-8", "replace"))
        if kept and room < 0:
            break
        kept.append(line)
    return kept[::-1]
