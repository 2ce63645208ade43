"""How the newest message of a topic names its schema, so that others name theirs alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.windows import LATENESS
from brokerkit.frames.auto.fingerprints import FingerprintedRegistry
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.codecs.framing import Framing, framings, with_message
from brokerkit.registry import Registry

from ..arguments import MAX_BYTES
from ..filters import Filter
from ..read.peek import Peek
from ..read.ranges import parse_range, range_finder

if TYPE_CHECKING:
    from ..base import BrokerSession

LOOKED_AT = 10
"""How many of the newest messages are looked at: the newest may have no payload."""


def framing_of(session: BrokerSession, topic: str, registry: Registry) -> Framing | None:
    """Return the framing of the newest message that names a schema of the registry; None if none is found.

    This peeks, without side effects; a topic that cannot be read so has no framing.
    """
    try:
        rows = _newest(session, topic)
    except BrokerError:
        # the message is published even if the topic cannot be looked at
        return None
    source = FingerprintedRegistry(registry)
    for payload, attributes in reversed(rows):
        for framing in framings(payload, attributes, "value"):
            try:
                schema = source.resolve(framing.ref)
            except BrokerError:
                continue
            if schema.type != "PROTOBUF":
                return framing
            try:
                return with_message(framing, payload)[0]
            except ValueError:
                continue
    return None


def _newest(session: BrokerSession, topic: str) -> list[tuple[bytes, dict[str, bytes]]]:
    """Return the payloads and the attributes of the newest messages, the newest last."""
    # without the mask of the session: what names the schema is not shown
    peek = Peek(
        session.inspector,
        range_finder(session, False),
        FrameBuilder("raw", True, key_decoder="raw"),
        Filter(),
        limit=LOOKED_AT,
        max_bytes=MAX_BYTES,
    )
    peek.plan(topic, parse_range(None, None, LATENESS), newest=True)
    peek.read(progress=False)
    table = peek.table()
    found: list[tuple[bytes, dict[str, bytes]]] = []
    for payload, pairs in zip(
        table.column("raw").to_pylist(), table.column("attributes").to_pylist(), strict=True
    ):
        if payload is not None:
            found.append((payload, {pair["name"]: pair["value"] or b"" for pair in pairs or ()}))
    return found
