"""Bytes as text: what is no UTF-8, and what was damaged by an earlier program, is found rather than guessed at."""

import codecs

import ftfy
from ftfy.badness import is_bad

from helpdesk.knowledge.findings import Finding, error

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_AROUND = 20


def decode(where: str, content: bytes, *, declared: str = "") -> str | Finding:
    """Return the text, or what is wrong with its bytes.

    Args:
        declared: the encoding that the file itself names, for formats that can; a byte order mark goes before it.
    """
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), declared or "utf-8")
    if b"\0" in content and not encoding.startswith("utf-16"):
        return error("binary", where, "is binary, no text", "export it as text in UTF-8")
    try:
        return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except LookupError:
        return error("encoding", where, f"names the unknown encoding {encoding!r}", "save it as UTF-8")
    except UnicodeDecodeError as failure:
        line = content.count(b"\n", 0, failure.start) + 1
        problem = f"is not {encoding.upper()}: byte {failure.start} (0x{content[failure.start]:02X}) cannot be read"
        remedy = "save it as UTF-8; Excel often writes Windows-1252"
        return error("encoding", f"{where}:{line}", problem, remedy)


def damage(text: str) -> tuple[str, str] | None:
    """Return an excerpt that reads as if decoded with the wrong encoding, and how it probably read; None where none is.

    Source:
        ftfy's heuristic for mojibake.
    """
    if not is_bad(text):
        return None
    for line in text.splitlines():
        if is_bad(line) and (fixed := ftfy.fix_encoding(line)) != line:
            at = next((n for n, (a, b) in enumerate(zip(line, fixed, strict=False)) if a != b), 0)
            start = max(0, at - _AROUND)
            return line[start : at + _AROUND], fixed[start : at + _AROUND]
    return None
