"""Conversion of keys and attributes to NATS headers, and back.

A key is sent as base64 in the header ``Brokerkit-Key``. The key ``b""`` is an empty value; without a key
there is no header. The header ``Nats-Msg-Id`` identifies the message in the server's duplicate window: it is
the attribute of that name, otherwise an id made by this package. When a message is read, the key and such ids
are not among its attributes; all other headers are.

Other headers that begin with ``Nats-`` are refused. Some are commands to the server (``Nats-Rollup`` purges,
``Nats-Expected-Last-Sequence`` makes a publish fail); others are set by the server in messages that it copied
(``Nats-Sequence``). When a message that was read is sent again, they are renamed, as in ``bk-Nats-Rollup``,
and have no effect. Its ``Nats-Msg-Id`` becomes ``bk-message-id``, unless the id is to be kept.

A name may occur more than once, except that of the id.

nats-py strips values and replaces line breaks with spaces (measured). A value that it would change is
refused.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence, ValuesView
from functools import cached_property
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import MESSAGE_ID as OLD_ID
from brokerkit.core.vocabulary.messages import OutboundMessage, is_ours

KEY = "Brokerkit-Key"
MESSAGE_ID = "Nats-Msg-Id"
RESERVED = ("nats-", "brokerkit-")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LINE_BREAK = re.compile(r"[\r\n]")
# "NATS/1.0\r\n" before the headers, "\r\n" after them, and ": " and "\r\n" in each
_FRAME_BYTES = 12
_PAIR_BYTES = 4

_ONLY_ID = re.compile(rb"Nats-Msg-Id: ?bk-[0-9a-f]{32}[-.][^\r]*\r\n(?:\r\n)?")
_ONLY_IDS = re.compile(rb"(?:Nats-Msg-Id: ?bk-[0-9a-f]{32}[-.][^\r\0]*\r\n(?:\r\n)?\0)*")
RENAMED = "bk-"

Pairs = tuple[tuple[str, str], ...]


class Headers(Mapping[str, str]):
    """The headers of a received message, parsed on first access.

    As a mapping it has the last value of each name, as in nats-py.

    Attributes:
        raw: The headers as received.
        pairs: All names and values, in order.
    """

    __slots__ = ("__dict__", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    @cached_property
    def pairs(self) -> Pairs:
        found = []
        for line in self.raw.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if colon:
                found.append(
                    (name.strip().decode("ascii", "replace"), value.strip().decode("utf-8", "replace"))
                )
        return tuple(found)

    @property
    def only_an_id(self) -> bool:
        """Whether there is only a message id made by this package, as in most messages it publishes."""
        return _ONLY_ID.fullmatch(self.raw) is not None

    def __getitem__(self, name: str) -> str:
        return dict(self.pairs)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.pairs))

    def __len__(self) -> int:
        return len(dict(self.pairs))

    def __bool__(self) -> bool:
        return True


def only_ids(headers: Sequence[Mapping[str, str] | None]) -> bool:
    """Return whether no message has more than an id made by this package, as all that it publishes alone."""
    if {*map(type, headers)} != {Headers}:
        return False
    joined = b"\0".join([each.raw for each in headers]) + b"\0"  # type: ignore[union-attr]  # see above
    return joined.count(b"\0") == len(headers) and _ONLY_IDS.fullmatch(joined) is not None


class RepeatedHeaders(dict[str, str]):
    """The headers of a message to be sent, with names that occur more than once.

    As a mapping it has the last value of each name, as `Headers` has. `items` gives all pairs in order, and
    this is what nats-py sends.
    """

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self._pairs = dict(enumerate(pairs))

    def items(self) -> ValuesView[tuple[str, str]]:  # type: ignore[override]  # a dict has a name once
        return self._pairs.values()


def outbound(message: OutboundMessage, dedup_id: str) -> dict[str, str]:
    """Return the headers of a message to be sent.

    Args:
        message: The message.
        dedup_id: The id to use if no attribute gives one.

    Raises:
        ConfigError: An attribute would not be read back unchanged.
    """
    headers: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for given, value in message.attributes:
        name = _sent_as(given, message)
        check_name(name)
        if name == MESSAGE_ID and name in headers:
            raise ConfigError(f"attribute {name!r} is given twice; a message has one id")
        if type(value) is not str:
            raise ConfigError(f"attribute {name!r} must be text on NATS, not {type(value).__name__}")
        check_value(name, value)
        headers[name] = value
        pairs.append((name, value))
    repeated = len(pairs) > len(headers)
    ours: dict[str, str] = {}
    if MESSAGE_ID not in headers:
        check_value(MESSAGE_ID, dedup_id)
        ours[MESSAGE_ID] = dedup_id
    if message.key is not None:
        ours[KEY] = b64encode(message.key).decode("ascii")
    if repeated:
        return RepeatedHeaders((*pairs, *ours.items()))
    headers.update(ours)
    return headers


def _sent_as(name: str, message: OutboundMessage) -> str:
    """Return the name of the header for an attribute. It may be renamed if the message is sent again."""
    if message.sent_again is None or not name.lower().startswith(RESERVED):
        return name
    if name != MESSAGE_ID:
        return RENAMED + name
    if message.sent_again == "same id":
        return name
    # a message that was sent again before keeps its first id
    return OLD_ID if OLD_ID not in message.attributes.names() else RENAMED + name


def check_name(name: str) -> None:
    """Raise ConfigError for a name that cannot be a header or that is reserved."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be an attribute name on NATS: expected letters, digits and !#$%&'*+-.^_`|~ "
            "(ASCII only, no spaces or colons)"
        )
    if name.lower().startswith(RESERVED) and name != MESSAGE_ID:
        raise ConfigError(
            f"attribute names that begin with Nats- or Brokerkit- are reserved: {name!r}; only {MESSAGE_ID} "
            "may be given"
        )


def check_value(name: str, value: str) -> None:
    """Raise ConfigError for a value that nats-py would change."""
    if value != value.strip():
        raise ConfigError(
            f"the value of {name!r} begins or ends with white space, which NATS headers do not keep; "
            "put it into the payload, or encode it"
        )
    if _LINE_BREAK.search(value):
        raise ConfigError(
            f"the value of {name!r} has a line break, which NATS headers do not keep; encode it"
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(f"the value of {name!r} cannot be written as UTF-8: {error.reason}") from error


def size(headers: Mapping[str, str]) -> int:
    """Return the size of headers as sent, in bytes. The server counts them as part of the payload."""
    pairs = sum(len(name) + len(value.encode("utf-8")) + _PAIR_BYTES for name, value in headers.items())
    return pairs + _FRAME_BYTES


NOTHING: tuple[None, None] = (None, None)


def inbound(headers: Mapping[Any, str] | None) -> tuple[bytes | None, Pairs | None]:
    """Return the key and the attributes of a message that was read.

    A key header that is not base64 was not written by this package, and stays an attribute.
    """
    if not headers:
        return NOTHING
    if isinstance(headers, Headers):
        if headers.only_an_id:
            return NOTHING
        items: Iterable[tuple[Any, str]] = headers.pairs
    else:
        items = headers.items()
    key: bytes | None = None
    pairs = []
    for name, value in items:
        if name == KEY:
            try:
                key = b64decode(value, validate=True)
                continue
            except ValueError:
                key = None
        elif name == MESSAGE_ID and is_ours(value):
            continue
        pairs.append((str(name), value))
    return key, tuple(pairs) or None
