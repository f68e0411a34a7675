"""What a text from outside must be: not blank, free of control characters, and no longer than its bound."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_CONTROL = re.compile(f"[{_CONTROLS}]")
ANY_TEXT = f"^[^{_CONTROLS}]*$"
WRITTEN_TEXT = rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$"
"""The same rules as patterns, for the OpenAPI document."""

MAX_DESCRIPTION_BYTES = 16_384


def without_controls(text: str) -> str:
    """Return the text, or raise the validation error that names its first control character."""
    found = _CONTROL.search(text)
    if found is not None:
        raise PydanticCustomError(
            "control_character",
            "holds the control character U+{code} at character {position}",
            {
                "code": f"{ord(found[0]):04X}",
                "position": found.start() + 1,
                "remedy": "remove it; of the control characters only line feed, carriage return and tab are taken",
            },
        )
    return text


def _not_blank(text: str) -> str:
    if not text or text.isspace():
        raise PydanticCustomError("blank", "is empty or blank", {"remedy": "write at least one visible character"})
    return text


def _within_description_bytes(text: str) -> str:
    if len(text) * 4 > MAX_DESCRIPTION_BYTES:
        size = len(text.encode())
        if size > MAX_DESCRIPTION_BYTES:
            raise PydanticCustomError(
                "text_too_long",
                "is {size} bytes long in UTF-8; the limit is {limit}",
                {"size": size, "limit": MAX_DESCRIPTION_BYTES, "remedy": "shorten it, or send the rest as a message"},
            )
    return text


Text = Annotated[str, AfterValidator(without_controls), Field(json_schema_extra={"pattern": ANY_TEXT})]
"""May be empty."""

Written = Annotated[
    str,
    AfterValidator(_not_blank),
    AfterValidator(without_controls),
    Field(json_schema_extra={"pattern": WRITTEN_TEXT, "minLength": 1}),
]
"""Holds at least one visible character."""

Description = Annotated[
    Written,
    AfterValidator(_within_description_bytes),
    Field(
        json_schema_extra={"maxLength": MAX_DESCRIPTION_BYTES},
        description=f"The customer's words, at most {MAX_DESCRIPTION_BYTES} bytes in UTF-8.",
    ),
]
