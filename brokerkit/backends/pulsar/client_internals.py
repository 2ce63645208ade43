"""All that uses private members of pulsar-client.

A schema whose definition stays as it is written, and reading and sending without the wrapper of each message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulsar import _pulsar
from pulsar.schema import Schema


class CarriedSchema(Schema):  # type: ignore[misc]  # the library has no types
    """A schema of the library whose messages are already encoded."""

    def __init__(self, type: str, definition: str) -> None:
        # the library's own constructor would write the definition again, which makes it another one
        self._schema_info = _pulsar.SchemaInfo(getattr(_pulsar.SchemaType, type), type, definition)

    def encode(self, obj: bytes) -> bytes:
        return obj

    def decode(self, data: bytes) -> bytes:
        return data


def taking(reader: Any) -> Callable[[int], Any]:
    """Return what takes the next message of a reader of the library, with the milliseconds to wait for it.

    Messages have the methods of the library's wrapper, which costs as much as the message itself.
    """
    take: Callable[[int], Any] = reader._reader.read_next
    return take


def giving(producer: Any) -> Callable[[bytes | None, str | None, Callable[[Any, Any], None]], None]:
    """Return what sends bytes with a key, and calls back: `send_async` without its look at each argument.

    An empty key is sent as none, which the library does too.
    """
    send = producer._producer.send_async
    build = _pulsar.MessageBuilder

    def give(content: bytes | None, key: str | None, report: Callable[[Any, Any], None]) -> None:
        builder = build()
        if content is None:
            builder.set_null_value()
        else:
            builder.content(content)
        if key:
            builder.partition_key(key)
        send(builder.build(), report)

    return give
