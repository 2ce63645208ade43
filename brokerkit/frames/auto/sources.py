"""The sources of schemas that this process reads with, so that a frame can be judged again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from brokerkit.registry import SchemaSource

from ..arrow import Array
from ..codecs.framing import NAMES
from ..decoded import Payloads
from .decoder import AutoDecoder
from .writing import RegisteredWriting

_sources: WeakKeyDictionary[SchemaSource, int] = WeakKeyDictionary()
"""Each source, and when it was used last."""
_uses = count()


def auto_with(source: SchemaSource, *, validates: bool = False) -> AutoDecoder:
    """Return the decoder `auto` with a source of schemas, and remember the source while it is in use."""
    _sources[source] = next(_uses)
    return AutoDecoder(source, validates)


def known_auto(name: str | None = None, *, validates: bool = False) -> AutoDecoder:
    """Return the decoder `auto` with the source of this name, or without one if it is not known here.

    Sessions with the same broker have sources of the same name, and some may be closed: the one that was used
    last counts.

    Args:
        name: The name; None is that of the only source, if there is one.
        validates: Whether payloads are checked against the JSON Schema that they name.
    """
    found = {source: used for source, used in list(_sources.items()) if name in (None, source.name)}
    if not found or (name is None and len(found) > 1):
        return AutoDecoder()
    return AutoDecoder(max(found, key=found.__getitem__), validates)


class Registered(NamedTuple):
    """How one source reads payloads.

    Attributes:
        texts: The texts; None where a payload names no schema of the source.
        writing: Writes what was edited.
    """

    texts: list[str | None]
    writing: RegisteredWriting


def registered_texts(data: Array, attributes: Array | None, *, is_key: bool = False) -> Iterator[Registered]:
    """Yield how each source that is known here reads payloads."""
    for source in list(_sources):
        found = AutoDecoder(source).decode(Payloads(data, attributes=attributes, is_key=is_key))
        if found.schema is not None:
            valid = found.schema.is_valid().to_pylist()
            yield Registered(
                [text if named else None for text, named in zip(found.value.to_pylist(), valid, strict=True)],
                RegisteredWriting(source),
            )


def names_schema(format: Any) -> bool:
    """Return whether a format is that of a payload which names its schema."""
    parts = format.split("+") if isinstance(format, str) else []
    return len(parts) > 1 and parts[-2] in NAMES
