"""Python objects, such as parsed JSON, as Avro's binary encoding."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from ..misfit import Misfit, shown
from ..varints import write_zigzag
from .scalar_values import scalar_bytes
from .schema import MISSING, Array, Enum, Fixed, Map, Primitive, Record, Type, Union, type_name

DEEPEST = 200
"""Levels of records, lists and maps that a value may have."""

Place: TypeAlias = "tuple[str | int, ...]"
"""Where a value is: the names of fields, the keys of maps and the numbers of items that lead to it."""
Branches: TypeAlias = Mapping[Place, int]
"""The branch of each union of a value."""

NO_BRANCHES: Branches = {}
_NULL = Primitive("null")


def object_bytes(type: Type, value: Any, branches: Branches = NO_BRANCHES, path: str = "") -> bytes:
    """Return a value as Avro writes it.

    A field that is missing gets its default. In a union, a value goes into the branch that `branches` names
    for its place where it fits there, and otherwise into the one that suits its type best: text is a string
    before it is bytes, and a whole number a long before it is a double.

    Raises:
        Misfit: A value does not fit exactly, or a field is missing or not known; the text has its path.
    """
    out = bytearray()
    _Writer(branches).write(out, type, value, path, ())
    return bytes(out)


class _Writer:
    def __init__(self, branches: Branches) -> None:
        self._branches = branches

    def write(self, out: bytearray, type: Type, value: Any, path: str, place: Place) -> None:
        if len(place) > DEEPEST:
            raise Misfit(path[:200], f"more than {DEEPEST} levels deep")
        if isinstance(type, Union):
            self._union(out, type, value, path, place)
        elif value is None and type != _NULL:
            raise Misfit(path, f"null, where the schema demands {_kind_of(type)}")
        elif isinstance(type, Record):
            self._record(out, type, value, path, place)
        elif isinstance(type, Array):
            self._array(out, type, value, path, place)
        elif isinstance(type, Map):
            self._map(out, type, value, path, place)
        else:
            out += scalar_bytes(type, value, path)

    def _record(self, out: bytearray, type: Record, value: Any, path: str, place: Place) -> None:
        if not isinstance(value, Mapping):
            raise Misfit(path, f"expected an object with the fields of {type.name}, not {shown(value)}")
        names = {field.name for field in type.fields}
        for name in value:
            if name not in names:
                known = ", ".join(list(names)[:10])
                raise Misfit(_at(path, str(name)), f"{type.name} has no such field; it has {known}")
        for field in type.fields:
            if field.name in value:
                where = _at(path, field.name)
                self.write(out, field.type, value[field.name], where, (*place, field.name))
            elif field.default is not MISSING:
                out += default_bytes(field.type, field.default)
            else:
                raise Misfit(_at(path, field.name), "the field is missing, and has no default")

    def _array(self, out: bytearray, type: Array, value: Any, path: str, place: Place) -> None:
        if hasattr(value, "tolist") and not isinstance(value, memoryview):
            value = value.tolist()
        if not isinstance(value, list | tuple):
            raise Misfit(path, f"expected a list, not {shown(value)}")
        if value:
            out += write_zigzag(len(value))
            for number, each in enumerate(value):
                self.write(out, type.items, each, f"{path}[{number}]", (*place, number))
        out.append(0)

    def _map(self, out: bytearray, type: Map, value: Any, path: str, place: Place) -> None:
        if isinstance(value, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
            # as Arrow has them
            value = dict(value)
        if not isinstance(value, Mapping):
            raise Misfit(path, f"expected an object, not {shown(value)}")
        if value:
            out += write_zigzag(len(value))
            for name, each in value.items():
                where = f"{path}[{name!r:.40}]"
                out += scalar_bytes(Primitive("string"), name, where)
                self.write(out, type.values, each, where, (*place, name))
        out.append(0)

    def _union(self, out: bytearray, type: Union, value: Any, path: str, place: Place) -> None:
        suiting = [number for number, branch in enumerate(type.branches) if _rank(branch, value) is not None]
        suiting.sort(key=lambda number: _rank(type.branches[number], value) or 0)
        known = self._branches.get(place)
        if known in suiting:
            suiting.sort(key=lambda number: number != known)
        if not suiting:
            branches = ", ".join(map(type_name, type.branches))
            raise Misfit(path, f"{shown(value)} is none of {branches}")
        problems: list[Misfit] = []
        for number in suiting:
            inner = bytearray(write_zigzag(number))
            try:
                self.write(inner, type.branches[number], value, path, place)
            except Misfit as error:
                problems.append(error)
                continue
            out += inner
            return
        if len(problems) == 1:
            raise problems[0]
        reasons = "; ".join(
            f"as {type_name(type.branches[number])}: {error}"
            for number, error in zip(suiting, problems, strict=True)
        )
        raise Misfit(path, f"it fits no branch of the union: {reasons}")


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _kind_of(type: Type) -> str:
    return (type.logical or type.kind) if isinstance(type, Primitive) else type_name(type)


def _rank(type: Type, value: Any) -> int | None:
    """Return how well a branch suits the type of a value, 0 is best; None if it surely does not."""
    if isinstance(value, Mapping):
        if isinstance(type, Record):
            names = {field.name for field in type.fields}
            return len(names - value.keys()) if names >= value.keys() else 10_000
        duration = isinstance(type, Fixed) and type.logical == "duration"
        return 10_001 if isinstance(type, Map) or duration else None
    if isinstance(value, list | tuple) or (hasattr(value, "tolist") and not hasattr(value, "item")):
        return 0 if isinstance(type, Array) else 1 if isinstance(type, Map) else None
    if isinstance(type, Record | Array | Map | Union):
        return None
    order = _ORDERS[_python_kind(value)]
    for rank, each in enumerate(order):
        if each in _names_of(type):
            return rank
    return None


_TIMES = ("timestamp", "local", "date", "time")
_ORDERS: dict[str, tuple[str, ...]] = {
    "null": ("null",),
    "boolean": ("boolean",),
    "int": ("int", "long", "decimal", "double", "float", *_TIMES),
    "float": ("double", "float", "decimal", "int", "long"),
    "decimal": ("decimal", "double", "float", "int", "long"),
    "text": ("string", "enum", "uuid", *_TIMES, "bytes", "fixed", "double", "float"),
    "bytes": ("bytes", "fixed"),
    "time": _TIMES,
    "uuid": ("uuid",),
    "other": (),
}
"""By the kind of a value, what a branch may be, the best first."""


def _python_kind(value: Any) -> str:
    if hasattr(value, "dtype") and hasattr(value, "item"):
        value = value.item()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, Decimal):
        return "decimal"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes"
    if isinstance(value, datetime.date | datetime.time):
        return "time"
    return "uuid" if isinstance(value, UUID) else "other"


def _names_of(type: Type) -> tuple[str, ...]:
    """Return what a branch is, in the words of `_ORDERS`."""
    if isinstance(type, Enum):
        return ("enum",)
    if not isinstance(type, Primitive | Fixed):
        return ()
    kind = type.kind if isinstance(type, Primitive) else "fixed"
    if type.logical == "decimal" and type.precision <= 76:
        return ("decimal",)
    if type.logical == "uuid":
        return ("string", "uuid") if kind == "string" else ("uuid", "fixed")
    if kind in ("int", "long") and type.logical:
        return (type.logical.partition("-")[0],)
    return (kind,)


def default_bytes(type: Type, default: Any) -> bytes:
    """Return the default that a schema declares for a field, as Avro writes it.

    Raises:
        Misfit: It does not fit its type.
    """
    if isinstance(type, Union):
        return _default_of_union(type, default)
    if isinstance(type, Record):
        if not isinstance(default, Mapping):
            raise Misfit("", f"the default {shown(default)} is no {type.name}")
        return b"".join(
            default_bytes(field.type, default.get(field.name, field.default)) for field in type.fields
        )
    if isinstance(type, Array) and isinstance(default, list):
        return _counted(len(default), b"".join(default_bytes(type.items, each) for each in default))
    if isinstance(type, Map) and isinstance(default, Mapping):
        text = Primitive("string")
        entries = [
            scalar_bytes(text, name, "") + default_bytes(type.values, each) for name, each in default.items()
        ]
        return _counted(len(entries), b"".join(entries))
    if isinstance(type, Array | Map):
        raise Misfit("", f"the default {shown(default)} is no {type_name(type)}")
    if default is MISSING:
        raise Misfit("", "a field of its default has none")
    plain: Primitive | Fixed | Enum = type
    if isinstance(type, Primitive):
        plain = Primitive(type.kind)
    elif isinstance(type, Fixed):
        plain = Fixed(type.name, type.size)
    if isinstance(default, str) and (isinstance(type, Fixed) or plain == Primitive("bytes")):
        # each character is one byte, as Avro demands
        try:
            default = default.encode("latin-1")
        except UnicodeEncodeError as error:
            raise Misfit("", f"the default {shown(default)} has a character beyond \\u00ff") from error
    if isinstance(default, float) and not math.isfinite(default):
        default = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(default, "NaN")
    return scalar_bytes(plain, default, "")


def _default_of_union(type: Union, default: Any) -> bytes:
    for number, branch in enumerate(type.branches):
        try:
            return write_zigzag(number) + default_bytes(branch, default)
        except Misfit:
            continue
    raise Misfit("", f"the default {shown(default)} fits no branch of its union")


def _counted(count: int, data: bytes) -> bytes:
    return (write_zigzag(count) + data if count else b"") + b"\0"
