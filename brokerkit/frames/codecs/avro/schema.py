"""Avro schemas, parsed to a tree whose names are resolved.

Source: the Avro specification 1.12, "Schema Declaration" and "Logical Types".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
MISSING: Any = object()
"""The default of a field that has none."""

DEEPEST = 200
"""Levels of declarations inside declarations; a deeper schema is refused."""

_LOGICAL = {
    "date": ("int",),
    "time-millis": ("int",),
    "time-micros": ("long",),
    "timestamp-millis": ("long",),
    "timestamp-micros": ("long",),
    "timestamp-nanos": ("long",),
    "local-timestamp-millis": ("long",),
    "local-timestamp-micros": ("long",),
    "local-timestamp-nanos": ("long",),
    "uuid": ("string", "fixed"),
    "decimal": ("bytes", "fixed"),
    "duration": ("fixed",),
}


class SchemaError(ValueError):
    """A schema is not valid. The text names the place and what was expected there."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive type.

    Attributes:
        logical: The logical type; None if there is none, or if it does not fit and is to be ignored.
        precision: The largest number of digits of a decimal.
        scale: The digits of a decimal after its point.
    """

    kind: str
    logical: str | None = None
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Fixed:
    """A named type of `size` bytes; see `Primitive` for the logical types."""

    name: str
    size: int
    logical: str | None = None
    precision: int = 0
    scale: int = 0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enum:
    """A named list of symbols; `default` is read in place of a symbol that a reader does not know."""

    name: str
    symbols: tuple[str, ...]
    default: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one type."""

    items: Type


@dataclass(frozen=True, slots=True)
class Map:
    """Values of one type by text keys."""

    values: Type


