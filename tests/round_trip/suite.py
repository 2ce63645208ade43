"""What goes out comes back equal, twice; what cannot be carried is refused before anything is sent.

A subclass in a file of its own has the fixture `desk`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokerkit.core import Capabilities, OutboundMessage
from brokerkit.core.vocabulary.attribute_bytes import parts_of
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.frames.attributes import attributes_array, pairs_of
from brokerkit.workbench import Session

from .shapes import odd, promised, unpromised

EXAMPLES = 8
SOAK_EXAMPLES = 200
MESSAGES = 12
"""In one topic at most: a topic costs more than a message."""
LARGE_BYTES = 200_000
_numbers = count(1)

Shape = tuple[bytes | None, bytes | None, tuple[Any, ...]]
"""Key, payload and attributes."""

quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)
long = settings(quick, max_examples=SOAK_EXAMPLES, derandomize=False)


class Desk:
    """A session, with topics whose messages can be read back.

    topic_options: what makes a topic here. own: attributes that a system adds to what is published.
    """

    def __init__(self, session: Session, *, own: Sequence[str] = (), **topic_options: Any) -> None:
        self.session = session
        self.own = frozenset(own)
        self._topic_options = topic_options

    @property
    def capabilities(self) -> Capabilities:
        return self.session.capabilities

    def topic(self, **options: Any) -> str:
        name = f"round-trip-{next(_numbers)}"
        self.session.create_topic(name, **{**self._topic_options, **options})
        if self.capabilities.slices == "never":
            self.session.create_subscription(name, f"{name}-all", start="earliest")
        return name

    def read(self, topic: str, expected: int) -> pd.DataFrame:
        """All messages of a topic; `expected` says when a subscription has given all."""
        if self.capabilities.slices != "never":
            return self.session.scan(topic, progress=False).to_pandas()
        name = f"{topic}-all"
        found = (
            self.session.pull(topic, expected, subscription=name, timeout=60.0, idle=20.0)
            if expected
            else None
        )
        more = self.session.pull(topic, 1, subscription=name, timeout=0.3)
        return more if found is None else pd.concat([found, more]) if len(more) else found

    def shapes(self, found: pd.DataFrame) -> list[Shape]:
        """What a frame of this system says of its messages."""
        keys = _either(found["key"], found["raw_key"])
        data = _either(found["value"], found["raw"])
        column = pa.table({"attributes": found["attributes"].array}).column("attributes")
        attributes, wrong = pairs_of(column.combine_chunks())
        assert not wrong
        return [self.shape(*each) for each in zip(keys, data, attributes, strict=True)]

    def shape(self, key: bytes | None, data: bytes | None, attributes: Attributes) -> Shape:
        """A message as it can be compared: attributes in order where order is kept, without the added ones."""
        pairs = [self._as_read(parts_of(pair)) for pair in attributes if pair[0] not in self.own]
        return key, data, tuple(pairs if self.capabilities.duplicate_attributes else sorted(pairs, key=repr))

    def _as_read(self, parts: tuple[str, bytes | None, str]) -> tuple[str, bytes | None, str]:
        name, value, kind = parts
        return name, value, self.capabilities.attributes_read_as if kind == "string" else kind

    def same(self, found: Sequence[Shape], expected: Sequence[Shape]) -> None:
        """Both have the same, in the same order where the system keeps one."""
        if self.capabilities.slices == "never":
            assert Counter(found) == Counter(expected)
        else:
            assert list(found) == list(expected)


def _either(text: pd.Series[Any], raw: pd.Series[Any]) -> list[bytes | None]:
    rows = zip(text.to_list(), raw.to_list(), strict=True)
    return [
        second if isinstance(second, bytes) else first.encode() if isinstance(first, str) else None
        for first, second in rows
    ]


def frame_of(messages: Sequence[OutboundMessage]) -> pd.DataFrame:
    """A frame of messages, as a session gives it."""
    keys = [_text_and_bytes(message.key) for message in messages]
    data = [_text_and_bytes(message.data) for message in messages]
    table = pa.table(
        {
            "key": pa.array([text for text, _ in keys], pa.string()),
            "raw_key": pa.array([raw for _, raw in keys], pa.binary()),
            "value": pa.array([text for text, _ in data], pa.large_string()),
            "raw": pa.array([raw for _, raw in data], pa.large_binary()),
            "attributes": attributes_array([list(message.attributes) for message in messages], len(messages)),
        }
    )
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def _text_and_bytes(data: bytes | None) -> tuple[str | None, bytes | None]:
    try:
        return (None if data is None else data.decode()), None
    except UnicodeDecodeError:
        return None, data


def there_and_back_twice(desk: Desk, messages: Sequence[OutboundMessage], *, all_of_them: bool) -> None:
    """Publish, read, publish what was read, read: both times what was confirmed is there, equal, and no more."""
    topic = desk.topic()
    outcome = desk.session.publish_frame(topic, frame_of(messages), kind="messages", progress=False)
    assert list(outcome["row"]) == list(range(len(messages)))
    refused = outcome[outcome["status"] != "confirmed"]
    assert not all_of_them or not len(refused), f"refused: {refused['error'].to_list()}"
    assert refused["status"].eq("failed").all()
    assert refused["error"].notna().all()
    sent = [messages[row] for row in outcome["row"][outcome["status"] == "confirmed"]]
    expected = [desk.shape(message.key, message.data, message.attributes) for message in sent]

    first = desk.read(topic, len(sent))
    desk.same(desk.shapes(first), expected)

    again = desk.topic()
    outcome = desk.session.publish_frame(again, first, progress=False)
    assert outcome["status"].eq("confirmed").all(), outcome["error"].dropna().to_list()
    desk.same(desk.shapes(desk.read(again, len(sent))), desk.shapes(first))


@pytest.mark.timeout(110)
class RoundTrip:
    """The property, and what lies at its edges."""

    def test_promised_types_come_back_equal_twice(self, desk: Desk) -> None:
        _promised(quick, desk)

    def test_odd_values_come_back_equal_twice_or_are_refused(self, desk: Desk) -> None:
        _odd(quick, desk)

    @pytest.mark.soak
    @pytest.mark.timeout(1200)
    def test_many_shapes_come_back_equal_twice_or_are_refused(self, desk: Desk) -> None:
        _promised(long, desk)
        _odd(long, desk)

    def test_large_payloads_come_back_equal_twice(self, desk: Desk) -> None:
        large = [OutboundMessage(bytes([number]) * LARGE_BYTES, "k") for number in (0, 65, 255)]
        there_and_back_twice(desk, large, all_of_them=True)

    def test_types_that_are_not_promised_are_refused_and_not_stored(self, desk: Desk) -> None:
        topic = desk.topic()
        for message in unpromised(desk.capabilities):
            with pytest.raises((BrokerError, TypeError)):
                desk.session.publish_batch(topic, [message])
        desk.session.publish(topic, "the only one")
        assert desk.read(topic, 1)["value"].to_list() == ["the only one"]


@pytest.mark.timeout(110)
class Placing:
    """For systems that let a message name its partition and its time."""

    def test_partitions_and_times_come_back_as_they_were_named(self, desk: Desk) -> None:
        topic = desk.topic(partitions=3)
        # of this week, or retention would take them away
        begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
        places = [(number % 3, begin + timedelta(milliseconds=number * 77 % 1009)) for number in range(60)]
        messages = [
            OutboundMessage(str(number), f"k{number % 7}", partition=partition, publish_time=time)
            for number, (partition, time) in enumerate(places)
        ]
        desk.session.publish_batch(topic, messages)
        found = desk.read(topic, len(messages))
        assert _places(found) == dict(enumerate(places))
        again = desk.topic(partitions=3)
        assert desk.session.publish_frame(again, found, progress=False)["status"].eq("confirmed").all()
        assert _places(desk.read(again, len(messages))) == dict(enumerate(places))


def _places(found: pd.DataFrame) -> dict[int, tuple[int, datetime]]:
    """Partition and time of each number in a frame."""
    rows = zip(found["value"], found["partition"], found["publish_time"], strict=True)
    return {int(value): (int(partition), time.to_pydatetime()) for value, partition, time in rows}


def _promised(effort: settings, desk: Desk) -> None:
    @effort
    @given(st.lists(promised(desk.capabilities), min_size=1, max_size=MESSAGES))
    def check(messages: list[OutboundMessage]) -> None:
        there_and_back_twice(desk, messages, all_of_them=True)

    check()


def _odd(effort: settings, desk: Desk) -> None:
    @effort
    @given(st.lists(odd(desk.capabilities), min_size=1, max_size=MESSAGES))
    def check(messages: list[OutboundMessage]) -> None:
        there_and_back_twice(desk, messages, all_of_them=False)

    check()
