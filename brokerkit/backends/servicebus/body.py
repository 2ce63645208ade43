"""Convert the three kinds of message body to bytes and back.

Nearly all messages have a data body. Another kind is named in the attribute ``$sb.body_type``::

    value           a string: its text
    value:binary    a binary value: its bytes
    value:json      another value: as JSON
    sequence        a list of lists: as JSON
    value:text, sequence:text   the same, if JSON cannot express all of it: readable, but cannot be
        published
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from azure.servicebus.amqp import AmqpMessageBodyType

from brokerkit.core.vocabulary.errors import ConfigError

from .amqp import SEQUENCE, VALUE, Malformed, Pairs, Section, text_or_bytes

KINDS = ("value", "value:binary", "value:json", "sequence")
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)


def payload_of(message: Any, parts: Sequence[Section], whole: bool) -> tuple[bytes | None, str | None]:
    """Return the payload of a received message, and the kind of its body if it is not data.

    Args:
        message: The message as the client library has it.
        parts: The sections of its encoded form.
        whole: Whether `parts` are all sections.
    """
    kind = message.body_type
    if kind is AmqpMessageBodyType.DATA:
        return b"".join(message.body), None
    if kind is AmqpMessageBodyType.SEQUENCE:
        found = _values(parts, SEQUENCE) if whole else None
        return _json([*message.body] if found is None else found, "sequence", "sequence:text")
    if message.body is None:
        return None, None
    values = _values(parts, VALUE) if whole else None
    value = values[0] if values else text_or_bytes(message.body)
    if isinstance(value, str):
        return value.encode("utf-8"), "value"
    if isinstance(value, bytes):
        return value, "value:binary"
    return _json(value, "value:json", "value:text")


def _values(parts: Sequence[Section], code: int) -> list[Any] | None:
    try:
        return [part.value() for part in parts if part.code == code]
    except Malformed:
        return None


def _json(value: Any, exact: str, lossy: str) -> tuple[bytes, str]:
    plain, is_exact = _plain(value)
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass"), exact if is_exact else lossy


def _plain(value: Any) -> tuple[Any, bool]:
    """Return a value as JSON has it, and whether it can be read back unchanged."""
    if value is None or type(value) in (bool, str):
        return value, True
    if isinstance(value, int):
        return value, value in _INT64
    if isinstance(value, float):
        return (value, True) if math.isfinite(value) else (str(value), False)
    if isinstance(value, Pairs | dict):
        pairs = value.items() if isinstance(value, dict) else value
        members: dict[str, Any] = {}
        is_exact = True
        for key, item in pairs:
            name = key if type(key) is str else _text(key)
            plain, same = _plain(item)
            is_exact = is_exact and same and type(key) is str and name not in members
            members[name] = plain
        return members, is_exact and not {"TYPE", "VALUE"} <= members.keys()
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        return [item for item, _ in items], all(same for _, same in items)
    return _text(value), False


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def body_of(payload: bytes | None, kind: str | None) -> dict[str, Any]:
    """Return the body of an outgoing message as arguments for the client library. Raises ConfigError."""
    if kind is None:
        return {"value_body": None} if payload is None else {"data_body": payload}
    if kind not in KINDS:
        raise ConfigError(
            f"$sb.body_type is {kind!r}, which can be read but not published; expected one of "
            f"{', '.join(KINDS)}, or none for data"
        )
    if payload is None:
        raise ConfigError(f"a body of the kind {kind!r} needs a payload")
    try:
        if kind == "value:binary":
            return {"value_body": payload}
        text = payload.decode("utf-8")
        if kind == "value":
            return {"value_body": text}
        value = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"the payload is not what $sb.body_type={kind!r} says ({error})") from error
    if kind == "sequence":
        if not isinstance(value, list) or not all(isinstance(part, list) for part in value):
            raise ConfigError("a body of the kind 'sequence' must be a JSON list of lists")
        return {"sequence_body": [[_encodable(item) for item in part] for part in value]}
    if type(value) is int and value not in _INT32:
        raise ConfigError("a whole body that is a number must fit 32 bits: publish it as text or data")
    return {"value_body": value if type(value) is int else _encodable(value)}


def _encodable(value: Any) -> Any:
    """Return a value in which the client library can encode every number."""
    if type(value) is int:
        if value not in _INT64:
            raise ConfigError(f"{value} does not fit 64 bits")
        return {"TYPE": "LONG", "VALUE": value}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        if {"TYPE", "VALUE"} <= value.keys():
            raise ConfigError("the client library cannot send an object with the members TYPE and VALUE")
        return {name: _encodable(item) for name, item in value.items()}
    return value