@dataclass(frozen=True, slots=True)
class Union:
    """A value of one of several types."""

    branches: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; `default` is `MISSING` if it has none."""

    name: str
    type: Type
    default: Any = MISSING
    aliases: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Record:
    """A named list of fields. A recursive schema contains itself, so records are compared by identity."""

    name: str
    fields: list[Field] = field(default_factory=list, repr=False)
    aliases: tuple[str, ...] = ()


Type: TypeAlias = "Primitive | Fixed | Enum | Array | Map | Union | Record"


def parse_schema(
    schema: str | bytes | Mapping[str, Any] | list[Any], named: Mapping[str, Type] | None = None
) -> Type:
    """Parse a schema.

    Args:
        schema: The JSON text of the schema, or the object that it stands for.
        named: Types that the schema may refer to by their full names, from other schemas.

    Raises:
        SchemaError: The schema is not valid, or refers to a name that is not declared.
    """
    return _parse(schema, dict(named or {}))


def _parse(schema: str | bytes | Mapping[str, Any] | list[Any], named: dict[str, Type]) -> Type:
    """Parse a schema, and add the types that it declares."""
    if isinstance(schema, str | bytes):
        text = schema.decode() if isinstance(schema, bytes) else schema
        if text.strip() in PRIMITIVES:
            return Primitive(text.strip())
        try:
            declared = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SchemaError(f"an Avro schema is JSON; this is not: {error}") from error
    else:
        declared = schema
    return _Parser(named).parse(declared, "", "", 0)


def parse_schemas(schemas: Iterable[str]) -> Type:
    """Parse schemas of which each may refer to the types of those before it, and return the last.

    Raises:
        SchemaError: As in `parse_schema`.
    """
    named: dict[str, Type] = {}
    found: Type = Primitive("null")
    for schema in schemas:
        found = _parse(schema, named)
    return found


def type_name(type: Type) -> str:
    """Return the name of a type as unions use it: a full name, or the name of the kind."""
    if isinstance(type, Record | Enum | Fixed):
        return type.name
    if isinstance(type, Primitive):
        return type.kind
    return {Array: "array", Map: "map", Union: "union"}[type.__class__]


class _Parser:
    def __init__(self, named: dict[str, Type]) -> None:
        self.named = named

    def parse(self, declared: Any, namespace: str, path: str, depth: int) -> Type:
        if depth > DEEPEST:
            raise SchemaError(f"{path or 'the schema'}: declared more than {DEEPEST} levels deep")
        if isinstance(declared, str):
            return self._reference(declared, namespace, path)
        if isinstance(declared, list):
            return self._union(declared, namespace, path, depth)
        if not isinstance(declared, dict):
            raise SchemaError(
                f"{path or 'the schema'}: expected a name, an object or a list, not {declared!r:.60}"
            )
        kind = declared.get("type")
        if isinstance(kind, dict | list):
            return self.parse(kind, namespace, path, depth + 1)
        if kind in ("record", "error"):
            return self._record(declared, namespace, path, depth)
        if kind == "enum":
            return self._enum(declared, namespace, path)
        if kind == "fixed":
            return self._fixed(declared, namespace, path)
        if kind == "array":
            return Array(self.parse(_required(declared, "items", path), namespace, f"{path}[]", depth + 1))
        if kind == "map":
            return Map(self.parse(_required(declared, "values", path), namespace, f"{path}{{}}", depth + 1))
        if kind in PRIMITIVES:
            return Primitive(kind, *_logical(declared, kind, None))
        if isinstance(kind, str):
            return self._reference(kind, namespace, path)
        raise SchemaError(f'{path or "the schema"}: its "type" is missing or is no type: {kind!r:.60}')

    def _reference(self, name: str, namespace: str, path: str) -> Type:
        if name in PRIMITIVES:
            return Primitive(name)
        for full in [name] if "." in name else [f"{namespace}.{name}", name] if namespace else [name]:
            if full in self.named:
                return self.named[full]
        raise SchemaError(f"{path or 'the schema'}: the type {name!r} is not declared before its use")

    def _union(self, declared: list[Any], namespace: str, path: str, depth: int) -> Union:
        branches = tuple(self.parse(branch, namespace, path, depth + 1) for branch in declared)
        names = [type_name(branch) for branch in branches]
        if "union" in names:
            raise SchemaError(f"{path or 'the schema'}: a union may not directly contain a union")
        if len(set(names)) < len(names):
            raise SchemaError(
                f"{path or 'the schema'}: a union has two branches of one type: {', '.join(names)}"
            )
        return Union(branches)

    def _record(self, declared: Mapping[str, Any], namespace: str, path: str, depth: int) -> Record:
        name, inside = _full_name(declared, namespace, path)
        record = Record(name, aliases=_aliases(declared, inside))
        self._declare(name, record, path)
        fields = _required(declared, "fields", path)
        if not isinstance(fields, list):
            raise SchemaError(f'{path or name}: "fields" must be a list')
        seen: set[str] = set()
        for number, one in enumerate(fields):
            if not isinstance(one, dict) or not isinstance(one.get("name"), str):
                raise SchemaError(f"{path or name}: field {number} has no name")
            at = f"{path}.{one['name']}" if path else one["name"]
            if one["name"] in seen:
                raise SchemaError(f"{at}: the record {name} declares this field twice")
            seen.add(one["name"])
            # a logical type may stand beside the type, in the field itself, as some writers put it
            beside = isinstance(one.get("type"), str) and one["type"] in PRIMITIVES and "logicalType" in one
            type = self.parse(one if beside else _required(one, "type", at), inside, at, depth + 1)
            aliases = tuple(alias for alias in one.get("aliases", ()) if isinstance(alias, str))
            record.fields.append(Field(one["name"], type, one.get("default", MISSING), aliases))
        return record

    def _enum(self, declared: Mapping[str, Any], namespace: str, path: str) -> Enum:
        name, inside = _full_name(declared, namespace, path)
        symbols = _required(declared, "symbols", path)
        if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
            raise SchemaError(f'{path or name}: "symbols" must be a list of strings')
        default = declared.get("default")
        enum = Enum(name, tuple(symbols), default if default in symbols else None, _aliases(declared, inside))
        self._declare(name, enum, path)
        return enum

    def _fixed(self, declared: Mapping[str, Any], namespace: str, path: str) -> Fixed:
        name, inside = _full_name(declared, namespace, path)
        size = _required(declared, "size", path)
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise SchemaError(f'{path or name}: "size" must be a number of bytes, not {size!r:.60}')
        fixed = Fixed(name, size, *_logical(declared, "fixed", size), aliases=_aliases(declared, inside))
        self._declare(name, fixed, path)
        return fixed

    def _declare(self, name: str, type: Type, path: str) -> None:
        if name in self.named:
            raise SchemaError(f"{path or 'the schema'}: the type {name!r} is declared twice")
        self.named[name] = type


def _required(declared: Mapping[str, Any], key: str, path: str) -> Any:
    if key not in declared:
        raise SchemaError(f"{path or 'the schema'}: {key!r} is missing in {declared.get('type')!r:.60}")
    return declared[key]


def _full_name(declared: Mapping[str, Any], namespace: str, path: str) -> tuple[str, str]:
    """Return the full name of a named type and the namespace inside it."""
    name = _required(declared, "name", path)
    if not isinstance(name, str) or not name:
        raise SchemaError(f"{path or 'the schema'}: the name of a type must be a non-empty string")
    if "." in name:
        return name, name.rpartition(".")[0]
    own = declared.get("namespace", namespace)
    inside = own if isinstance(own, str) else namespace
    return (f"{inside}.{name}" if inside else name), inside


def _aliases(declared: Mapping[str, Any], namespace: str) -> tuple[str, ...]:
    names = [alias for alias in declared.get("aliases") or () if isinstance(alias, str)]
    return tuple(alias if "." in alias or not namespace else f"{namespace}.{alias}" for alias in names)


def _logical(declared: Mapping[str, Any], kind: str, size: int | None) -> tuple[str | None, int, int]:
    """Return the logical type, precision and scale; an invalid logical type is ignored, as Avro demands."""
    name = declared.get("logicalType")
    if not isinstance(name, str) or kind not in _LOGICAL.get(name, ()):
        return None, 0, 0
    if (name == "duration" and size != 12) or (name == "uuid" and size not in (None, 16)):
        return None, 0, 0
    if name != "decimal":
        return name, 0, 0
    precision, scale = declared.get("precision"), declared.get("scale", 0)
    if type(precision) is not int or type(scale) is not int or not 0 <= scale <= precision or precision < 1:
        return None, 0, 0
    if size is not None and precision > len(str(2 ** (8 * size - 1) - 1)) - 1 and size < 32:
        return None, 0, 0
    return name, precision, scale
