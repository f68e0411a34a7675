"""What FastAPI's OpenAPI document leaves out: errors are problem+json, and a key may come in either header."""

from typing import Any

from fastapi import FastAPI

from helpdesk.web.authentication import SCHEME
from helpdesk.web.problems import MEDIA_TYPE

_HEADER_SCHEME = {"type": "apiKey", "in": "header", "name": "X-API-Key"}


def complete_openapi(app: FastAPI) -> None:
    """Complete the document of ``app``, which is generated once, when it is first asked for."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        first_time = app.openapi_schema is None
        document = generate()
        if first_time:
            _complete(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _complete(document: dict[str, Any]) -> None:
    schemes = document.get("components", {}).get("securitySchemes", {})
    if SCHEME in schemes:
        schemes[SCHEME + "Header"] = _HEADER_SCHEME
    for operation in (operation for item in document["paths"].values() for operation in item.values()):
        if operation.get("security"):
            operation["security"].append({SCHEME + "Header": []})
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            if int(status) >= 400 and "application/json" in content:
                content[MEDIA_TYPE] = content.pop("application/json")
