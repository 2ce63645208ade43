"""Operating the consumers of streams. The server does not say which clients use a consumer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nats.js import errors as js_errors

from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.errors import NotSupported
from brokerkit.core.vocabulary.messages import to_microseconds
from brokerkit.core.vocabulary.subscriptions import Progress, ResetPlan, SubscriptionDescription
from brokerkit.core.vocabulary.topics import Bounds, SubscriptionInfo

from .connection import JetStreamConnection
from .durable import NANOSECONDS, filters_of
from .loop import LoopThread
from .reader import READER_PREFIX
from .source import Source, find_source
from .subjects import STREAM_PREFIX

RESETS_SINCE = (2, 14)
"""The first version of the server that moves a consumer."""
BOUND_TO_THE_END = ("new", "last", "last_per_subject")
"""The deliver policies of consumers that the server does not move."""
INVALID_RESET = 10204
SHOWN = (
    "deliver_policy",
    "opt_start_seq",
    "opt_start_time",
    "ack_policy",
    "max_deliver",
    "max_ack_pending",
    "max_waiting",
    "replay_policy",
    "deliver_subject",
    "deliver_group",
    "num_replicas",
    "description",
    "pause_until",
)


def consumer_info(info: Mapping[str, Any], topic: str) -> SubscriptionInfo:
    """Describe a consumer from the server's information about it."""
    config = info["config"]
    in_flight = int(info.get("num_ack_pending") or 0)
    return SubscriptionInfo(
        info["name"],
        "consumer",
        lag=int(info.get("num_pending") or 0) + in_flight,
        in_flight=in_flight,
        position={None: _committed(info)},
        details={
            "durable": bool(config.get("durable_name")),
            "pending": int(info.get("num_pending") or 0),
            "redelivered": int(info.get("num_redelivered") or 0),
            "waiting_requests": int(info.get("num_waiting") or 0),
            "push": bool(config.get("deliver_subject")),
            "config": config,
        },
        topic=topic,
        state="paused" if info.get("paused") else None,
        last_active=_last_active(info),
    )


def _committed(info: Mapping[str, Any]) -> int:
    return int((info.get("ack_floor") or {}).get("stream_seq") or 0) + 1


def _last_active(info: Mapping[str, Any]) -> int | None:
    """Return when the consumer last delivered a message or received an acknowledgement."""
    texts = [(info.get(part) or {}).get("last_active") for part in ("delivered", "ack_floor")]
    return max((to_microseconds(datetime.fromisoformat(each)) for each in texts if each), default=None)


def topic_of(stream: str, config: Mapping[str, Any]) -> str:
    """Return the topic that a consumer reads: its one filter, or else its stream."""
    filters = filters_of(config)
    return filters[0] if len(filters) == 1 else f"{STREAM_PREFIX}{stream}"


