"""The Python call that makes a composer of the same state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError

from ..call_text import LONGEST, Name, call_text, variable_of
from ..row_view import bytes_text
from .bulk.calls import bulk_call

if TYPE_CHECKING:
    from .model import ComposerModel


def composer_call(model: ComposerModel) -> str:
    """Return the Python call that makes a composer of the same state, or publishes its rows."""
    if model.many:
        return bulk_call(model)
    place = None if model.to is model.session else variable_of(model.to, "other")
    name = f"{variable_of(model.session, 's')}.compose"
    shared = {"json": model.json, "schema": model.schema, "to": place}
    if len(model) > 1:
        source = {"frame": Name("df")} if model.file is None else {"file": str(model.file)}
        made = call_text(name, model.topic, **source, **shared, **model.asked)
        mine = variable_of(model.owner(), "composer")
        return f"{mine} = {made}; {mine}.row = {model.row}" if model.row else made
    try:
        message = model.message
    except BrokerError:
        return call_text(name, model.topic, **shared)
    if len(message.data or b"") > LONGEST:
        mine = Name(f"{variable_of(model.owner(), 'composer')}.message")
        return call_text(name, model.topic, message=mine, **shared)
    parts: dict[str, Any] = {
        "value": Name("None") if message.data is None else _text_or_bytes(message.data),
        "key": None if message.key is None else _text_or_bytes(message.key),
        "partition": message.partition,
        "publish_time": message.publish_time,
        "attributes": list(message.attributes) or None,
    }
    return call_text(name, model.topic, **parts, **shared)


def _text_or_bytes(data: bytes) -> str | bytes:
    """Return data as text where that is the same."""
    text = bytes_text(data)
    return text if text.encode() == data else data
