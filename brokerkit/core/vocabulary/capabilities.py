"""The capabilities of a system, stated once by its backend and read by everything above it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from .attributes import Pair
from .errors import ConfigError, NotSupported
from .purging import PurgeKind

AckKind = Literal["confirmed", "confirmed per partition", "sent"]
NackKind = Literal["immediate", "after a delay", "seek back"]
SideEffect = Literal["none", "locks", "raises delivery count", "acknowledges", "not offered"]
SliceKind = Literal["repeatable", "while it lasts", "never"]
KeyKind = Literal["bytes", "text"]
Model = Literal["message", "record"]
TimeUnit = Literal["milliseconds", "microseconds"]
Verb = Literal[
    "subscriptions",
    "describe_subscription",
    "reset",
    "delete_subscription",
    "dead_letters",
    "redrive",
    "move",
    "purge",
    "purge_where",
]
NOT_OFFERED: Mapping[Verb, str] = {
    verb: f"the driver of this system does not offer {verb}" for verb in get_args(Verb)
}


@dataclass(frozen=True)
class TextPattern:
    """Tells whether an attribute is text, and both its name and value match.

    Attributes:
        names: A regular expression of the names.
        values: A regular expression of the values.
    """

    names: str
    values: str

    def __call__(self, pair: Pair) -> bool:
        name, value = pair
        return (
            isinstance(value, str)
            and re.fullmatch(self.names, name) is not None
            and re.fullmatch(self.values, value) is not None
        )


PLAIN_HEADER = TextPattern(r"(?!(?i:brokerkit-))[A-Za-z0-9_.\-]{1,200}", r"(?:[!-~](?:[ -~]{0,998}[!-~])?)?")
"""The attributes that every known protocol carries: ASCII without control characters, as in HTTP headers."""


def any_attribute(pair: Pair) -> bool:
    """Return True: the system keeps every attribute of its types."""
    return True


@dataclass(frozen=True)
class SetAside:
    """How messages show that they are not delivered yet.

    Attributes:
        header: The attribute that they have, by its name or as ``{name: value}``.
        due: The attribute that says when they are delivered: a time, or ``@at`` and one as ISO text.
    """

    header: str | Mapping[str, str]
    due: str | None = None


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of a system, as its client library offers them.

    Attributes:
        models: What a consumer may yield. The first is the default.
        by_model: The fields that differ in a model other than the first; see `of`.
        ack: How sure an acknowledgement is when ``ack()`` returns.
        nack: How ``nack()`` returns a message.
        nack_delay: Whether ``nack(delay=)`` works.
        reject: Whether a message can be settled as one that must not be delivered again.
        delivery_count: Whether deliveries are counted.
        lock_extension: Whether messages stay reserved for ``hold=`` seconds. Otherwise the broker takes them
            back when their lock expires, however long ``hold=`` is.
        more_while_held: Whether more messages come while some are not settled.
        subscription_required: Whether a consumer must name a subscription or group.
        slices: Whether reading a slice again gives the same rows.
        time_index: Whether the broker finds a position by time.
        transactions: Whether there are transactions.
        partitions: Whether topics have partitions.
        create_topic: Whether topics can be created.
        create_subscription: Whether subscriptions can be created.
        idempotent_publish: Whether a confirmed message is stored once, however often the client sent it.
        dedup_ids: Whether a second message with the same `OutboundMessage.dedup_id` is not stored.
        publish_partition: Whether `OutboundMessage.partition` is kept. Otherwise it is refused.
        publish_time: The unit in which `OutboundMessage.publish_time` is kept. None if it is refused.
        keys: ``"text"`` if a key must be UTF-8, else ``"bytes"``.
        empty_key: Whether the key b"" differs from no key.
        null_value: Whether a null payload differs from an empty one.
        attribute_types: The types of attribute values that are kept; see `attributes.type_name`.
        attributes_read_as: The type in which an attribute value of type "string" is read.
        duplicate_attributes: Whether a name may occur twice.
        keeps_attribute: Tells whether an attribute that occurs once is surely read as it was sent, if its
            type is one of `attribute_types`. Others are packed when a message is copied.
        references: The attributes that name what the broker itself keeps, such as a schema. A copy within one
            broker sends them as they are.
        max_batch: How many messages one request may have. None for no limit of its own.
        max_message_bytes: The largest payload by default. None if that is not known.
        durability: What a confirmed publish means, in words. `describe` says more about a topic where the
            system does, under ``details["confirmation"]``.
        schemas: The kind of schema that messages name where the system keeps schemas itself, such as
            ``pulsar``; see `InspectorDriver.schema`. Empty where it keeps none.
        unseen: What may be at positions that hold no message, in words. Empty where positions are no numbers,
            or every one holds a message.
        side_effects: What each way of reading does to the broker.
        set_aside: How "scheduled" and "deferred" messages are found, where they can be listed.
        purges: How messages can be removed; see `PurgeKind`.
        lacks: The verbs about subscriptions, purges and dead letters that the system does not have, each
            with the reason and the nearest thing that it has.
    """

    models: tuple[Model, ...]
    ack: AckKind
    nack: NackKind
    nack_delay: bool = False
    reject: bool = False
    delivery_count: bool = False
    lock_extension: bool = True
    more_while_held: bool = True
    subscription_required: bool = True
    slices: SliceKind = "never"
    time_index: bool = False
    transactions: bool = False
    idempotent_publish: bool = False
    partitions: bool = False
    create_topic: bool = True
    create_subscription: bool = True
    dedup_ids: bool = False
    publish_partition: bool = False
    publish_time: TimeUnit | None = None
    keys: KeyKind = "bytes"
    empty_key: bool = True
    null_value: bool = False
    attribute_types: frozenset[str] = frozenset({"string"})
    attributes_read_as: Literal["string", "bytes"] = "string"
    duplicate_attributes: bool = False
    keeps_attribute: Callable[[Pair], bool] = PLAIN_HEADER
    references: frozenset[str] = frozenset()
    max_batch: int | None = None
    max_message_bytes: int | None = None
    durability: str = "not known"
    schemas: str = ""
    unseen: str = ""
    side_effects: Mapping[str, SideEffect] = field(
        default_factory=lambda: {"peek": "none", "scan": "none", "pull": "acknowledges"}
    )
    set_aside: Mapping[Literal["scheduled", "deferred"], SetAside] = field(default_factory=dict)
    purges: frozenset[PurgeKind] = frozenset()
    lacks: Mapping[Verb, str] = field(default_factory=lambda: NOT_OFFERED)
    by_model: Mapping[Model, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, model: Model | None = None) -> Capabilities:
        """Return the capabilities for the consumers of one model, by default the first."""
        chosen = model or self.models[0]
        return replace(self, models=(chosen,), by_model={}, **self.by_model.get(chosen, {}))

    def chosen(self, model: Model | None, system: str) -> Model:
        """Return the model of a consumer. None asks for the first.

        Raises:
            ConfigError: It is not the name of a model.
            NotSupported: The system does not have this model.
        """
        if model is None:
            return self.models[0]
        if model not in ("message", "record"):
            raise ConfigError(f'model must be "message" or "record", not {model!r}')
        if model not in self.models:
            raise NotSupported(f"{system} has no {model} model; the nearest is model={self.models[0]!r}")
        return model

    def but(self, **changes: Any) -> Capabilities:
        """Return a copy with some fields changed."""
        return replace(self, **changes)
