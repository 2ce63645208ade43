"""The note for a registry that has none of the schemas that a topic names, since it is perhaps another's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.notes import note
from brokerkit.registry import SchemaSource, SchemasUnknownWarning, TopicSchemas

from ..codecs.bodies import Rows
from ..codecs.framing import Framing
from ..decoded import Payloads

NUMBER_BYTES = 8
"""Payloads that all have this size may be binary numbers, which begin with zeros as well."""
FEWEST_ROWS = 2
MOST_IDS = 20
"""More different ids than a topic has schemas are noise."""
_SHOWN = 5


def note_of_unknown_ids(
    source: SchemaSource, payloads: Payloads, unknown: Iterable[tuple[Framing, Rows, str]]
) -> bool:
    """Say that a source has no schema of a whole batch of one topic, and return whether that was said.

    Args:
        payloads: The batch, without the rows that are text.
        unknown: The framings whose schema is surely not there, with their rows.
    """
    if len(payloads) < FEWEST_ROWS or not isinstance(payloads.topic, str):
        return False
    named = np.zeros(len(payloads), np.bool_)
    ids: dict[str, None] = {}
    for framing, rows, _ in unknown:
        # the other readings of the same bytes say no more
        if framing.declared or framing.ref.kind == "id":
            named[rows] = True
            ids.setdefault(str(framing.ref))
    data: Any = payloads.data
    sizes = pc.unique(pc.binary_length(data)).to_pylist()
    if not ids or len(ids) > MOST_IDS or not named.all() or sizes == [NUMBER_BYTES]:
        return False
    shown = ", ".join([*ids][:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
    part = "key" if payloads.is_key else "value"
    note(
        f"all {len(payloads):,} {part}s of {payloads.topic!r} that are not text name schemas that "
        f"{source.name} does not have ({shown}){_of_topic(source, payloads.topic, part)}: connect with the "
        "registry that they were written with",
        SchemasUnknownWarning,
    )
    return True


def _of_topic(source: SchemaSource, topic: str, part: str) -> str:
    if not isinstance(source, TopicSchemas):
        return ""
    try:
        found = source.of_topic(topic, part)
    except BrokerError:
        # a right may be missing, and the note is about something else
        return ""
    return f"; it has {found}" if found else ""
