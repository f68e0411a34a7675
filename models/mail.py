"""A mail reduced to what its sender wrote just now: no quoted thread, no signature.

Line by line and linear in the text's length. The regular expressions of mail-parser-reply 1.36 need 50 s for
20,000 newlines, which a customer can send.
"""

import re

_WROTE = re.compile(
    r"(?:On\b.{4,160}\bwrote|Am\b.{4,160}\bschrieb.{0,80}|Le\b.{4,160}\ba écrit|El\b.{4,160}\bescribió)\s?:$",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(r"-{3,}\s?(?:Original|Forwarded|Ursprüngliche|Weitergeleitete)\b.{0,40}-{3,}$", re.IGNORECASE)
_FROM = re.compile(r"\*?(?:From|Von|De)\s?:\*?\s", re.IGNORECASE)
_FURTHER_HEADER = re.compile(r"\*?(?:Sent|Date|To|Subject|Gesendet|An|Betreff|Envoyé|Objet)\s?:\*?\s", re.IGNORECASE)
_CLOSING = re.compile(
    r"(?:(?:with )?(?:best|kind|kindest|warm|warmest|many)\s?(?:regards|wishes|thanks)?|regards|cheers|sincerely"
    r"|thanks (?:&|and) regards|(?:yours|respectfully)\b.{0,20}|best,? .{0,20}|thank you|thanks"
    r"|mit freundlichen grüßen|viele grüße|cordialement|saludos)[\s,.!]*$",
    re.IGNORECASE,
)
_SENT_FROM = re.compile(r"(?:Sent from|Get Outlook for|Von meinem|Envoyé de)\b.{0,60}$", re.IGNORECASE)
_MAX_SIGNATURE_LINES = 6
_MAX_SIGNATURE_LINE_CHARACTERS = 60


def latest_message(text: str) -> str:
    """Return ``text`` without quoted thread and signature; where nothing else is left, all of it."""
    lines = [line.strip() for line in text.splitlines()]
    kept = _without_signature(_without_thread(lines))
    return "\n".join(kept) if any(kept) else text


def _without_thread(lines: list[str]) -> list[str]:
    kept: list[str] = []
    number = 0
    while number < len(lines):
        header_lines = _thread_header_lines(lines, number)
        if header_lines:
            number += header_lines
            quoted = next((line for line in lines[number : number + 3] if line), "").startswith(">")
            # Marked lines go one by one, since an answer may stand between or below them. Unmarked ones go together,
            # unless nothing stands above: then the mail was forwarded, and they are what the sender has to say.
            if not quoted and any(kept):
                break
            continue
        if not lines[number].startswith(">"):
            kept.append(lines[number])
        number += 1
    return kept


def _thread_header_lines(lines: list[str], number: int) -> int:
    """Return how many lines from ``number`` on introduce an earlier message; 0 when none does."""
    line = lines[number]
    if _WROTE.match(line) or _ORIGINAL.match(line):
        return 1
    if line[:3].lower() in ("on ", "am ", "le ", "el ") and number + 1 < len(lines):
        return 2 if _WROTE.match(f"{line} {lines[number + 1]}"[:300]) else 0
    if _FROM.match(line):
        further = number + 1
        while further < len(lines) and _FURTHER_HEADER.match(lines[further]):
            further += 1
        return further - number if further > number + 1 else 0
    return 0


def _without_signature(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        if line in ("--", "—") or _SENT_FROM.match(line):
            return _without_closing(lines[:number])
    return _without_closing(lines)


def _without_closing(lines: list[str]) -> list[str]:
    """Cut a closing such as "Kind regards" and the few short lines under it."""
    below = 0
    for number in range(len(lines) - 1, 0, -1):
        line = lines[number]
        if not line:
            continue
        if len(line) <= _MAX_SIGNATURE_LINE_CHARACTERS and _CLOSING.match(line):
            return lines[:number]
        below += 1
        if below > _MAX_SIGNATURE_LINES or len(line) > _MAX_SIGNATURE_LINE_CHARACTERS:
            break
    return lines
