"""The fields that a schema allows: JSON Schema, or Avro."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from ..fields_seen import DEEPEST, LONGEST, MOST, Path

_KINDS = {
    "string": "text",
    "boolean": "true or false",
    "integer": "number",
    "array": "list",
    "int": "number",
    "long": "number",
    "float": "number",
    "double": "number",
    "bytes": "text",
    "enum": "text",
    "fixed": "text",
    "record": "object",
    "map": "object",
}
_PARTS = ("allOf", "anyOf", "oneOf")


def fields_of_schema(type: str, text: str | bytes | Mapping[str, Any] | Any) -> dict[Path, str]:
    """Return the kinds of the fields by their paths; nothing for what is no JSON Schema and no Avro.

    Args:
        type: ``JSON`` or ``AVRO``; other schemas have no fields here.
        text: The schema, as its text or parsed.
    """
    if type not in ("JSON", "AVRO"):
        return {}
    try:
        parsed = orjson.loads(text) if isinstance(text, str | bytes) else text
    except ValueError:
        return {}
    fields = _of_json(parsed, parsed, (), 0) if type == "JSON" else _of_avro(parsed, {}, ())
    # a schema may name itself, without an end
    return {path: kind for path, kind in islice(fields, MOST) if len(str(path[-1])) <= LONGEST}


def _of_json(schema: Any, whole: Any, before: Path, turns: int) -> Iterator[tuple[Path, str]]:
    if not isinstance(schema, Mapping) or len(before) >= DEEPEST or turns > DEEPEST:
        return
    named = schema.get("$ref")
    if isinstance(named, str):
        yield from _of_json(_at(whole, named), whole, before, turns + 1)
    for part in _PARTS:
        each = schema.get(part)
        for one in each if isinstance(each, list) else ():
            yield from _of_json(one, whole, before, turns + 1)
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        yield (*before, str(name)), _json_kind(inner)
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        yield from _of_json(inner, whole, (*before, str(name)), turns)
    yield from _of_json(schema.get("items"), whole, (*before, 0), turns)


def _at(whole: Any, named: str) -> Any:
    """Return the part of a schema that a reference within it names; None for any other."""
    if not named.startswith("#"):
        return None
    found = whole
    for part in named[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _json_kind(schema: Any) -> str:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    kinds = [each for each in kind if each != "null"] if isinstance(kind, list) else [kind]
    return _kind(kinds[0]) if len(kinds) == 1 else ""


def _kind(name: Any) -> str:
    return _KINDS.get(name, name if name in ("object", "number") else "") if isinstance(name, str) else ""


def _of_avro(schema: Any, names: dict[str, Any], before: Path) -> Iterator[tuple[Path, str]]:
    schema = _meant(schema, names)
    if not isinstance(schema, Mapping) or len(before) >= DEEPEST:
        return
    inner = schema.get("type")
    if inner == "record" and isinstance(schema.get("fields"), list):
        names[str(schema.get("name", "")).rpartition(".")[2]] = schema
        fields = [each for each in schema["fields"] if isinstance(each, Mapping) and "name" in each]
        for each in fields:
            meant = _meant(each.get("type"), names)
            kind = meant.get("type") if isinstance(meant, Mapping) else meant
            yield (*before, str(each["name"])), _kind(kind)
        for each in fields:
            yield from _of_avro(each.get("type"), names, (*before, str(each["name"])))
    elif inner == "array":
        yield from _of_avro(schema.get("items"), names, (*before, 0))
    elif isinstance(inner, Mapping | list):
        yield from _of_avro(inner, names, before)


def _meant(schema: Any, names: Mapping[str, Any]) -> Any:
    """Return the one branch of an optional type, and what a name stands for."""
    if isinstance(schema, list):
        branches = [each for each in schema if each != "null"]
        schema = branches[0] if len(branches) == 1 else None
    return names.get(schema.rpartition(".")[2], schema) if isinstance(schema, str) else schema
