"""The description of the JSON API as a page. No script and nothing from elsewhere is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from web.pages import page

router = APIRouter()


@dataclass(frozen=True)
class Operation:
    """One line of the API: a method on a path."""

    method: str
    path: str
    summary: str
    parameters: list[tuple[str, str]]
    example: str | None
    responses: list[tuple[str, str]]


@router.get("/api-docs")
def show_api_docs(request: Request) -> Response:
    schema: dict[str, Any] = request.app.openapi()
    return page(request, "api_docs.html", operations=_operations(schema))


def _operations(schema: dict[str, Any]) -> list[Operation]:
    return [
        _operation(schema, path, method, details)
        for path, methods in schema["paths"].items()
        for method, details in methods.items()
    ]


def _operation(
    schema: dict[str, Any], path: str, method: str, details: dict[str, Any]
) -> Operation:
    return Operation(
        method=method.upper(),
        path=path,
        summary=details["description"],
        parameters=[
            (parameter["name"], parameter.get("description", f"In the {parameter['in']}."))
            for parameter in details.get("parameters", [])
        ],
        example=_example(schema, details),
        responses=[
            (status, response["description"]) for status, response in details["responses"].items()
        ],
    )


def _example(schema: dict[str, Any], details: dict[str, Any]) -> str | None:
    if "requestBody" not in details:
        return None
    reference = details["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    properties = schema["components"]["schemas"][reference.rsplit("/", 1)[-1]]["properties"]
    values = {
        name: (field.get("examples") or field["enum"])[0] for name, field in properties.items()
    }
    return json.dumps(values)
