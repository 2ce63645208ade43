"""The fields that a value of a topic may have, for completion while it is edited."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.registry import Subjects

from ..fields_seen import LOOKED_AT_BYTES, MOST, Path, paths_seen
from ..protocol.compose import JsonField
from .schema_fields import fields_of_schema

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

    from .model import ComposerModel

NEWEST = 50
"""So many of the newest messages of the topic are looked at."""


def known_fields(model: ComposerModel) -> list[JsonField]:
    """Return the fields of the schemas, of the message that is written, and of the newest in the topic.

    What cannot be read has none. It may ask the broker and the registry, and changes nothing.
    """
    found: dict[Path, str] = {} if model.schema is None else fields_of_schema("JSON", model.schema)
    to, topic = model.to, model.topic
    for more in (_registered(to, topic), paths_seen(_values(to, topic)), paths_seen([_written(model)])):
        for path, kind in more.items():
            found[path] = found.get(path) or kind
    ordered = sorted(found, key=len)[:MOST]
    return [{"path": list(path), "kind": found[path]} for path in ordered]


def _registered(session: DataSession, topic: str) -> dict[Path, str]:
    """Return the fields of the newest schema of the topic's values."""
    if session.registry is None:
        return {}
    subjects = Subjects(session.registry.client)
    for subject in (topic, f"{topic}-value"):
        with suppress(BrokerError, TimeoutError):
            newest = subjects.version(subject)
            return fields_of_schema(newest.type, newest.text)
    return {}


def _values(session: DataSession, topic: str) -> list[Any]:
    """Return the newest values of the topic; none where looking has a side effect."""
    if session.capabilities.side_effects["peek"] != "none":
        return []
    with suppress(BrokerError, TimeoutError):
        newest = session.peek(topic, NEWEST, max_bytes=4 * LOOKED_AT_BYTES)
        values: list[Any] = newest["value"].dropna().tolist()[::-1]
        return values
    return []


def _written(model: ComposerModel) -> Any:
    item = model.item
    return None if isinstance(item, BrokerError) else model.text or item.data
