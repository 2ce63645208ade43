"""What a backend can do, said once and read by everything above it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .attributes import Pair

AckKind = Literal["confirmed", "confirmed per partition", "sent"]
NackKind = Literal["immediate", "after a delay", "seek back"]
SideEffect = Literal["none", "locks", "raises delivery count", "acknowledges", "not offered"]
SliceKind = Literal["repeatable", "while it lasts", "never"]
KeyKind = Literal["bytes", "text"]
Model = Literal["message", "record"]
TimeUnit = Literal["milliseconds", "microseconds"]
BoundsKind = Literal["exact", "approximate", "none"]


@dataclass(frozen=True)
class Gap:
    """A behaviour of the conformance suite that does not hold here.

    kind `never`: it cannot, for `reason`. `not yet`: it should, and the declaration fails as soon
    as it does. `server`: only on servers of this kind (an emulator, say); None means always.
    """

    kind: Literal["never", "not yet"]
    reason: str
    server: str | None = None


UNICODE = r"[^\ud800-\udfff]"
"""A regular expression of the characters that UTF-8 can hold."""


@dataclass(frozen=True)
class Capabilities:
    """What a system can do, seen through its client library.

    Attributes:
        models: what a consumer may yield; the first unless the caller says otherwise.
        by_model: the fields that another model than the first has otherwise; see `of`.
        ack: what `ack()` knows when it returns.
        nack: what giving back does.
        nack_delay: whether `nack(delay=)` is honoured.
        reject: whether a message can be settled as never to be delivered again.
        delivery_count: whether deliveries are counted.
        lock_extension: whether what was handed over is kept ours for ``hold=`` seconds; otherwise the
                broker takes it back when its lock expires, however long ``hold=`` is.
        more_while_held: whether more messages come while some that were handed over are not settled.
        subscription_required: whether a consumer must name a subscription or group.
        slices: whether reading a slice again gives the same rows.
        time_index: whether the broker finds a position by time.
        transactions: whether it can.
        partitions: whether it can.
        create_topic: whether it can.
        create_subscription: whether it can.
        idempotent_publish: what is confirmed is stored once, however often the client had to send it.
        dedup_ids: publishing again under the same `OutboundMessage.dedup_id` stores nothing twice.
        publish_partition: `OutboundMessage.partition` is where a message goes; otherwise it is refused.
        publish_time: the unit in which `OutboundMessage.publish_time` is kept; None: it is refused.
        keys: `bytes`, or `text` where a key must be UTF-8.
        empty_key: b"" differs from no key.
        null_value: a null payload differs from an empty one.
        attribute_types: the value types that survive (see `attributes.type_name`).
        attributes_read_as: the type in which a value of type "string" comes back.
        any_text: whether attributes may have any text as their name and value.
        duplicate_attributes: the same name twice survives.
        attribute_names: where it is not any text, regular expressions of the names and values
        attribute_texts: where it is not any text, regular expressions of the names and values
                that surely come back as they were sent; the others are packed when a message is copied.
        is_own_attribute: whether an attribute is a field of this system's messages that is set when it is
                published; None: there is no such.
        max_batch: messages in one request; None: no limit of its own.
        max_message_bytes: largest payload by default; None: unknown until tried.
        durability: what a confirmed publish means, in words; `describe` says more of each topic where the
                system tells, under ``details["confirmation"]``.
        side_effects: what each read does to the broker.
        gaps: conformance behaviours, by number, that do not hold.
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
    any_text: bool = False
    duplicate_attributes: bool = False
    attribute_names: str = r"(?!(?i:nats-|brokerkit-|goog))[A-Za-z0-9_.\-]{1,200}"
    attribute_texts: str = r"(?:[!-~](?:[ -~]{0,998}[!-~])?)?"
    is_own_attribute: Callable[[Pair], bool] | None = None
    max_batch: int | None = None
    max_message_bytes: int | None = None
    durability: str = "not known"
    side_effects: Mapping[str, SideEffect] = field(
        default_factory=lambda: {"peek": "none", "scan": "none", "pull": "acknowledges"}
    )
    gaps: Mapping[int, Gap] = field(default_factory=dict)
    by_model: Mapping[Model, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, model: Model | None = None) -> Capabilities:
        """What it can do in one model, by default the first: what a consumer of it goes by."""
        chosen = model or self.models[0]
        return replace(self, models=(chosen,), by_model={}, **self.by_model.get(chosen, {}))

    def but(self, **changes: Any) -> Capabilities:
        """The same, with some fields changed."""
        return replace(self, **changes)


MESSAGE_BEHAVIOURS = (30, 31, 32, 33, 34, 35, 36, 38)
"""Behaviours of the conformance suite that only messages settled one by one can have."""
RECORD_BEHAVIOURS = (39, 40, 41, 42, 43)
"""Behaviours of the conformance suite that only records of a log can have."""


def no_messages(reason: str) -> dict[int, Gap]:
    """The gaps of a system without the message model."""
    return dict.fromkeys(MESSAGE_BEHAVIOURS, Gap("never", reason))


def no_records(reason: str) -> dict[int, Gap]:
    """The gaps of a system without the record model."""
    return dict.fromkeys(RECORD_BEHAVIOURS, Gap("never", reason))