class JetStreamSubscriptions(SubscriptionsDriver):
    """The consumers of an account's streams."""

    def __init__(self, loop: LoopThread, connection: JetStreamConnection) -> None:
        self._loop = loop
        self._connection = connection

    def listed(self, topic: str | None, timeout: float) -> list[SubscriptionInfo]:
        """Return the consumers that read any of a topic's messages, each with the topic that it reads."""
        return self._loop.run(self._listed(topic, timeout), timeout)

    async def _listed(self, topic: str | None, timeout: float) -> list[SubscriptionInfo]:
        source = None if topic is None else await find_source(self._connection, topic, timeout)
        if source is not None:
            streams = [source.stream]
        else:
            streams = [each async for each in self._connection.pages("STREAM.NAMES", "streams", timeout)]
        found = []
        for stream in streams:
            try:
                async for info in self._connection.pages(f"CONSUMER.LIST.{stream}", "consumers", timeout):
                    filters = filters_of(info["config"])
                    ours = info["name"].startswith(READER_PREFIX)
                    if not ours and (source is None or source.reads(filters)):
                        found.append(consumer_info(info, topic_of(stream, info["config"])))
            except js_errors.NotFoundError:
                # a stream among all of them may be deleted meanwhile
                if topic is not None:
                    raise
        return found

    def described(self, topic: str, subscription: str, timeout: float) -> SubscriptionDescription:
        return self._loop.run(self._described(topic, subscription, timeout), timeout)

    async def _described(self, topic: str, name: str, timeout: float) -> SubscriptionDescription:
        source, info = await self._find(topic, name, timeout)
        state = (await self._connection.stream_info(source.stream, timeout))["state"]
        start = max(1, int(state["first_seq"]))
        # a stream has messages of other topics too, so the range does not count those of this one
        bounds = Bounds(None, start, max(start, int(state["last_seq"]) + 1), counted="at most")
        known = consumer_info(info, topic_of(source.stream, info["config"]))
        progress = (Progress(None, _committed(info), bounds, known.lag),)
        return SubscriptionDescription(known, progress, None, _settings(source.stream, info["config"]))

    async def _find(self, topic: str, name: str, timeout: float) -> tuple[Source, Mapping[str, Any]]:
        source = await find_source(self._connection, topic, timeout)
        info = await self._connection.consumer_info(source.stream, name, timeout)
        if info is None or not source.reads(filters_of(info["config"])):
            raise SubscriptionNotFound(
                f"stream {source.stream!r} has no consumer {name!r} that reads {topic!r}", topic, name
            )
        return source, info

    def check_reset(self, plan: ResetPlan, timeout: float) -> tuple[str, ...]:
        return self._loop.run(self._check_reset(plan, timeout), timeout)

    async def _check_reset(self, plan: ResetPlan, timeout: float) -> tuple[str, ...]:
        why = why_not_reset(self._connection)
        if why is not None:
            raise NotSupported(why)
        _, info = await self._find(plan.topic, plan.subscription, timeout)
        config = info["config"]
        policy, (target,) = config.get("deliver_policy"), plan.targets.values()
        if policy in BOUND_TO_THE_END:
            raise _refused(plan, f"delivers {policy!r} messages only (deliver_policy)")
        begin = config.get("opt_start_seq") or 0
        if target < begin:
            raise _refused(plan, f"begins at {begin:,} by its own settings (opt_start_seq)")
        notes = []
        if in_flight := int(info.get("num_ack_pending") or 0):
            notes.append(
                f"{in_flight:,} messages are in flight: a late acknowledgement of one of them, from before "
                "the reset, settles what is delivered after it; stop the workers first, or create a consumer "
                "of another name"
            )
        if waiting := int(info.get("num_waiting") or 0):
            notes.append(f"{waiting:,} requests of workers are waiting: they go on from the new position")
        return tuple(notes)

    def reset(self, plan: ResetPlan, timeout: float) -> None:
        self._loop.run(self._reset(plan, timeout), timeout)

    async def _reset(self, plan: ResetPlan, timeout: float) -> None:
        source, _ = await self._find(plan.topic, plan.subscription, timeout)
        (target,) = plan.targets.values()
        subject = f"CONSUMER.RESET.{source.stream}.{plan.subscription}"
        try:
            await self._connection.request(subject, {"seq": target}, timeout)
        except js_errors.APIError as error:
            if error.err_code == INVALID_RESET:
                raise _refused(plan, "begins later by its own settings") from error
            raise

    def delete(self, topic: str, subscription: str, timeout: float) -> None:
        self._loop.run(self._delete(topic, subscription, timeout), timeout)

    async def _delete(self, topic: str, name: str, timeout: float) -> None:
        source, _ = await self._find(topic, name, timeout)
        await self._connection.request(f"CONSUMER.DELETE.{source.stream}.{name}", None, timeout)


def why_not_reset(connection: JetStreamConnection) -> str | None:
    """Return why the server that is connected cannot move a consumer. None if it can."""
    version = connection.client.connected_server_version
    if (version.major, version.minor) >= RESETS_SINCE:
        return None
    return (
        f"this server ({version.major}.{version.minor}) cannot move a consumer, NATS 2.14 can: delete it, "
        "and create it again with start=. Late acknowledgements of the old one settle messages of a new one "
        "that has the same name"
    )


def _refused(plan: ResetPlan, why: str) -> NotSupported:
    return NotSupported(
        f"the server does not move {plan.subscription!r} there: it {why}. Create another consumer, "
        f"create_subscription({plan.topic!r}, NAME, start=...)"
    )


def _settings(stream: str, config: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"stream": stream, "filter": list(filters_of(config)) or None}
    for name in ("ack_wait", "inactive_threshold"):
        if config.get(name):
            shown[f"{name}_seconds"] = config[name] / NANOSECONDS
    if config.get("backoff"):
        shown["backoff"] = [f"{each / NANOSECONDS:g} s" for each in config["backoff"]]
    shown.update({name: config[name] for name in SHOWN if config.get(name) not in (None, "", 0)})
    if shown.get("max_deliver") == -1:
        shown["max_deliver"] = "unlimited"
    shown["durable"] = bool(config.get("durable_name"))
    return shown
