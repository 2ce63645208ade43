"""The 64-bit fingerprint of an Avro schema, which the single-object encoding names it by.

Source: the Avro specification 1.12, "Parsing Canonical Form for Schemas" and "Schema Fingerprints".
"""

from __future__ import annotations

import json
from typing import Any

from .schema import Array, Enum, Fixed, Map, Primitive, Record, Type, Union

_EMPTY = 0xC15D213AA4D7A795


def _table() -> tuple[int, ...]:
    entries = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ (_EMPTY & -(value & 1))
        entries.append(value)
    return tuple(entries)


_TABLE = _table()


def fingerprint(type: Type) -> int:
    """Return the CRC-64-AVRO of the schema's canonical form."""
    value = _EMPTY
    for byte in canonical_form(type).encode():
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def canonical_form(type: Type) -> str:
    """Return the parsing canonical form: only what decides how data is read, in a fixed order."""
    return _text(type, logical=False)


def logical_form(type: Type) -> str:
    """Return the canonical form with the logical types: what decides what the data means."""
    return _text(type, logical=True)


def _text(type: Type, logical: bool) -> str:
    return json.dumps(_canonical(type, set(), logical), separators=(",", ":"), ensure_ascii=False)


def _canonical(type: Type, declared: set[str], logical: bool) -> Any:
    if isinstance(type, Primitive):
        return {"type": type.kind, **_logical(type)} if logical and type.logical else type.kind
    if isinstance(type, Union):
        return [_canonical(branch, declared, logical) for branch in type.branches]
    if isinstance(type, Array):
        return {"type": "array", "items": _canonical(type.items, declared, logical)}
    if isinstance(type, Map):
        return {"type": "map", "values": _canonical(type.values, declared, logical)}
    if type.name in declared:
        return type.name
    declared.add(type.name)
    if isinstance(type, Fixed):
        return {"name": type.name, "type": "fixed", "size": type.size, **(_logical(type) if logical else {})}
    if isinstance(type, Enum):
        return {"name": type.name, "type": "enum", "symbols": list(type.symbols)}
    assert isinstance(type, Record)
    fields = [
        {"name": field.name, "type": _canonical(field.type, declared, logical)} for field in type.fields
    ]
    return {"name": type.name, "type": "record", "fields": fields}


def _logical(type: Primitive | Fixed) -> dict[str, Any]:
    return {"logicalType": type.logical, "precision": type.precision, "scale": type.scale}
