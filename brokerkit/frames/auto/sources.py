"""The sources of schemas that this process reads with, so that a frame can be judged again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from weakref import WeakSet

from brokerkit.registry import SchemaSource

from ..arrow import Array
from ..codecs.framing import NAMES
from ..decoded import Payloads
from .decoder import AutoDecoder
from .writing import RegisteredWriting

_sources: WeakSet[SchemaSource] = WeakSet()


def auto_with(source: SchemaSource) -> AutoDecoder:
    """Return the decoder `auto` with a source of schemas, and remember the source while it is in use."""
    _sources.add(source)
    return AutoDecoder(source)


def known_auto(name: str | None = None) -> AutoDecoder:
    """Return the decoder `auto` with the source of this name, or without one if it is not known here.

    Args:
        name: The name; None is that of the only source, if there is one.
    """
    found = [source for source in _sources if name in (None, source.name)]
    return AutoDecoder(found[0]) if found and (name is not None or len(found) == 1) else AutoDecoder()


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
