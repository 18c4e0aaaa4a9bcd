"""What the OpenAPI document says beyond its routes: the shape of a problem, and which routes answer one.

FastAPI would describe every refusal as `application/json`; here each is what it is.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"

SAID = {
    401: "Nobody is signed in, or not any more (`sign_in_needed`).",
    403: "The signed-in user may not do this.",
    404: "There is no such thing, or it is not the user's to see.",
    409: "The state of a thing, or something already recorded, stands against it; or the "
    "`Idempotency-Key` was used for another request.",
    413: "The body is too large.",
    422: "What was sent cannot be understood or cannot be true.",
    429: "Too much was tried wrongly (`sign_in_wait`) or asked (`rate_limit`); see `Retry-After`.",
    503: "Somebody else was writing to the same place (`busy`), the database does not answer "
    "(`database_away`), or a disk is full (`no_room`): nothing was changed, send it again later.",
}


class Place(BaseModel):
    """One place of a request that could not be read."""

    at: str = Field(examples=["body/amount"])
    what: str = Field(examples=["String should match pattern …"])


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). `code` is stable; `detail` is a sentence for people."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:yongjin:problem:deal_unknown"])
    title: str
    status: int = Field(examples=[404])
    detail: str
    code: str = Field(examples=["deal_unknown"])
    instance: str = Field(examples=["/api/v1/deals/D-9"])
    facts: dict[str, str] = Field(default={}, description="What the detail is about, by name.")
    errors: list[Place] = Field(default=[], description="Where a request could not be read.")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for its `responses`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": SAID[status], "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Complete the document of `app`."""
    generate = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update({**schema.pop("$defs"), "Problem": schema})
            _link(document["paths"])
        return app.openapi_schema or {}

    app.openapi = complete  # type: ignore[method-assign]


def _link(paths: dict[str, Any]) -> None:
    """Say where what was made is found: a POST that answers 201 leads to the routes under the same noun."""
    for path, operations in paths.items():
        made = operations.get("post", {}).get("responses", {}).get("201")
        if made is None:
            continue
        for under, others in paths.items():
            if under.removeprefix(path).split("/")[1:2] == ["{id}"] and under.count("{") == 1:
                links = made.setdefault("links", {})
                for other in others.values():
                    name = other["operationId"]
                    links[name] = {"operationId": name, "parameters": {"id": "$response.body#/id"}}
