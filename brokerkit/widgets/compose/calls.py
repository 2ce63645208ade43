"""The Python call that makes a composer of the same state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError

from ..call_text import LONGEST, Name, call_text, variable_of
from ..row_view import bytes_text
from .bulk.calls import bulk_call, composer_name

if TYPE_CHECKING:
    from .model import ComposerModel


def composer_call(model: ComposerModel) -> str:
    """Return the Python call that makes a composer of the same state, or publishes its rows."""
    if model.many:
        return bulk_call(model)
    mine = composer_name(model)
    name = f"{variable_of(model.session, 's')}.compose"
    shared = {
        "json": model.json,
        "schema": _schema(model.schema, mine),
        "to": None if model.to is model.session else variable_of(model.to, f"{mine}.to"),
    }
    if len(model) > 1:
        given = None if model.frame is None else variable_of(model.frame, f"{mine}.frame")
        source = {"frame": given} if model.file is None else {"file": str(model.file)}
        made = call_text(name, model.topic, **source, **model.columns, **shared, **model.asked)
        # a property of a browser cannot be set
        again = mine if mine.isidentifier() else "composer"
        return f"{again} = {made}; {again}.row = {model.row}" if model.row else made
    try:
        message = model.message
    except BrokerError:
        return call_text(name, model.topic, **shared)
    parts: dict[str, Any] = {
        "value": Name("None") if message.data is None else _text_or_bytes(message.data),
        "key": None if message.key is None else _text_or_bytes(message.key),
        "partition": message.partition,
        "publish_time": message.publish_time,
        "attributes": list(message.attributes) or None,
    }
    if max(len(str(each)) for each in parts.values()) > LONGEST:
        return call_text(name, model.topic, message=Name(f"{mine}.message"), **shared)
    return call_text(name, model.topic, **parts, **shared)


def _schema(schema: Any, composer: Name) -> Any:
    """Return a schema as it is written into a call: one that is no text or dict by a name."""
    written = schema is None or isinstance(schema, bool | dict | str)
    return schema if written and len(str(schema)) <= LONGEST else variable_of(schema, f"{composer}.schema")


def _text_or_bytes(data: bytes) -> str | bytes:
    """Return data as text where that is the same."""
    text = bytes_text(data)
    return text if text.encode() == data else data
