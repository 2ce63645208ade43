"""Checks of the arguments that callers pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from brokerkit.core.vocabulary.arguments import check_count, check_name
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice

MessageIds = Literal["new", "keep"]

MAX_BYTES = 128_000_000
"""The `max_bytes` of a peek, a pull, a batch and a page of the browser, if none is given."""


class MaxBytesWarning(UserWarning):
    """Rows are missing from a frame because it reached `max_bytes`; the text says how to get them."""


def check_bytes(max_bytes: Any) -> int | None:
    """Return a number of bytes, or None for no limit.

    Raises:
        ConfigError: It is neither a positive integer nor None.
    """
    return None if max_bytes is None else check_count(max_bytes, "max_bytes")


def keeps_ids(message_ids: MessageIds) -> bool:
    """Return whether messages that are sent again keep their ids.

    Raises:
        ConfigError: The value is neither "new" nor "keep".
    """
    if message_ids not in ("new", "keep"):
        raise ConfigError(f'message_ids must be "new" or "keep", not {message_ids!r}')
    return message_ids == "keep"


def check_topic(topic: Any) -> str:
    """Return the name of a topic.

    Raises:
        ConfigError: It cannot be the name of a topic.
    """
    return check_name(topic, "topic")


def topic_names(topic: Any) -> list[str]:
    """Return one name or several, without repetitions, as a list.

    Raises:
        ConfigError: It is neither a name nor a sequence of names.
    """
    names = [topic] if isinstance(topic, str | bytes) or not isinstance(topic, Iterable) else list(topic)
    if not names:
        raise ConfigError("scan needs at least one topic, and got an empty list")
    return list(dict.fromkeys(map(check_topic, names)))


def slices_in(topic: Any) -> list[Slice]:
    """Return the slices that are given in place of names of topics; none if names are given.

    Raises:
        ConfigError: There are slices and names.
    """
    given = list(topic) if isinstance(topic, Iterable) and not isinstance(topic, str | bytes) else [topic]
    slices = [each for each in given if isinstance(each, Slice)]
    if slices and len(slices) < len(given):
        raise ConfigError("scan needs names of topics or slices, not both")
    return slices


def model_of(model: Model | None, share: bool) -> Model | None:
    """Return the model that a call asks for; ``share=True`` is Kafka's word for ``model="message"``."""
    if not isinstance(share, bool):
        raise ConfigError(f"share must be True or False, not {share!r}")
    if share and model not in (None, "message"):
        raise ConfigError(f"share=True reads messages, and model={model!r} was asked for: leave one out")
    return "message" if share else model
