"""Subjects, wildcards, and names of streams and consumers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from brokerkit.core.vocabulary.errors import ConfigError

STREAM_PREFIX = "stream:"
MOST_BYTES = 3_800
"""The bytes of a subject that surely fits into a line of the server, with the subject of a reply."""
LONGEST_FILTER = 1_000
"""The bytes of a subject that surely fits into a line of the server as part of another one."""
_FORBIDDEN = re.compile(r"[\s\0]")
_NAME_FORBIDDEN = re.compile(r"[\s.*>/\\\x00-\x1f\x7f]")


def check_subject(subject: str, *, wildcards: bool) -> None:
    """Raise ConfigError for a malformed or too long subject, or for a wildcard if `wildcards` is false."""
    size = len(subject.encode())
    if size > MOST_BYTES:
        raise ConfigError(
            f"the subject {subject[:40]!r}... has {size:,} bytes, and NATS ends a connection that sends more "
            f"than a line of 4,096: use at most {MOST_BYTES:,}, or read by a wildcard or the stream's name"
        )
    tokens = subject.split(".")
    if not subject or _FORBIDDEN.search(subject) or not all(tokens):
        raise ConfigError(
            f"{subject!r} is not a subject: expected tokens joined by dots, without spaces and empty tokens"
        )
    for index, token in enumerate(tokens):
        if ("*" in token and token != "*") or (">" in token and (token != ">" or index + 1 < len(tokens))):
            raise ConfigError(
                f"{subject!r} is not a subject: '*' stands for a whole token, "
                "'>' for all that follow, at the end"
            )
    if not wildcards and is_wildcard(subject):
        raise ConfigError(f"{subject!r} is a wildcard; messages are published to one subject")


def is_wildcard(subject: str) -> bool:
    """Return whether a subject contains a wildcard."""
    return any(token in ("*", ">") for token in subject.split("."))


def can_filter(subject: str) -> bool:
    """Return whether a consumer may have a stored subject as its filter, which then keeps this one alone.

    The server takes a token that begins with ``*`` for a wildcard when it compares filters, and a filter is
    part of a subject itself, whose length is limited.
    """
    return len(subject.encode()) <= LONGEST_FILTER and not any(
        token == ">" or token.startswith("*") for token in subject.split(".")
    )


def subject_that_creates(stream: str, consumer: str, filters: Sequence[str]) -> str:
    """Return the subject of the API that creates a consumer.

    It ends with the filter, which the server's permissions can then look at, unless that is too long.
    """
    subject = f"CONSUMER.CREATE.{stream}.{consumer}"
    if len(filters) == 1 and len(filters[0].encode()) <= LONGEST_FILTER:
        return f"{subject}.{filters[0]}"
    return subject


def check_name(name: str, what: str) -> str:
    """Return the name of a stream or consumer. Raise ConfigError if it cannot be one."""
    if not name or _NAME_FORBIDDEN.search(name):
        raise ConfigError(
            f"{name!r} cannot name a {what} on NATS: "
            "expected a name without dots, spaces, '*', '>' and slashes"
        )
    return name


def covers(wide: str, narrow: str) -> bool:
    """Return whether every subject that matches `narrow` also matches `wide`."""
    left, right = wide.split("."), narrow.split(".")
    for index, token in enumerate(left):
        if token == ">":
            return len(right) > index
        if index >= len(right):
            return False
        other = right[index]
        if other == ">" or (token not in ("*", other)):
            return False
    return len(left) == len(right)


def covered(subject: str, by: Iterable[str]) -> bool:
    """Return whether one of several patterns covers a subject."""
    return any(covers(wide, subject) for wide in by)


def overlap(one: str, other: str) -> bool:
    """Return whether any subject matches both patterns."""
    left, right = one.split("."), other.split(".")
    for index in range(max(len(left), len(right))):
        if index >= len(left) or index >= len(right):
            return False
        a, b = left[index], right[index]
        if a == ">" or b == ">":
            return True
        if a not in (b, "*") and b != "*":
            return False
    return True


def same_selection(one: Sequence[str], other: Sequence[str], stream_subjects: Sequence[str]) -> bool:
    """Return whether two lists of filters select the same messages of a stream.

    An empty list selects all messages.
    """
    left, right = set(one), set(other)
    if left == right:
        return True

    def chooses_all(filters: set[str]) -> bool:
        return not filters or (
            bool(stream_subjects) and all(covered(subject, filters) for subject in stream_subjects)
        )

    return chooses_all(left) and chooses_all(right)


def stream_name_for(subject: str) -> str:
    """Return a stream name made from a subject.

    For example, ``orders.eu`` gives ``ORDERS_EU``, and ``orders.>`` gives ``ORDERS``.

    Raises:
        ConfigError: The subject consists of wildcards only.
    """
    tokens = [token for token in subject.split(".") if not is_wildcard(token)]
    if not tokens:
        raise ConfigError(f"name the stream of {subject!r}: stream=NAME")
    return re.sub(r"[^0-9A-Za-z_-]", "_", "_".join(tokens)).upper()
