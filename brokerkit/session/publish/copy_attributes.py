"""Messages on their way to a system that may not carry all their parts.

The parts that it cannot carry travel in attributes with names of brokerkit, and are put back as soon as a
system can carry them::

    bk-publish-time   when it was first published: ISO 8601, UTC, microseconds; only where the target does
                      not keep the time of a message itself, or not to the microsecond
    bk-key            the key, as base64
    bk-null           "1": the payload is null, and not empty as it looks
    bk-attributes     the attributes that it cannot carry, as base64 of a JSON list of
                      [name, base64 of the value, type, place among all of them]
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from brokerkit.core.runtime.refusal import refusal
from brokerkit.core.vocabulary.attribute_bytes import parts_of
from brokerkit.core.vocabulary.attributes import Attributes, Pair, type_name
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.messages import OutboundMessage, to_microseconds
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.frames.carried import ATTRIBUTES, KEY, NULL, PUBLISH_TIME, opened, together

if TYPE_CHECKING:
    from .placement import Placement

SHOWN_NAMES = 5
NO_REFERENCES: frozenset[str] = frozenset()
TOLD = f"these get the current time, and their own is kept in the attribute {PUBLISH_TIME}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def messages_to_copy(
    columns: Columns,
    target: Capabilities,
    placement: Placement | None = None,
    *,
    source: Capabilities | None = None,
    elsewhere: bool = True,
) -> list[OutboundMessage]:
    """Return the rows of a batch as messages that `target` returns complete.

    Args:
        columns: The rows.
        target: The features of the system they are sent to.
        placement: Decides which of them keep their partition and time; None lets the target decide.
        source: The features of the system they come from. Where it reads text as bytes, what is UTF-8 is sent
            as text to a system that has no bytes.
        elsewhere: Whether they come from another broker.
    """
    references = NO_REFERENCES if elsewhere else target.references
    originals = _opened_all(columns)
    if source is not None and source.attributes_read_as == "bytes" and "bytes" not in target.attribute_types:
        for message in originals:
            message.attributes = Attributes((name, _as_text(value)) for name, value in message.attributes)
    firsts = [_first_time(message.attributes) for message in originals]
    times = _times(columns, firsts)
    kept = placement.times(times, told=TOLD) if placement is not None else [(None, False)] * len(times)
    messages = [
        _carried(message, time, known, moment, exact, target, references)
        for message, time, known, (moment, exact) in zip(originals, times, firsts, kept, strict=True)
    ]
    if placement is not None and placement.same:
        for message, number in zip(messages, columns.values("partition"), strict=True):
            message.partition = number
    return messages


def named(result: PublishResult, message: OutboundMessage) -> PublishResult:
    """Return the result of a copied message; an error about ``bk-attributes`` names those that are in it."""
    error = result.error
    if error is None or ATTRIBUTES not in str(error):
        return result
    text = message.attributes.text(ATTRIBUTES)
    names = [name for name, _ in together([], text)] if text is not None else []
    shown = [f"{name!r:.60}" for name in names[:SHOWN_NAMES]] + ["..."] * (len(names) > SHOWN_NAMES)
    told = type(error)(
        f"the attributes that this system does not carry as they are ({', '.join(shown)}): {error}"
    )
    told.__cause__ = error
    return replace(result, error=told)


def times_of(columns: Columns) -> list[int | None]:
    """Return when each row was first published, in microseconds."""
    return _times(columns, [_first_time(Attributes(each)) for each in columns.values("attributes")])


def _times(columns: Columns, firsts: Sequence[int | None]) -> list[int | None]:
    own = map(_micros, columns.values("publish_time"))
    return [now if first is None else first for first, now in zip(firsts, own, strict=True)]


def _opened_all(columns: Columns) -> list[OutboundMessage]:
    rows = zip(columns.values("value"), columns.values("key"), columns.values("attributes"), strict=True)
    return [opened(value, key, Attributes(attributes)) for value, key, attributes in rows]


def _first_time(attributes: Attributes) -> int | None:
    """Return the time in ``bk-publish-time``, in microseconds; None if it has none."""
    text = attributes.text(PUBLISH_TIME) if attributes else None
    try:
        return None if text is None else to_microseconds(datetime.fromisoformat(text))
    except ValueError:
        return None


def _carried(
    message: OutboundMessage,
    time: int | None,
    first: int | None,
    moment: datetime | None,
    exact: bool,
    target: Capabilities,
    references: frozenset[str],
) -> OutboundMessage:
    """Return the message as the target can carry it.

    Args:
        message: The message as it was first published.
        time: The time of its publication.
        first: The same where an attribute says it.
        moment: The time that it is given; None for the present.
        exact: Whether `moment` is `time` to the digit.
        target: The features of the system it is sent to.
        references: The attributes that the target gives their meaning again.
    """
    value, key, attributes = message.data, message.key, message.attributes
    # as text: some systems have the values of all attributes as bytes
    text = attributes.text(PUBLISH_TIME) if first is not None else None
    told: list[Pair] = [(PUBLISH_TIME, text)] if text is not None else []
    others = [pair for pair in attributes if not (told and pair[0] == PUBLISH_TIME)]
    if exact:
        told = []
    elif not told and time is not None and PUBLISH_TIME not in message.attributes.names():
        told = [(PUBLISH_TIME, written(time))]
    ours: list[Pair] = []
    if value is None and not target.null_value:
        value = b""
        ours.append((NULL, "1"))
    if key is not None and refusal(OutboundMessage(b"", key), target) is not None:
        ours.append((KEY, b64encode(key).decode()))
        key = None
    others, packed = _apart(others, target, references)
    if packed:
        ours.append((ATTRIBUTES, _packed(packed)))
    return OutboundMessage(value, key, [*others, *ours, *told], publish_time=moment)


def written(micros: int) -> str:
    """Return a time as text, as ``bk-publish-time`` has it."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")


def _apart(
    attributes: Sequence[Pair], target: Capabilities, references: frozenset[str]
) -> tuple[list[Pair], list[tuple[int, Pair]]]:
    """Split attributes into those that a system returns unchanged, and the others with their places."""
    names = Counter(name for name, _ in attributes)
    plain: list[Pair] = []
    others: list[tuple[int, Pair]] = []
    for place, pair in enumerate(attributes):
        if pair[0] in references or _survives(pair, names[pair[0]] > 1, target):
            plain.append(pair)
        else:
            others.append((place, pair))
    return plain, others


def _as_text(value: Any) -> Any:
    """Return bytes as text if they are UTF-8."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _survives(pair: Pair, repeated: bool, target: Capabilities) -> bool:
    if repeated and not target.duplicate_attributes:
        return False
    return type_name(pair[1]) in target.attribute_types and target.keeps_attribute(pair)


def _packed(attributes: Sequence[tuple[int, Pair]]) -> str:
    rows = []
    for place, pair in attributes:
        name, data, kind = parts_of(pair)
        rows.append([name, None if data is None else b64encode(data).decode(), kind, place])
    return b64encode(orjson.dumps(rows)).decode()


def _micros(value: Any) -> int | None:
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    return None if value is None else int(value)
