"""Operating subscriptions, by the REST endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, InUse, NotFound
from brokerkit.core.vocabulary.subscriptions import Member, Progress, ResetPlan, SubscriptionDescription
from brokerkit.core.vocabulary.topics import SubscriptionInfo

from .admin import Subscriptions
from .inspector import Asked, PulsarInspector, cursor_position, subscription_infos
from .names import check_subscription, rest_path
from .positions import LedgerBounds, from_ledgers, unpack
from .topic_policies import policy, refusal, unseen
from .topics import Topics

SHOWN_MEMBERS = 5


class PulsarSubscriptions(SubscriptionsDriver):
    """The subscriptions of the topics of a connection's namespace."""

    def __init__(self, topics: Topics, subscriptions: Subscriptions) -> None:
        self._topics = topics
        self._subscriptions = subscriptions
        self._inspector = PulsarInspector(topics)

    def listed(self, topic: str | None, timeout: float) -> list[SubscriptionInfo]:
        deadline = Deadline(timeout)
        if topic is not None:
            full = self._topics.full(topic)
            return list(subscription_infos(self._asked(full, deadline), full, {}))
        found: list[SubscriptionInfo] = []
        for each in self._inspector.topics(timeout):
            try:
                found.extend(subscription_infos(self._asked(each.name, deadline), each.name, {}))
            except NotFound:
                # it was deleted after the list was made
                continue
        return found

    def _asked(self, full: str, deadline: Deadline) -> list[Asked]:
        rest = self._topics.required_rest()
        return [
            Asked(
                number,
                rest.stats(part, deadline.remaining(), oldest=True),
                rest.internal_stats(part, deadline.remaining()),
            )
            for number, part in self._topics.parts(full, deadline.remaining()).items()
        ]

    def described(self, topic: str, subscription: str, timeout: float) -> SubscriptionDescription:
        check_subscription(subscription)
        deadline = Deadline(timeout)
        full = self._topics.full(topic)
        asked = self._asked(full, deadline)
        info = next((i for i in subscription_infos(asked, full, {}) if i.name == subscription), None)
        if info is None:
            raise SubscriptionNotFound(
                f"topic {full!r} has no subscription {subscription!r}", full, subscription
            )
        parts = {each.number: each.stats["subscriptions"].get(subscription, {}) for each in asked}
        progress = tuple(
            Progress(
                each.number,
                cursor_position(each.internal.get("cursors", {}).get(subscription, {})),
                from_ledgers(each.number, each.internal),
                int(parts[each.number].get("msgBacklog", 0)),
                _oldest(parts[each.number]),
                counted="about",
            )
            for each in asked
        )
        settings, not_shown = self._settings(full, info, next(iter(parts.values()), {}), deadline)
        return SubscriptionDescription(info, progress, _members(parts), settings, not_shown=not_shown)

    def _settings(
        self, full: str, info: SubscriptionInfo, stats: dict[str, Any], deadline: Deadline
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return what the brokers know, and a sentence about what an account may not see.

        Ack timeout and dead-letter policy are known to the clients only.
        """
        shown: dict[str, Any] = {
            "type": info.details["type"],
            "key_shared_mode": stats.get("keySharedMode"),
            "replicated": stats.get("isReplicated"),
            "properties": stats.get("subscriptionProperties") or None,
        }
        rest, refused = self._topics.required_rest(), {}
        for name, path in (("message_ttl_seconds", "messageTTL"), ("retention", "retention")):
            try:
                # 0 is the brokers' word for no limit of time
                shown[name] = policy(rest, full, path, deadline, applied=True) or None
            except BrokerError as error:
                refused[name] = refusal(error)
        return shown, unseen(refused)

    def check_reset(self, plan: ResetPlan, timeout: float) -> tuple[str, ...]:
        for move in plan.moves:
            if move.after is not None and isinstance(move.bounds, LedgerBounds):
                _check_ledger(move.after, move.bounds)
        found = self.described(plan.topic, plan.subscription, timeout)
        if not found.members:
            return ()
        return (
            f"consumers are attached ({_named(found.members)}): they reconnect and go on from the new "
            "position; what they have and did not acknowledge is delivered again if it lies after it",
        )

    def reset(self, plan: ResetPlan, timeout: float) -> None:
        deadline = Deadline(timeout)
        rest = self._topics.required_rest()
        parts = self._topics.parts(self._topics.full(plan.topic), deadline.remaining())
        for move in plan.moves:
            assert move.after is not None
            assert move.bounds is not None
            part = parts[move.partition]
            path = f"{rest_path(part)}/subscription/{quote(plan.subscription, safe='')}"
            if move.after >= move.bounds.end:
                rest.ask("POST", f"{path}/skip_all", deadline.remaining())
                continue
            begin = self._subscriptions.begin(part, move.after, move.bounds, move.partition, deadline)
            body = {
                "ledgerId": begin.ledger_id(),
                "entryId": begin.entry_id(),
                "partitionIndex": -1 if move.partition is None else move.partition,
                "batchIndex": begin.batch_index(),
            }
            rest.ask("POST", f"{path}/resetcursor", deadline.remaining(), body=body)

    def delete(self, topic: str, subscription: str, timeout: float) -> None:
        deadline = Deadline(timeout)
        found = self.described(topic, subscription, timeout)
        if found.members:
            raise InUse(
                f"subscription {subscription!r} has consumers and cannot be deleted: close "
                f"{_named(found.members)}"
            )
        full = self._topics.full(topic)
        path = f"{rest_path(full)}/subscription/{quote(subscription, safe='')}"
        try:
            self._topics.required_rest().ask("DELETE", path, deadline.remaining())
        except ConfigError as error:
            raise InUse(f"subscription {subscription!r} cannot be deleted now: {error}") from error.__cause__


def _check_ledger(position: int, bounds: LedgerBounds) -> None:
    """Raise ConfigError for a position in a ledger that is not there: the broker would go elsewhere."""
    ledger, _, _ = unpack(position)
    if position < bounds.end and ledger not in {each for each, _ in bounds.ledgers}:
        raise ConfigError(
            f"ledger {ledger} is not there any more: give a position from {bounds.show(bounds.start)} up to "
            f"{bounds.show(bounds.end)}, or a time"
        )


def _members(parts: dict[int | None, dict[str, Any]]) -> tuple[Member, ...]:
    """Return the consumers, each with the partitions in which it is attached."""
    found: dict[str, dict[str, Any]] = {}
    numbers: dict[str, list[int]] = {}
    for number, part in parts.items():
        for each in part.get("consumers", ()):
            name = str(each.get("consumerName"))
            found.setdefault(name, each)
            if number is not None:
                numbers.setdefault(name, []).append(number)
    return tuple(
        Member(
            name,
            name,
            str(each.get("address") or "").removeprefix("/") or None,
            tuple(numbers.get(name, ())),
            {
                "client_version": each.get("clientVersion"),
                "connected_since": each.get("connectedSince"),
                "unacknowledged": each.get("unackedMessages"),
            },
        )
        for name, each in found.items()
    )


def _named(members: tuple[Member, ...]) -> str:
    more = f" and {len(members) - SHOWN_MEMBERS} more" if len(members) > SHOWN_MEMBERS else ""
    return ", ".join(map(str, members[:SHOWN_MEMBERS])) + more


def _oldest(part: dict[str, Any]) -> int | None:
    time = int(part.get("earliestMsgPublishTimeInBacklog") or 0)
    return 1000 * time if time > 0 else None
