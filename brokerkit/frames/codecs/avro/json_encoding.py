"""Avro's JSON encoding, in which a value of a union names its branch, as binary encoding.

Source: the Avro specification 1.12, "JSON Encoding".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..misfit import Misfit, shown
from ..varints import write_zigzag
from .scalar_values import scalar_bytes
from .schema import Array, Enum, Fixed, Map, Primitive, Record, Type, Union, type_name

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_TEXT = Primitive("string")


def binary_of(type: Type, value: Any, path: str = "") -> bytes:
    """Return a value of parsed JSON in the binary encoding.

    Raises:
        Misfit: It is no value of this type; the text has its path.
    """
    if isinstance(type, Union):
        return _union(type, value, path)
    if isinstance(type, Record):
        if not isinstance(value, Mapping):
            raise Misfit(path, f"expected an object with the fields of {type.name}, not {shown(value)}")
        return b"".join(_field(value, field.name, field.type, path) for field in type.fields)
    if isinstance(type, Array):
        if not isinstance(value, list):
            raise Misfit(path, f"expected a list, not {shown(value)}")
        return _counted([binary_of(type.items, each, f"{path}[{n}]") for n, each in enumerate(value)])
    if isinstance(type, Map):
        if not isinstance(value, Mapping):
            raise Misfit(path, f"expected an object, not {shown(value)}")
        inside = [
            scalar_bytes(_TEXT, name, path) + binary_of(type.values, each, f"{path}[{name!r:.40}]")
            for name, each in value.items()
        ]
        return _counted(inside)
    return _scalar(type, value, path)


def _field(value: Mapping[str, Any], name: str, type: Type, path: str) -> bytes:
    where = f"{path}.{name}" if path else name
    if name not in value:
        raise Misfit(where, "the field is missing")
    return binary_of(type, value[name], where)


def _union(type: Union, value: Any, path: str) -> bytes:
    names = [type_name(branch) for branch in type.branches]
    if value is None and "null" in names:
        return write_zigzag(names.index("null"))
    if isinstance(value, Mapping) and len(value) == 1:
        name, inner = next(iter(value.items()))
        if name in names:
            number = names.index(name)
            return write_zigzag(number) + binary_of(type.branches[number], inner, path)
    raise Misfit(path, f"{shown(value)} names none of the branches {', '.join(names)}")


def _scalar(type: Primitive | Fixed | Enum, value: Any, path: str) -> bytes:
    if value is None and not (isinstance(type, Primitive) and type.kind == "null"):
        raise Misfit(path, f"null, where the schema demands {type_name(type)}")
    plain: Primitive | Fixed | Enum = type
    if isinstance(type, Primitive):
        plain = Primitive(type.kind)
    elif isinstance(type, Fixed):
        plain = Fixed(type.name, type.size)
    if isinstance(value, str) and (isinstance(type, Fixed) or plain == Primitive("bytes")):
        # each character is one byte
        try:
            value = value.encode("latin-1")
        except UnicodeEncodeError:
            raise Misfit(path, "a character above 255, where each is one byte") from None
    if plain in (Primitive("float"), Primitive("double")) and isinstance(value, str):
        value = _NOT_FINITE.get(value, value)
    return scalar_bytes(plain, value, path)


def _counted(items: list[bytes]) -> bytes:
    return (write_zigzag(len(items)) + b"".join(items) if items else b"") + b"\0"
