"""Keys and attributes as NATS headers, and back.

A key travels as base64 in the header ``Brokerkit-Key``; b"" is an empty value, no key is no header.
``Nats-Msg-Id`` names the message for the server's duplicate window: by an attribute of that name, else by
a name of ours. The key and names of ours are hidden from the attributes of what is read; all other
headers are among them.

Other headers that begin with ``Nats-`` are refused: some are orders to the server (``Nats-Rollup`` purges,
``Nats-Expected-Last-Sequence`` fails), others are what it says of a message that it copied
(``Nats-Sequence``). Where a message that was read is sent again they are renamed, ``bk-Nats-Rollup``, and
do nothing; its ``Nats-Msg-Id`` becomes ``bk-message-id``, unless it is to be kept.

nats-py strips values, turns line breaks into spaces, and writes one value of a name (measured). What
it would change is refused.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
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
# "NATS/1.0\r\n" in front, "\r\n" behind, and ": " and "\r\n" for each
_FRAME_BYTES = 12
_PAIR_BYTES = 4

_ONLY_ID = re.compile(rb"Nats-Msg-Id: ?bk-[0-9a-f]{32}[-.][^\r]*\r\n(?:\r\n)?")
RENAMED = "bk-"

Pairs = tuple[tuple[str, str], ...]


class Headers(Mapping[str, str]):
    """The headers of a received message, taken apart when somebody looks.

    As a mapping the last of several values of a name wins, as in nats-py; `pairs` has them all.
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
        """Whether there is nothing but a message id of ours, as in most of what we publish."""
        return _ONLY_ID.fullmatch(self.raw) is not None

    def __getitem__(self, name: str) -> str:
        return dict(self.pairs)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.pairs))

    def __len__(self) -> int:
        return len(dict(self.pairs))

    def __bool__(self) -> bool:
        return True


def outbound(message: OutboundMessage, dedup_id: str) -> dict[str, str]:
    """The headers that carry a message. Raises ConfigError for what would not come back equal."""
    headers: dict[str, str] = {}
    for given, value in message.attributes:
        name = _sent_as(given, message)
        check_name(name)
        if name in headers:
            raise ConfigError(
                f"attribute {name!r} is there twice; NATS headers read by nats-py keep only one"
            )
        if type(value) is not str:
            raise ConfigError(f"attribute {name!r} must be text on NATS, not {type(value).__name__}")
        check_value(name, value)
        headers[name] = value
    if MESSAGE_ID not in headers:
        check_value(MESSAGE_ID, dedup_id)
        headers[MESSAGE_ID] = dedup_id
    if message.key is not None:
        headers[KEY] = b64encode(message.key).decode("ascii")
    return headers


def _sent_as(name: str, message: OutboundMessage) -> str:
    """The header that carries an attribute: another one where the message is sent again."""
    if message.sent_again is None or not name.lower().startswith(RESERVED):
        return name
    if name != MESSAGE_ID:
        return RENAMED + name
    if message.sent_again == "same id":
        return name
    # that of the first time is kept, where it was sent again before
    return OLD_ID if OLD_ID not in message.attributes.names() else RENAMED + name


def check_name(name: str) -> None:
    """Refuse a name that cannot be a header, or that means something to the server or to us."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be an attribute name on NATS: expected letters, digits and !#$%&'*+-.^_`|~ "
            "(no spaces, no colon, nothing but ASCII)"
        )
    if name.lower().startswith(RESERVED) and name != MESSAGE_ID:
        raise ConfigError(
            f"attribute names that begin with Nats- or Brokerkit- are reserved: {name!r}; only {MESSAGE_ID} "
            "may be given"
        )


def check_value(name: str, value: str) -> None:
    """Refuse a value that nats-py would change."""
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
    """Bytes of the headers on the wire; the server counts them as part of the payload."""
    pairs = sum(len(name) + len(value.encode("utf-8")) + _PAIR_BYTES for name, value in headers.items())
    return pairs + _FRAME_BYTES


NOTHING: tuple[None, None] = (None, None)


def inbound(headers: Mapping[Any, str] | None) -> tuple[bytes | None, Pairs | None]:
    """The key and the attributes of a message that was read.

    A key header that is not base64 was not written by us: it stays an attribute.
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
