"""Finds what a template left open, so that no customer ever reads it."""

import re

_PLACEHOLDER = re.compile(
    r"""
    \{\{.*?\}\} | \{%.*?%\} | \$\{[^}\n]*\}               # {{name}}, {% if %}, ${name}
  | \{[A-Za-z_][\w\s-]*\}                                 # {order_number}
  | <(?!https?:)[A-Za-z][A-Za-z]*(?:[\s_-]+[A-Za-z]+)+>   # <order number>
  | \[[A-Z][A-Z _-]{2,}\d*\]                              # [CUSTOMER NAME], and [EMAIL_7] that stands for nothing
  | \[(?:insert|your|enter|name|date|number)\b[^\]\n]*\](?!\()   # [insert date here], yet not [your account](link)
  | %\([a-z_]+\)s | \b(?:TODO|FIXME|TBD|XXX+)\b | \b[Ll]orem\s[Ii]psum\b
    """,
    re.VERBOSE | re.DOTALL,
)


def find_placeholder(text: str) -> str | None:
    """Return the first unresolved placeholder of a text, or None."""
    found = _PLACEHOLDER.search(text)
    return found.group(0) if found else None
