"""The lines of a message that a person wrote: not the log, the stack trace or the code that was pasted with them."""

import re

_MACHINE_LINE = re.compile(
    r"""\W{0,3}(?:
        \d{2,4}[-/.]\d{1,2}[-/.]\d{1,4}[T\s,]{1,2}\d{1,2}:\d{2}   # a timestamp, as logs have it
      | \d{1,2}:\d{2}:\d{2}
      | at\s[\w$.<>/]{3,200}\(
      | File\s".{1,200}",\sline\s\d
      | Traceback\s\(most\srecent
      | Caused\sby:
      | SELECT\s.{1,200}\sFROM\s
      | [\w.$]{1,200}(?:Error|Exception):
    )""",
    re.VERBOSE,
)
_CODE_MARK = re.compile(
    r"""\{(?![\w{]) | (?<![\w}])\} | [\\`] | \w_\w | \w\( | "\s?[:}\]] | ;\s*$ | :: | </?\w | \w\.\w+\.\w
      | [\w"')\]]\s?(?:[=!]=|[:+-]=|=|=>|->)\s?[\w"'({\[]""",
    re.VERBOSE,
)
_WORD = re.compile(r"\w+")
_WORDS_PER_MARK = 4
"""A mark of code in so many words or fewer makes a line code: people write "order_id" in longer sentences."""


def prose(text: str) -> str:
    """Return the lines of readable text that are no log and no code."""
    return "\n".join(line for line in text.splitlines() if not _is_machines(line))


def _is_machines(line: str) -> bool:
    marks = sum(1 for _ in _CODE_MARK.finditer(line))
    return bool(_MACHINE_LINE.match(line)) or (marks > 0 and len(_WORD.findall(line)) <= _WORDS_PER_MARK * marks)
