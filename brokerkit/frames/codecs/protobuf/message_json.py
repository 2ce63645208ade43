"""One message as exact JSON text, as `json_columns` writes columns."""

from __future__ import annotations

import binascii
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from ...json_kinds import json_text
from ..extras import extra
from .descriptors import (
    ANY,
    DURATION,
    LIST_VALUE,
    NOT_OBJECTS,
    STRUCT,
    TIMESTAMP,
    VALUE,
    WRAPPERS,
    Type,
    enum_names,
    is_map,
)
from .wire import DEEPEST

_EXACT_DOUBLE = 2**53


class MessageJson:
    """A writer of messages as JSON text.

    A field without a value is null, or its default if it has no presence or the schema declares one. The
    content of `Any` is written as its fields behind ``@type`` if the pool knows its type, else as bytes.

    Args:
        pool: The pool where the types of `Any` are looked up.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        factory = extra("google.protobuf.message_factory", "protobuf", "Protobuf")
        self._class_of: Callable[[Any], Any] = factory.GetMessageClass

    def text(self, descriptor: Any, data: bytes) -> str:
        """Return a message as JSON text.

        Raises:
            ValueError: The bytes are not such a message, or it has a value that JSON text cannot show.
        """
        try:
            message = self._class_of(descriptor).FromString(data)
        except Exception as error:  # DecodeError, without loading its module here
            raise ValueError(str(error)) from error
        return self._message(message, DEEPEST)

    def _message(self, message: Any, levels: int) -> str:
        if levels < 0:
            raise ValueError(f"more than {DEEPEST} levels deep")
        descriptor = message.DESCRIPTOR
        name = descriptor.full_name
        if name == ANY:
            return self._any(message, levels)
        if name in (TIMESTAMP, DURATION):
            return f'"{message.ToJsonString()}"'
        if name in WRAPPERS:
            return self._value(descriptor.fields_by_number[1], message.value, levels)
        if name == STRUCT:
            return _object(
                [(key, self._message(inner, levels - 1)) for key, inner in sorted(message.fields.items())]
            )
        if name == LIST_VALUE:
            return f"[{','.join(self._message(inner, levels - 1) for inner in message.values)}]"
        if name == VALUE:
            return self._json_value(message, levels)
        return _object([(field.name, self._field(message, field, levels)) for field in descriptor.fields])

    def _field(self, message: Any, field: Any, levels: int) -> str:
        value = getattr(message, field.name)
        if is_map(field):
            key, inner = (field.message_type.fields_by_number[number] for number in (1, 2))
            entries = sorted(value.items())
            return _object([(_key(key, name), self._value(inner, each, levels)) for name, each in entries])
        if field.is_repeated:
            return f"[{','.join(self._value(field, each, levels) for each in value)}]"
        declared = field.has_default_value and field.containing_oneof is None
        if field.has_presence and not declared and not message.HasField(field.name):
            return "null"
        return self._value(field, value, levels)

    def _value(self, field: Any, value: Any, levels: int) -> str:
        if field.type in (Type.MESSAGE, Type.GROUP):
            return self._message(value, levels - 1)
        if field.type == Type.ENUM:
            return json_text(enum_names(field.enum_type).get(value, str(value)))
        if field.type == Type.BYTES:
            return _base64(value)
        if field.type == Type.FLOAT:
            return _number(np.float32(value))
        if field.type == Type.DOUBLE:
            return _number(value)
        if field.type == Type.STRING and not isinstance(value, str):
            raise ValueError(f"{field.name} is not UTF-8 text")
        return json_text(value)

    def _json_value(self, message: Any, levels: int) -> str:
        kind = message.WhichOneof("kind")
        if kind in (None, "null_value"):
            return "null"
        value = getattr(message, kind)
        if kind == "number_value":
            return _whole(value) or _number(value)
        if kind in ("struct_value", "list_value"):
            return self._message(value, levels - 1)
        return json_text(value)

    def _any(self, message: Any, levels: int) -> str:
        if not message.type_url and not message.value:
            return "{}"
        kind = f'"@type":{json_text(message.type_url)}'
        try:
            descriptor = self._pool.FindMessageTypeByName(message.type_url.rpartition("/")[2])
            inner = self._class_of(descriptor).FromString(message.value)
            text = self._message(inner, levels - 1)
        except Exception:  # an unknown type or other bytes: they are shown as they are
            return f'{{{kind},"value":{_base64(message.value)}}}'
        if descriptor.full_name in NOT_OBJECTS:
            return f'{{{kind},"value":{text}}}'
        return f"{{{kind}{',' if text != '{}' else ''}{text[1:]}"


def _object(entries: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{orjson.dumps(name).decode()}:{text}" for name, text in entries) + "}"


def _key(field: Any, key: Any) -> str:
    return key if field.type == Type.STRING else json_text(key)


def _base64(data: bytes) -> str:
    return f'"{binascii.b2a_base64(data, newline=False).decode()}"'


def _whole(value: float) -> str:
    """Return a number that JSON may have had as a whole one; empty text for any other."""
    exact = value.is_integer() and abs(value) <= _EXACT_DOUBLE
    negative_zero = value == 0 and math.copysign(1, value) < 0
    return str(int(value)) if exact and not negative_zero else ""


def _number(value: Any) -> str:
    if not math.isfinite(value):
        return json_text(float(value))
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
