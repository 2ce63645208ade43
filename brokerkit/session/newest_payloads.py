"""The newest messages of a topic, and what they say about its schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import BrokerError, NotFound
from brokerkit.core.vocabulary.windows import LATENESS
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.codecs.framing import Framing, framings, with_message
from brokerkit.registry import RegisteredSchema, SchemaSource

from .arguments import MAX_BYTES
from .filters import Filter
from .read.peek import Peek
from .read.ranges import parse_range, range_finder

if TYPE_CHECKING:
    from .base import BrokerSession

LOOKED_AT = 10
"""How many of the newest messages are looked at: the newest may have no payload."""


def newest_payloads(
    session: BrokerSession, topic: str, *, key: bool = False, count: int = LOOKED_AT, newest: bool = True
) -> list[tuple[bytes, dict[str, bytes]]]:
    """Return the payloads, or the keys, and the attributes of the newest messages, the newest last.

    Args:
        count: How many messages are looked at.
        newest: False looks at the first ones.

    Raises:
        BrokerError: The topic cannot be read without side effects.
    """
    # without the mask of the session: what names the schema is not shown
    peek = Peek(
        session.inspector,
        range_finder(session, False),
        FrameBuilder("raw", True, key_decoder="raw"),
        Filter(),
        limit=count,
        max_bytes=MAX_BYTES,
    )
    peek.plan(topic, parse_range(None, None, LATENESS), newest=newest)
    peek.read(progress=False)
    table = peek.table()
    found: list[tuple[bytes, dict[str, bytes]]] = []
    for payload, pairs in zip(
        table.column("raw_key" if key else "raw").to_pylist(),
        table.column("attributes").to_pylist(),
        strict=True,
    ):
        if payload is not None:
            found.append((payload, {pair["name"]: pair["value"] or b"" for pair in pairs or ()}))
    return found


def named_schemas(
    session: BrokerSession, topic: str, source: SchemaSource, *, key: bool = False
) -> list[tuple[RegisteredSchema, Framing]]:
    """Return the schemas that the newest messages name, each once, the newest last.

    A topic that cannot be read without side effects names none.

    Raises:
        NotFound: There is no such topic.
    """
    try:
        rows = newest_payloads(session, topic, key=key)
    except NotFound:
        raise
    except BrokerError:
        return []
    found: dict[Framing, tuple[RegisteredSchema, Framing]] = {}
    for payload, attributes in rows:
        for framing in framings(payload, attributes, "key" if key else "value"):
            try:
                schema = source.resolve(framing.ref)
                named = with_message(framing, payload)[0] if schema.type == "PROTOBUF" else framing
            except (BrokerError, ValueError):
                continue
            found.pop(named, None)
            found[named] = schema, named
            break
    return list(found.values())
