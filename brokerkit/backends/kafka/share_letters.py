"""The records that share groups gave up, with what the broker's copy of them lacks: their own headers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import NotFound, Unavailable
from brokerkit.core.vocabulary.topics import Slice

from .connection import KafkaConnection
from .options import Properties
from .reader import KafkaReader

PREFIX = "__dlq.errors."
WAIT_SECONDS = 0.2
Place = tuple[str, int, int]
Record = tuple[Any, Any, Any]


def originals(
    connection: KafkaConnection, properties: Properties, columns: Columns, deadline: Deadline
) -> Columns:
    """Return the rows with key, payload and headers of the records that they are copies of.

    A record that is not there any more stays as the broker copied it.
    """
    places = [_place(each) for each in columns.values("attributes")]
    wanted = sorted({each for each in places if each is not None})
    if not wanted:
        return columns
    found = _records(connection, properties, wanted, deadline)
    rows = columns.as_lists()
    keys, values, attributes = (rows.to_list(name) for name in ("key", "value", "attributes"))
    for row, place in enumerate(places):
        if place is not None and place in found:
            keys[row], values[row], own = found[place]
            attributes[row] = [*(own or ()), *(attributes[row] or ())]
    return Columns(
        columns.length,
        topic=rows.topic,
        partition=rows.partition,
        offset=rows.offset,
        id=rows.id,
        key=keys,
        value=values,
        attributes=attributes,
        publish_time=rows.publish_time,
        ingestion_time=rows.ingestion_time,
    )


def _place(attributes: Any) -> Place | None:
    """Return where a record was, if a share group gave it up."""
    told = Attributes.trusted(attributes)
    topic, partition, offset = (told.text(PREFIX + name) for name in ("topic", "partition", "offset"))
    if topic is None or not (partition or "").isdecimal() or not (offset or "").isdecimal():
        return None
    return topic, int(partition or 0), int(offset or 0)


def _records(
    connection: KafkaConnection, properties: Properties, wanted: Sequence[Place], deadline: Deadline
) -> dict[Place, Record]:
    """Return key, payload and headers of records, by their places.

    Raises:
        Unavailable: The time was up before each was looked for: they are not known to be gone.
    """
    reader = KafkaReader(connection, properties)
    found: dict[Place, Record] = {}
    unread = set(wanted)
    try:
        for place in wanted:
            if place not in unread:
                continue
            unread.remove(place)
            topic, partition, offset = place
            try:
                bounds = {each.partition: each for each in connection.bounds_of(topic, deadline)}
            except NotFound:
                continue
            if partition not in bounds or not bounds[partition].start <= offset < bounds[partition].end:
                continue
            # records that follow are likely to be wanted too
            end = min(bounds[partition].end, offset + 500)
            reader.start(Slice(topic, partition, offset, end), attributes=True)
            while (columns := reader.fetch(WAIT_SECONDS)) is not None:
                named = (columns.values(name) for name in ("offset", "key", "value", "attributes"))
                for at, key, value, own in zip(*named, strict=True):
                    here = (topic, partition, at)
                    if here == place or here in unread:
                        unread.discard(here)
                        found[here] = (key, value, own)
                if deadline.passed and (unread or place not in found):
                    raise Unavailable(
                        f"{len(wanted) - len(found):,} of {len(wanted):,} records that share groups gave up "
                        f"could not be read within {deadline.seconds:g} s: call it again"
                    )
            reader.stop()
    finally:
        reader.close(1.0)
    return found
