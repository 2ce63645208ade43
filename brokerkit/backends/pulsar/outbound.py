"""Encode messages for the library. A message that it would change is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage

from .fields import arguments, is_field


@dataclass(frozen=True, slots=True)
class Encoded:
    """The arguments of the library's `send_async`."""

    content: bytes | None
    partition_key: str | None
    properties: dict[str, str] | None
    fields: dict[str, Any]


def encode(message: OutboundMessage) -> Encoded:
    """Return the arguments for a message. Values and keys are checked before.

    Raises:
        ConfigError: A text cannot be encoded as UTF-8.
    """
    properties: dict[str, str] = {}
    known: dict[str, Any] = {}
    for name, value in message.attributes:
        if not _is_text(name) or not _is_text(str(value)):
            raise ConfigError(f"attribute {name!r} has a character that UTF-8 cannot hold")
        if is_field((name, value)):
            known |= arguments(name, value)
        else:
            properties[name] = str(value)
    key = None if message.key is None else message.key.decode()
    return Encoded(message.data, key, properties or None, known)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
