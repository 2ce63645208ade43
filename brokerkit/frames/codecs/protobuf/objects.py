"""Python objects, such as parsed JSON, as messages."""

from __future__ import annotations

import binascii
import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..extras import extra
from ..misfit import Misfit
from ..misfit import shown as _shown
from .descriptors import ANY, DURATION, JSON_LIKE, TIMESTAMP, VALUE, WRAPPERS, Type, is_map
from .required import missing_fields

MOST_LEVELS = 100

_FIELD_MASK = "google.protobuf.FieldMask"
_BITS = {
    Type.INT32: (-(2**31), 2**31),
    Type.SINT32: (-(2**31), 2**31),
    Type.SFIXED32: (-(2**31), 2**31),
    Type.UINT32: (0, 2**32),
    Type.FIXED32: (0, 2**32),
    Type.INT64: (-(2**63), 2**63),
    Type.SINT64: (-(2**63), 2**63),
    Type.SFIXED64: (-(2**63), 2**63),
    Type.UINT64: (0, 2**64),
    Type.FIXED64: (0, 2**64),
}
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Objects:
    """A writer of objects as messages of the types of a pool."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._json_format = extra("google.protobuf.json_format", "protobuf", "Protobuf")
        factory = extra("google.protobuf.message_factory", "protobuf", "Protobuf")
        self._class_of: Callable[[Any], Any] = factory.GetMessageClass

    def message(self, descriptor: Any, value: Any, *, by_fields: bool = False) -> Any:
        """Return an object as a message.

        Fields go by their name in the schema or in JSON. None leaves a field out. Bytes may be base64 text,
        times ISO 8601 text, enums names or numbers, and whole numbers their digits as text.

        Args:
            by_fields: The object has the fields of the message also where this is a well-known type, such as
                ``{"seconds": 1, "nanos": 0}`` for a time. A message that is no field is read so.

        Raises:
            Misfit: A value does not fit, a field does not exist, or a required one is missing.
        """
        message = self._class_of(descriptor)()
        if by_fields and isinstance(value, Mapping) and value.keys() <= {*descriptor.fields_by_name}:
            self._fill_fields(message, value, "", MOST_LEVELS)
            if descriptor.full_name in (TIMESTAMP, DURATION):
                _check_time(message)
        else:
            self._fill(message, value, "", MOST_LEVELS)
        if not message.IsInitialized():
            raise Misfit(missing_fields(message)[0], "the required field is missing")
        return message

    def _fill(self, message: Any, value: Any, path: str, levels: int) -> None:
        if levels < 0:
            raise Misfit(path, f"more than {MOST_LEVELS} levels deep")
        name = message.DESCRIPTOR.full_name
        if name in (TIMESTAMP, DURATION):
            _fill_time(message, value, path)
        elif name in WRAPPERS:
            message.value = self._scalar(message.DESCRIPTOR.fields_by_number[1], value, path)
        elif name in JSON_LIKE:
            self._fill_json(message, value, path)
        elif name == ANY and isinstance(value, Mapping) and "@type" in value:
            self._fill_any(message, value, path, levels)
        elif name == _FIELD_MASK and isinstance(value, str):
            self._fill_json(message, value, path)
        elif isinstance(value, Mapping):
            self._fill_fields(message, value, path, levels)
        else:
            raise Misfit(path, f"expected an object of {name}, not {_shown(value)}")

    def _fill_fields(self, message: Any, value: Mapping[Any, Any], path: str, levels: int) -> None:
        descriptor = message.DESCRIPTOR
        given: dict[str, Any] = {}
        for name, inner in value.items():
            field = descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)
            where = f"{path}.{name}".lstrip(".")
            if field is None:
                raise Misfit(where, f"{descriptor.full_name} has no such field")
            if inner is None and not _holds_null(field):
                continue
            group = field.containing_oneof.name if field.containing_oneof is not None else field.name
            if group in given:
                raise Misfit(where, f"{given[group]} is given as well, and only one of them can be")
            given[group] = name
            self._fill_field(message, field, inner, where, levels)

    def _fill_field(self, message: Any, field: Any, value: Any, path: str, levels: int) -> None:
        if is_map(field):
            self._fill_map(getattr(message, field.name), field, value, path, levels)
        elif field.is_repeated:
            if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
                raise Misfit(path, f"expected a list, not {_shown(value)}")
            values = getattr(message, field.name)
            for number, each in enumerate(value):
                where = f"{path}[{number}]"
                if field.message_type is not None:
                    self._fill(values.add(), each, where, levels - 1)
                else:
                    values.append(self._scalar(field, each, where))
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self._fill(inner, value, path, levels - 1)
        else:
            setattr(message, field.name, self._scalar(field, value, path))

    def _fill_map(self, values: Any, field: Any, value: Any, path: str, levels: int) -> None:
        if not isinstance(value, Mapping):
            try:
                pairs = [(key, inner) for key, inner in value]
            except (TypeError, ValueError):
                raise Misfit(path, f"expected an object, not {_shown(value)}") from None
        else:
            pairs = list(value.items())
        key_field, inner_field = (field.message_type.fields_by_number[number] for number in (1, 2))
        for name, inner in pairs:
            where = f"{path}[{name!r:.40}]"
            key = self._scalar(key_field, _key(key_field, name), where)
            if key in values:
                raise Misfit(where, "the key is given twice")
            if inner_field.message_type is not None:
                self._fill(values[key], inner, where, levels - 1)
            else:
                values[key] = self._scalar(inner_field, inner, where)

    def _scalar(self, field: Any, value: Any, path: str) -> Any:
        value = value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value
        if field.type == Type.ENUM:
            return _enum(field.enum_type, value, path)
        if field.type in _BITS:
            return _whole(field, value, path)
        if field.type == Type.BOOL:
            if isinstance(value, bool):
                return value
        elif field.type == Type.STRING:
            if isinstance(value, str) and _is_utf8(value):
                return value
        elif field.type == Type.BYTES:
            return _bytes(value, path)
        else:
            return _float(field, value, path)
        kind = "true or false" if field.type == Type.BOOL else "text"
        raise Misfit(path, f"expected {kind}, not {_shown(value)}")

    def _fill_json(self, message: Any, value: Any, path: str) -> None:
        try:
            self._json_format.ParseDict(value, message)
        except Exception as error:  # json_format passes on exceptions of several kinds
            raise Misfit(path, str(error)[:200]) from error

    def _fill_any(self, message: Any, value: Mapping[str, Any], path: str, levels: int) -> None:
        url = value["@type"]
        rest = {name: inner for name, inner in value.items() if name != "@type"}
        try:
            descriptor = self._pool.FindMessageTypeByName(str(url).rpartition("/")[2])
        except KeyError:
            descriptor = None
        message.type_url = self._text(url, f"{path}.@type")
        if descriptor is None:
            if rest.keys() != {"value"}:
                raise Misfit(path, f"the type {url!r} is not in the schema; expected its bytes as value")
            message.value = _bytes(rest["value"], f"{path}.value")
            return
        inner = self._class_of(descriptor)()
        plain = descriptor.full_name in WRAPPERS | JSON_LIKE | {TIMESTAMP, DURATION}
        self._fill(inner, rest.get("value") if plain else rest, path, levels - 1)
        message.value = inner.SerializePartialToString(deterministic=True)

    def _text(self, value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise Misfit(path, f"expected text, not {_shown(value)}")
        return value


def leave_unset(message: Any, old: Any) -> None:
    """Clear the fields that `old` does not have, and that only say what it means without them."""
    for field in message.DESCRIPTOR.fields:
        if field.is_repeated or not field.has_presence or not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        if old.HasField(field.name):
            if field.message_type is not None:
                leave_unset(value, getattr(old, field.name))
        elif field.message_type is not None:
            if field.message_type.full_name == VALUE and value.WhichOneof("kind") in (None, "null_value"):
                message.ClearField(field.name)
        elif field.has_default_value and field.containing_oneof is None and value == field.default_value:
            message.ClearField(field.name)


def _fill_time(message: Any, value: Any, path: str) -> None:
    try:
        if isinstance(value, str):
            message.FromJsonString(value)
            message.ToJsonString()
        elif isinstance(value, datetime.datetime) and message.DESCRIPTOR.full_name == TIMESTAMP:
            message.FromDatetime(value)
            message.nanos += getattr(value, "nanosecond", 0)
        elif isinstance(value, datetime.timedelta) and message.DESCRIPTOR.full_name == DURATION:
            message.FromTimedelta(value)
        else:
            example = "2026-01-31T12:00:00Z" if message.DESCRIPTOR.full_name == TIMESTAMP else "1.5s"
            raise ValueError(f"expected text such as {example}, not {_shown(value)}")
    except (ValueError, OverflowError) as error:
        raise Misfit(path, str(error)) from error


def _check_time(message: Any) -> None:
    try:
        message.ToJsonString()
    except ValueError as error:
        raise Misfit("", str(error)) from error


def _enum(enum: Any, value: Any, path: str) -> int:
    if isinstance(value, str):
        found = enum.values_by_name.get(value)
        if found is not None:
            return int(found.number)
        if value.removeprefix("-").isdecimal():
            value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31
    if whole and (not enum.is_closed or value in enum.values_by_number):
        return int(value)
    names = ", ".join(list(enum.values_by_name)[:10])
    raise Misfit(path, f"{enum.full_name} has no value {_shown(value)}; it has {names}")


def _whole(field: Any, value: Any, path: str) -> int:
    low, high = _BITS[field.type]
    if isinstance(value, str):
        with suppress(ValueError):  # digits of other scripts
            value = int(value) if len(value) <= 20 and value.removeprefix("-").isdecimal() else value
    elif not isinstance(value, bool | int | bytes) and hasattr(value, "__int__"):
        with suppress(ValueError, ArithmeticError):  # NaN and infinity
            value = int(value) if int(value) == value else value
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misfit(path, f"expected a whole number, not {_shown(value)}")
    if not low <= value < high:
        raise Misfit(path, f"{value} is not between {low} and {high - 1}")
    return value


def _float(field: Any, value: Any, path: str) -> float:
    if isinstance(value, str):
        value = _NOT_FINITE.get(value, value)
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        raise Misfit(path, f"expected a number, not {_shown(value)}")
    try:
        number = float(value)
    except (OverflowError, ValueError) as error:
        raise Misfit(path, f"{_shown(value)} is too large") from error
    if isinstance(value, int) and int(number) != value:
        raise Misfit(path, f"{value} cannot be held exactly by a floating-point number")
    if field.type == Type.FLOAT and math.isfinite(number) and abs(number) >= 2.0**128 * (1 - 2.0**-25):
        raise Misfit(path, f"{number} is too large for 32 bits")
    return number


def _bytes(value: Any, path: str) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        try:
            return binascii.a2b_base64(value.replace("-", "+").replace("_", "/"), strict_mode=True)
        except (binascii.Error, ValueError) as error:
            raise Misfit(path, f"expected bytes as base64: {error}") from error
    raise Misfit(path, f"expected bytes, not {_shown(value)}")


def _key(field: Any, name: Any) -> Any:
    if field.type == Type.BOOL and name in ("true", "false"):
        return name == "true"
    return name


def _holds_null(field: Any) -> bool:
    """Return whether null is a value of the field and not its absence."""
    message = field.message_type
    return message is not None and message.full_name == "google.protobuf.Value" and not field.is_repeated


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
