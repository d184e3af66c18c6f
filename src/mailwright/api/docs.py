"""/docs: the OpenAPI document as a page, and the document itself at /openapi.json; nothing comes from elsewhere, nothing runs."""

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response

from mailwright.api.openapi import Json, document

STYLE = Path(__file__).with_name("docs.css")
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
DEEPEST = 3  # levels of a body that are shown; deeper ones stand in the document
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailwright: HTTP API</title><link rel="stylesheet" href="/docs/style.css"></head><body>
"""
_FIRST = """curl -X POST https://mail.example.com/emails \\
  -H "Authorization: Bearer mw_..." -H "Content-Type: application/json" \\
  -d '{"from": "you@example.com", "to": "jane@example.org", "subject": "Hello", "text": "It works."}'"""


def documented(app: FastAPI, version: str) -> APIRouter:
    """The routes of the documentation, made from the routes that the application has when it is first asked."""
    router = APIRouter(include_in_schema=False)
    kept: dict[str, Any] = {}

    def whole() -> Json:
        if not kept:
            kept.update(document(app, version))
        return kept

    @router.get("/openapi.json")
    async def openapi() -> JSONResponse:
        return JSONResponse(whole())

    @router.get("/docs")
    async def docs() -> Response:
        return Response(page(whole()), headers={"content-security-policy": POLICY}, media_type="text/html")

    @router.get("/docs/style.css")
    async def style() -> Response:
        return Response(STYLE.read_bytes(), media_type="text/css", headers={"cache-control": "max-age=3600"})

    return router


def page(whole: Json) -> str:
    """The document for people; works without a script."""
    return _HEAD + "\n".join(_page(whole)) + "\n</body></html>\n"


def _page(whole: Json) -> Iterator[str]:
    about = whole["info"]
    yield f'<header><h1>{escape(about["title"])}: HTTP API</h1><p class="quiet">Version {escape(about["version"])}. '
    yield 'For programs: <a href="/openapi.json">openapi.json</a>.</p></header>'
    for paragraph in about["description"].split("\n\n"):
        yield f"<p>{_marked(paragraph)}</p>"
    yield f"<pre>{escape(_FIRST)}</pre>"
    links = [f'<li><a href="#{_anchor(tag["name"])}">{escape(tag["name"])}</a></li>' for tag in whole["tags"]]
    yield f"<nav><ul>{''.join(links)}</ul></nav><main>"
    for tag in whole["tags"]:
        yield f'<section id="{_anchor(tag["name"])}"><h2>{escape(tag["name"])}</h2><p>{_marked(tag["description"])}</p>'
        for path, method, operation in _tagged(whole, tag["name"]):
            yield from _operation(whole, path, method, operation)
        yield "</section>"
    yield '<section id="refusals"><h2>Refusals</h2><p>Every refusal has this shape.</p>'
    yield from _fields(whole, {"$ref": "#/components/schemas/Refusal"})
    yield "</section></main>"


def _tagged(whole: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, methods in whole["paths"].items():
        yield from [(path, method, operation) for method, operation in methods.items() if tag in operation.get("tags", ())]


def _operation(whole: Json, path: str, method: str, operation: Json) -> Iterator[str]:
    name = f'<code><span class="method">{method.upper()}</span> {escape(path)}</code>'
    yield f'<details id="{_anchor(method + path)}"><summary>{name} {escape(operation.get("summary", ""))}</summary>'
    yield f"<p>{_marked(operation.get('description', ''))}</p>"
    if "x-scope" in operation:
        yield f'<p class="quiet">Scope of the key: <code>{escape(operation["x-scope"])}</code></p>'
    parameters = operation.get("parameters", ())
    if parameters:
        yield "<h3>Parameters</h3>"
        yield from _table(
            (one["name"], one["in"], one.get("required", False), one.get("description", ""), one["schema"]) for one in parameters
        )
    for body in operation.get("requestBody", {}).get("content", {}).values():
        yield "<h3>Request</h3>"
        yield from _fields(whole, body["schema"])
    yield "<h3>Answers</h3>"
    for status, answer in operation["responses"].items():
        yield f"<p><code>{escape(status)}</code> {_marked(answer.get('description', ''))}</p>"
        if status.startswith("2"):
            for content in answer.get("content", {}).values():
                yield from _fields(whole, content.get("schema", {}))
    yield "</details>"


def _fields(whole: Json, schema: Json) -> Iterator[str]:
    """The fields of an object, those of what it holds after them."""
    rows = list(_rows(whole, schema, "", 0))
    if rows:
        yield from _table(rows)


def _rows(whole: Json, schema: Json, before: str, depth: int) -> Iterator[tuple[str, str, bool, str, Json]]:
    known = _resolved(whole, schema)
    if depth >= DEEPEST:
        return
    if "items" in known:
        yield from _rows(whole, known["items"], f"{before}[]", depth)
    for one in known.get("anyOf", ()):
        yield from _rows(whole, one, before, depth)
    needed = known.get("required", ())
    for name, field in known.get("properties", {}).items():
        inner = _resolved(whole, field)
        path = f"{before}.{name}" if before else name
        yield path, _kind(whole, field), name in needed, field.get("description", inner.get("description", "")), inner
        yield from _rows(whole, field, path, depth + 1)


def _table(rows: Iterable[tuple[str, str, bool, str, Json]]) -> Iterator[str]:
    yield '<div class="scroll"><table><thead><tr><th>name</th><th>kind</th><th>meaning</th></tr></thead><tbody>'
    for name, kind, needed, told, schema in rows:
        must = ' <span class="needed">needed</span>' if needed else ""
        words = [_marked(told)] if told else []
        words += (
            [f"One of: {', '.join(f'<code>{escape(str(one))}</code>' for one in schema['enum'])}."] if "enum" in schema else []
        )
        yield f"<tr><td><code>{escape(name)}</code>{must}</td><td>{escape(kind)}</td><td>{' '.join(words)}</td></tr>"
    yield "</tbody></table></div>"


def _kind(whole: Json, schema: Json) -> str:
    """What sort of value it is, in a word or two."""
    known = _resolved(whole, schema)
    if "anyOf" in known:
        return " or ".join(dict.fromkeys(_kind(whole, one) for one in known["anyOf"]))
    if "const" in known:
        return f'"{known["const"]}"'
    if known.get("type") == "array":
        return f"list of {_kind(whole, known.get('items', {}))}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null", "object": "object"}
    return words.get(str(known.get("type")), str(known.get("type", "any")))


def _resolved(whole: Json, schema: Json) -> Json:
    place = schema.get("$ref")
    if place is None:
        return schema
    found: Json = whole["components"]["schemas"][place.rpartition("/")[2]]
    return found


def _marked(text: str) -> str:
    """Words with `code` in them."""
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(escape(text).split("`")))


def _anchor(text: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in text.lower())
