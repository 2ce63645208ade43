"""Why a system cannot store a message as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..vocabulary.arguments import unencodable
from ..vocabulary.attributes import type_name
from ..vocabulary.capabilities import Capabilities, TimeUnit
from ..vocabulary.errors import BrokerError, ConfigError, NotSupported, TooLarge
from ..vocabulary.messages import OutboundMessage
from ..vocabulary.outbound_rows import OutboundRows


def refusal(message: OutboundMessage, capabilities: Capabilities) -> BrokerError | None:
    """Return why this system cannot store the message as it is, or None.

    Raises:
        TypeError: It is not an `OutboundMessage`, or an attribute has a type that the system cannot carry.
    """
    if not isinstance(message, OutboundMessage):
        raise TypeError(f"expected an OutboundMessage, not {type(message).__name__}")
    if message.data is None and not capabilities.null_value:
        return ConfigError("this system has no null payload: publish b'' or leave the message out")
    if message.key is not None:
        if message.key == b"" and not capabilities.empty_key:
            return ConfigError("this system cannot tell an empty key from none: use key=None or a longer key")
        if capabilities.keys == "text" and not _is_text(message.key):
            return ConfigError("a key of this system must be UTF-8 text: encode it, for example as base64")
    if message.partition is not None and not capabilities.publish_partition:
        return NotSupported(
            f"this system chooses the partition itself and does not take partition={message.partition}: "
            "leave it out"
        )
    if message.publish_time is not None:
        refused = _time_refusal(message.publish_time, capabilities.publish_time)
        if refused is not None:
            return refused
    if message.attributes:
        return _attribute_refusal(message, capabilities)
    return None


def size_refusal(data: bytes | None, limit: int | None) -> BrokerError | None:
    """Return why a payload is too large for this system, or None."""
    if limit is None or data is None or len(data) <= limit:
        return None
    return TooLarge(f"the payload has {len(data):,} bytes; the limit here is {limit:,}")


def rows_refused(rows: OutboundRows, capabilities: Capabilities, limit: int | None) -> dict[int, BrokerError]:
    """Return why this system cannot store some of these rows.

    Args:
        rows: The messages, as columns.
        capabilities: What the system can do.
        limit: The bytes that a payload may have.
    """
    if _surely_carried(rows, capabilities, limit):
        return {}
    found: dict[int, BrokerError] = {}
    for row in range(len(rows)):
        message = rows.message(row)
        try:
            refused = refusal(message, capabilities) or size_refusal(message.data, limit)
        except TypeError as error:
            refused = ConfigError(str(error))
        if refused is not None:
            found[row] = refused
    return found


def _surely_carried(rows: OutboundRows, capabilities: Capabilities, limit: int | None) -> bool:
    """Tell whether no row can be refused, from what the columns have as a whole."""
    data, keys = rows.data, rows.keys
    return (
        (capabilities.null_value or None not in data)
        and (keys is None or capabilities.empty_key or b"" not in keys)
        and (keys is None or capabilities.keys != "text" or all(map(bytes.isascii, filter(None, keys))))
        and (rows.partitions is None or capabilities.publish_partition)
        and (rows.times is None or _times_carried(rows.times, capabilities.publish_time))
        and (limit is None or max(map(len, filter(None, data)), default=0) <= limit)
        and (rows.attributes is None or _attributes_carried(rows, capabilities))
    )


def _times_carried(times: Sequence[datetime | None], unit: TimeUnit | None) -> bool:
    if unit == "milliseconds":
        return all(moment is None or moment.microsecond % 1000 == 0 for moment in times)
    return unit is not None


def _attributes_carried(rows: OutboundRows, capabilities: Capabilities) -> bool:
    facts, attributes = rows.facts, rows.attributes or ()
    examples = {type(value): value for _, value in facts.pairs}
    return (
        capabilities.attribute_types >= {type_name(each) for each in examples.values()}
        and all(unencodable(name) is None for name in facts.names)
        and not (
            str in facts.types and any(type(each) is str and unencodable(each) for _, each in facts.pairs)
        )
        and (capabilities.duplicate_attributes or all(len(dict(each)) == len(each) for each in attributes))
    )


def _time_refusal(moment: datetime, unit: TimeUnit | None) -> BrokerError | None:
    """Return why this system cannot keep a `publish_time`, or None."""
    if unit is None:
        return NotSupported(
            "this system stamps messages itself and does not take publish_time=: leave it out, or put the "
            "time into an attribute"
        )
    if unit == "milliseconds" and moment.microsecond % 1000:
        return ConfigError(
            f"publish_time {moment.isoformat()} has microseconds, and this system keeps milliseconds: round "
            "it, for example with t.replace(microsecond=t.microsecond // 1000 * 1000)"
        )
    return None


def _is_text(value: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _attribute_refusal(message: OutboundMessage, capabilities: Capabilities) -> BrokerError | None:
    """Return why this system cannot keep the attributes of a message, or None."""
    names = set()
    for name, value in message.attributes:
        kind = type_name(value)
        if kind not in capabilities.attribute_types:
            raise TypeError(
                f"attribute {name!r} is {type(value).__name__}, which this system does not carry: "
                f"expected {' or '.join(sorted(capabilities.attribute_types))}; encode it yourself"
            )
        wrong = unencodable(name) or (unencodable(value) if type(value) is str else None)
        if wrong is not None:
            return ConfigError(f"attribute {name!a:.60} has {wrong}: send bytes instead, or repair the text")
        if name in names and not capabilities.duplicate_attributes:
            return ConfigError(f"attribute {name!r} is given twice, and this system keeps only one")
        names.add(name)
    return None
