"""Why a system cannot store a message as it is."""

from __future__ import annotations

from datetime import datetime

from ..vocabulary.arguments import unencodable
from ..vocabulary.attributes import type_name
from ..vocabulary.capabilities import Capabilities, TimeUnit
from ..vocabulary.errors import BrokerError, ConfigError, NotSupported
from ..vocabulary.messages import OutboundMessage


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
