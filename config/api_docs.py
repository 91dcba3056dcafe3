"""``/api/v1/docs/``: the API's own description as a page, made from its OpenAPI document without a script."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """One parameter or one key of a body: its name, type in a word, whether it must be there, what it means."""

    name: str
    type: str
    required: bool
    text: str = ""


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    summary: str
    parameters: tuple[Field, ...] = ()
    body: tuple[Field, ...] = ()
    answer: tuple[Field, ...] = ()


@dataclass
class Group:
    """The operations on one kind of thing."""

    name: str
    operations: list[Operation] = field(default_factory=list)


def docs(request: HttpRequest) -> HttpResponse:
    """Every path of the API with its parameters, body and answer; needs no login, names no data."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return render(request, "api/docs.html", {"groups": _groups(schema), "version": schema["info"]["version"]})


def _groups(schema: dict[str, Any]) -> list[Group]:
    groups: dict[str, Group] = {}
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                name = path.removeprefix("/api/v1/").split("/")[0]
                group = groups.setdefault(name, Group(name))
                group.operations.append(_operation(schema, method, path, methods[method]))
    return sorted(groups.values(), key=lambda group: group.name)


def _operation(schema: dict[str, Any], method: str, path: str, found: dict[str, Any]) -> Operation:
    answers = found.get("responses", {})
    good = next((answers[code] for code in ("200", "201", "202") if code in answers), {})
    return Operation(
        method=method.upper(),
        path=path,
        summary=found.get("description", "").split("\n\n")[0],
        parameters=tuple(
            Field(
                each["name"],
                _type(each.get("schema", {})),
                each.get("required", False),
                each.get("description", ""),
            )
            for each in found.get("parameters", [])
            if each["in"] == "query"
        ),
        body=_fields(schema, found.get("requestBody", {})),
        answer=_fields(schema, good),
    )


def _fields(schema: dict[str, Any], holder: dict[str, Any]) -> tuple[Field, ...]:
    content = holder.get("content", {}).get("application/json", {}).get("schema", {})
    resolved = _resolved(schema, content)
    if "results" in resolved.get("properties", {}):
        resolved = _resolved(schema, resolved["properties"]["results"].get("items", {}))
    required = set(resolved.get("required", []))
    return tuple(
        Field(name, _type(each), name in required, each.get("description", ""))
        for name, each in resolved.get("properties", {}).items()
    )


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        return schema["components"]["schemas"].get(part["$ref"].rsplit("/", 1)[1], {})
    return part


def _type(part: dict[str, Any]) -> str:
    if "$ref" in part:
        return part["$ref"].rsplit("/", 1)[1]
    if part.get("type") == "array":
        return f"list of {_type(part.get('items', {}))}"
    if "enum" in part:
        return " | ".join(str(value) for value in part["enum"] if value not in {None, ""})
    for choice in ("allOf", "oneOf", "anyOf"):
        if choice in part:
            return " | ".join(dict.fromkeys(_type(each) for each in part[choice]))
    return part.get("format") or str(part.get("type", "any"))
