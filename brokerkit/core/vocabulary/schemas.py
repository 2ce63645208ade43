"""Schemas that a system keeps itself, and that its messages name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SystemSchema:
    """One schema of a system.

    Attributes:
        type: ``AVRO``, ``PROTOBUF``, ``JSON``, ``PAIR`` (a key and a value, one after the other), ``BYTES``
            (any bytes), or the type of a single value, such as ``INT64``.
        text: The definition. For ``PROTOBUF`` it is the text of a file, or the base64 of its descriptor.
        message: The Protobuf message; None if the definition has only one.
        parts: The schemas of the key and the value, of the type ``PAIR``.
    """

    type: str
    text: str = ""
    message: str | None = None
    parts: tuple[SystemSchema, SystemSchema] | None = None


ANY_BYTES = SystemSchema("BYTES")
"""The schema of messages of which nothing is known."""
