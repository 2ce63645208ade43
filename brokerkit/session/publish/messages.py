"""Values as messages: what `publish` and `publish_batch` send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson

from brokerkit.core.vocabulary.arguments import unencodable
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.frames.codecs.payload_writers import PayloadWriter
from brokerkit.frames.encoded_rows import with_schema
from brokerkit.frames.jsonable import jsonable


def message_of(
    value: Any,
    key: str | bytes | None = None,
    attributes: Any = None,
    partition: int | None = None,
    publish_time: datetime | None = None,
    writer: PayloadWriter | None = None,
    on_json: Callable[[], None] | None = None,
) -> OutboundMessage:
    """Return a value as a message: dict and list as JSON, str and bytes as they are, None as a null payload.

    Args:
        writer: Writes the value with a schema instead; None stays a null payload.
        on_json: Called if the value is an object that becomes JSON.

    Raises:
        TypeError: The value has another type.
        ConfigError: A text is not valid.
    """
    if isinstance(value, OutboundMessage):
        if any(each is not None for each in (key, attributes, partition, publish_time)):
            raise ConfigError(
                "an OutboundMessage brings its own key, attributes, partition and time: leave key=, "
                "attributes=, partition= and publish_time= out"
            )
        return value
    if writer is not None and value is not None:
        own = Attributes(_attributes(attributes))
        return OutboundMessage(
            writer.object(value),
            key,
            with_schema(own, Attributes(writer.attributes)),
            partition=partition,
            publish_time=publish_time,
        )
    if isinstance(value, dict | list):
        value = _json(value)
        if on_json is not None:
            on_json()
    elif value is not None and not isinstance(value, str | bytes | bytearray | memoryview):
        raise TypeError(
            f"a value to publish must be dict, list (as JSON), str, bytes or None, not {type(value).__name__}"
        )
    return OutboundMessage(
        value, key, _attributes(attributes), partition=partition, publish_time=publish_time
    )


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(jsonable(dict(value) if isinstance(value, dict) else value))
    except RecursionError:
        raise TypeError("the value cannot be written as JSON: it is nested too deeply") from None
    except (ValueError, TypeError) as error:
        wrong = _wrong_text(value)
        if wrong is not None:
            raise ConfigError(f"the value cannot be written as JSON: {wrong}; repair the text") from error
        raise TypeError(f"the value cannot be written as JSON: {error}") from error


def _wrong_text(value: Any) -> str | None:
    """Return the first text in a value that UTF-8 cannot hold, and where it is; None if there is none."""
    waiting = [("the value", value)]
    while waiting:
        place, part = waiting.pop()
        if isinstance(part, str) and (wrong := unencodable(part)) is not None:
            return f"{place:.200} has {wrong}"
        if isinstance(part, dict):
            for name, one in reversed(part.items()):
                waiting += [(f"{place}[{name!a}]", one), (f"the name {name!a}", name)]
        elif isinstance(part, list | tuple):
            waiting += [(f"{place}[{number}]", one) for number, one in reversed(list(enumerate(part)))]
    return None


def _attributes(attributes: Any) -> Any:
    if attributes is None or isinstance(attributes, Attributes | Mapping):
        return attributes
    text = isinstance(attributes, str | bytes)
    pairs = list(attributes) if isinstance(attributes, Iterable) and not text else None
    if pairs is None or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise TypeError(
            f'attributes must be a dict such as {{"name": "value"}}, or a list of (name, value) pairs, '
            f"not {attributes!r:.60}"
        )
    return pairs


def messages_of(
    values: Any, writer: PayloadWriter | None = None, on_json: Callable[[], None] | None = None
) -> list[OutboundMessage]:
    """Return several values as messages, written with a schema if there is a writer.

    Args:
        writer, on_json: As in `message_of`.

    Raises:
        TypeError: It is a single value, or a frame.
    """
    if isinstance(values, str | bytes | bytearray | memoryview | dict | OutboundMessage):
        raise TypeError(
            f"publish_batch needs a list of values, not one {type(values).__name__}: use publish, or [value]"
        )
    if hasattr(values, "columns") or hasattr(values, "__arrow_c_stream__"):
        raise TypeError(
            f"publish_batch needs a list of values: use publish_frame for a {type(values).__name__}"
        )
    if not isinstance(values, Iterable):
        raise TypeError(f"publish_batch needs a list of values, not {type(values).__name__}")
    return [message_of(value, writer=writer, on_json=on_json) for value in values]
