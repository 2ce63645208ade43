"""How the newest message of a topic names its schema, so that others name theirs alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.frames.auto.fingerprints import FingerprintedRegistry, SeveralSchemas
from brokerkit.frames.codecs.framing import Framing, framings, with_message
from brokerkit.registry import Registry

from ..newest_payloads import newest_payloads

if TYPE_CHECKING:
    from ..base import BrokerSession


def framing_of(session: BrokerSession, topic: str, registry: Registry) -> Framing | None:
    """Return the framing of the newest message that names a schema of the registry; None if none is found.

    This peeks, without side effects; a topic that cannot be read so has no framing.
    """
    try:
        rows = newest_payloads(session, topic)
    except BrokerError:
        # the message is published even if the topic cannot be looked at
        return None
    source = FingerprintedRegistry(registry)
    for payload, attributes in reversed(rows):
        for framing in framings(payload, attributes, "value"):
            try:
                schema = source.resolve(framing.ref)
            except SeveralSchemas:
                return framing
            except BrokerError:
                continue
            if schema.type != "PROTOBUF":
                return framing
            try:
                return with_message(framing, payload)[0]
            except ValueError:
                continue
    return None
