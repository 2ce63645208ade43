"""The largest message that a topic takes by its own policy.

The client library does not know this policy. It takes the refusal for a lost connection, and sends the
message again until its time is up, with all that come after it. So what is too large is not sent.
"""

from __future__ import annotations

import time

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotSupported, TooLarge, Unauthorized

from .codec import Encoded
from .log import log
from .topic_policies import policy
from .topics import Topics
from .wire import bytes_field, number_field

LOOKUP_SECONDS = 2.0
PAUSE = 30
"""For how many times the time that it did not answer a REST endpoint is not asked again."""
FRAME_BYTES = 10
"""The checksum and the lengths in front of a message."""
WHOLE_BYTES = 5 * 1024 * 1024
"""Brokers take chunks of larger messages without a look at the policy of the topic."""
_NEVER_TOLD = (ConfigError, NotSupported, Unauthorized)
LARGEST_SEQUENCE = 2**42
PRODUCER, SEQUENCE, TIME, PROPERTY, KEY, EVENT_TIME, ORDERING_KEY, SCHEMA = 1, 2, 3, 4, 6, 12, 18, 16
"""The numbers of the fields of a message."""


class SizeLimits:
    """The limits of the topics that are published to. A limit is looked up once, and again after `forget`."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._known: dict[str, int | None] = {}
        self._pause = Deadline(0.0)

    def of(self, topic: str, deadline: Deadline) -> int | None:
        """Return the limit of a topic in bytes. None if it has none of its own, or if that is not known."""
        rest = self._topics.rest
        if rest is None:
            return None
        if topic not in self._known:
            if not self._pause.passed:
                return None
            seconds = min(LOOKUP_SECONDS, deadline.remaining() / 4)
            within = Deadline(seconds)
            try:
                found = policy(rest, self._topics.full(topic), "maxMessageSize", within)
            except (BrokerError, ValueError) as error:
                log.info("the size limit of %s is unknown: %s", topic, error)
                if within.passed:
                    self._pause = Deadline(PAUSE * seconds)
                if not isinstance(error, _NEVER_TOLD):
                    return None
                found = None
            self._known[topic] = found if isinstance(found, int) and found > 0 else None
        return self._known[topic]

    def forget(self, topic: str) -> None:
        """Look the limit of a topic up again: it may have been changed."""
        self._known.pop(topic, None)
        self._pause = Deadline(0.0)


def check_size(encoded: Encoded, producer: str, limit: int, *, chunking: bool) -> None:
    """Raise TooLarge if a message is larger than its topic takes.

    Args:
        producer: The name of the producer.
        chunking: Whether the library cuts messages that are larger than the brokers take.
    """
    size = _size(encoded, producer)
    if size > limit and not (chunking and size > WHOLE_BYTES):
        raise TooLarge(
            f"the message has about {size:,} bytes with its key and attributes; the topic takes {limit:,} by "
            "its policy (maxMessageSize)"
        )


def _size(encoded: Encoded, producer: str) -> int:
    """Return the size of a message as brokers count it, or a few bytes more."""
    fields = encoded.fields
    known = [
        bytes_field(PRODUCER, producer.encode()),
        number_field(SEQUENCE, LARGEST_SEQUENCE),
        number_field(TIME, int(time.time() * 1000)),
        bytes_field(SCHEMA, bytes(8)),
    ]
    if encoded.partition_key is not None:
        known.append(bytes_field(KEY, encoded.partition_key.encode()))
    if "ordering_key" in fields:
        known.append(bytes_field(ORDERING_KEY, fields["ordering_key"].encode()))
    if "event_timestamp" in fields:
        known.append(number_field(EVENT_TIME, fields["event_timestamp"]))
    for name, value in (encoded.properties or {}).items():
        known.append(bytes_field(PROPERTY, bytes_field(1, name.encode()) + bytes_field(2, value.encode())))
    return FRAME_BYTES + sum(map(len, known)) + len(encoded.content or b"")
