"""The options of a consumer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brokerkit.core.contract.options import Option, OptionTable, flag
from brokerkit.core.vocabulary.arguments import as_integer
from brokerkit.core.vocabulary.errors import ConfigError

from .admin import SUBSCRIPTION_OPTIONS


def _session(name: str, value: Any) -> str | bool:
    if value is not True and not (isinstance(value, str) and value):
        raise ConfigError(
            f"{name} must be the key of a session, or True for the next ones, not {value!r:.60}"
        )
    return value


def _numbers(name: str, value: Any) -> tuple[int, ...] | None:
    if value is False:
        return None
    if value is True:
        return ()
    items = list(value) if isinstance(value, Sequence) or hasattr(value, "__iter__") else [value]
    numbers = [as_integer(item) for item in items]
    if not numbers or isinstance(value, str) or any(number is None or number < 1 for number in numbers):
        raise ConfigError(f"{name} must be sequence numbers, or True for all, not {value!r:.60}")
    return tuple(number for number in numbers if number is not None)


CONSUMER_OPTIONS = OptionTable(
    {
        "session": Option(
            _session,
            "the session to receive messages of (a key), or True for the next free ones (the default "
            "where the entity has sessions)",
        ),
        "ahead": Option(
            flag,
            "true: receive more of a named session before its earlier messages are settled; one that is then "
            "returned was overtaken",
        ),
        "deferred": Option(_numbers, "sequence numbers of the deferred messages to receive, or True for all"),
    }
)


@dataclass(frozen=True)
class ConsumerOptions:
    """The checked options of a consumer.

    Attributes:
        session: The session to take messages of, if one was named.
        next_session: Whether the sessions that are free next were asked for.
        ahead: Whether more of a session is received before its earlier messages are settled.
        deferred: Sequence numbers of deferred messages. Empty means all of them; None means none.
        creation: Options for the subscription, if it is missing and gets created.
    """

    session: str | None = None
    next_session: bool = False
    ahead: bool = False
    deferred: tuple[int, ...] | None = None
    creation: Mapping[str, Any] = field(default_factory=dict)


def read_consumer_options(options: Mapping[str, Any]) -> ConsumerOptions:
    """Check the options of a consumer and return them. Raises ConfigError."""
    given = (CONSUMER_OPTIONS | SUBSCRIPTION_OPTIONS).read(options)
    session, deferred = given["session"], given["deferred"]
    if deferred is not None and session is not None:
        raise ConfigError("deferred messages are taken by their numbers: leave session= out")
    if given["ahead"] and not isinstance(session, str):
        raise ConfigError("ahead=True is for one session: name it, session=...")
    creation = {name: value for name, value in options.items() if name in SUBSCRIPTION_OPTIONS}
    named = session if isinstance(session, str) else None
    return ConsumerOptions(named, session is True, bool(given["ahead"]), deferred, creation)
