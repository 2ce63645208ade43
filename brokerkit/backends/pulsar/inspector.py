"""Describe topics, their backlogs, schemas and persistence, mostly by the REST endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from brokerkit.core.contract.inspector import InspectorDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, NotFound
from brokerkit.core.vocabulary.schemas import SystemSchema
from brokerkit.core.vocabulary.topics import Bounds, Placement, SubscriptionInfo, TopicDescription, TopicInfo

from .connection import READER_PREFIX
from .definitions import find_schema, schema_name
from .names import rest_path, split_partition
from .positions import from_ledgers, pack, parse_id
from .ranges import Ranges, counted
from .rest import RestEndpoint
from .topic_policies import refusal, settings_of, unseen
from .topics import Topics

DEAD_LETTERS = "-DLQ"
RETRIES = "-RETRY"
INTERNAL = "__"
WITHOUT_ADMIN = "not known without the REST endpoint: connect with admin=http://HOST:8080"
NOT_PERSISTENT = "in the memory of one broker only: a non-persistent topic"
SYNCED = "on their disks where their journalSyncData is on (the default), which no endpoint reports"
QUORUM_NEEDED = "how many of them: not known without the REST endpoint, connect with admin=http://HOST:8080"


class Asked(NamedTuple):
    """What the brokers say about one partition of a topic."""

    number: int | None
    stats: dict[str, Any]
    internal: dict[str, Any]


class PulsarInspector(InspectorDriver):
    """An inspector that changes nothing."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._ranges = Ranges(topics)

    def topics(self, timeout: float) -> list[TopicInfo]:
        """Return the topics of the connection's namespace, or of all namespaces of its tenant."""
        rest, deadline = self._topics.required_rest(), Deadline(timeout)
        namespace = self._topics.connection.options.namespace
        whole_tenant = self._topics.connection.options.whole_tenant
        namespaces = [namespace]
        if whole_tenant:
            namespaces = rest.get(f"namespaces/{namespace.split('/')[0]}", deadline.remaining())
        return [info for each in namespaces for info in _listed(rest, each, deadline)]

    def describe(self, topic: str, timeout: float) -> TopicDescription:
        deadline = Deadline(timeout)
        full = self._topics.full(topic)
        parts = self._topics.parts(full, timeout)
        rest = self._topics.rest
        details: dict[str, Any]
        if rest is None:
            bounds = [self._ranges.part(number, name, deadline) for number, name in parts.items()]
            details = {"subscriptions": WITHOUT_ADMIN, "confirmation": confirmation(None, full, deadline)}
            return TopicDescription(full, tuple(bounds), details=details)
        asked = [
            Asked(
                number,
                rest.stats(name, deadline.remaining()),
                rest.internal_stats(name, deadline.remaining()),
            )
            for number, name in parts.items()
        ]
        beside, hidden = _seen_beside(rest, full, deadline)
        settings, unseen_policies = settings_of(rest, full, deadline)
        details = {"producers": sum(len(stats["publishers"]) for _, stats, _ in asked)}
        subscriptions = tuple(subscription_infos(asked, full, beside))
        types = [f"{each.name}: {each.details['type']}" for each in subscriptions if each.details["type"]]
        if types:
            details["subscription_types"] = types
        schema = rest.schema(full, deadline.remaining())
        if schema is not None:
            details["schema_type"], details["schema_version"] = schema["type"], schema["version"]
            details["schema"] = schema["data"]
        details["confirmation"] = confirmation(rest, full, deadline)
        if beside:
            details["beside"] = [f"{name} ({count} messages)" for name, count in beside.items()]
        return TopicDescription(
            full,
            tuple(from_ledgers(number, internal) for number, _, internal in asked),
            subscriptions,
            sum(int(stats["storageSize"]) for _, stats, _ in asked),
            details,
            placements={
                number: Placement(stats.get("ownerBroker"), bytes=int(stats["storageSize"]))
                for number, stats, _ in asked
            },
            settings=settings,
            not_shown=(*hidden, *unseen_policies),
        )

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        return self._ranges.bounds(topic, timeout)

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        return self._ranges.at_time(topic, microseconds, timeout)

    def first_since(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        return self._ranges.first_since(topic, microseconds, timeout)

    def counted(self, topic: str, bounds: Bounds, position: int, count: int, timeout: float) -> int:
        return counted(self._topics, topic, bounds, position, count, timeout)

    def at_id(self, message_id: str) -> tuple[int | None, int]:
        return parse_id(message_id)

    def schema(self, name: str, *, key: bool, timeout: float) -> SystemSchema:
        """Return the schema of a version of a topic. Raises NotSupported without the REST endpoint."""
        return find_schema(self._topics.required_rest(), name, key=key, timeout=timeout)

    def schema_names(self, topic: str, timeout: float) -> list[str]:
        """Return the names of all versions. Raises NotSupported without the REST endpoint."""
        full = split_partition(self._topics.full(topic))[0]
        versions = self._topics.required_rest().schema_versions(full, timeout)
        return [schema_name(full, version) for version in versions]


def _listed(rest: RestEndpoint, namespace: str, deadline: Deadline) -> Iterator[TopicInfo]:
    """Yield the topics of a namespace, each once."""
    partitions: dict[str, int] = {}
    for domain in ("persistent", "non-persistent"):
        path = f"{domain}/{namespace}"
        for name in rest.get(f"{path}/partitioned", deadline.remaining()):
            partitions.setdefault(name, 0)
        for name in rest.get(path, deadline.remaining()):
            topic, number = split_partition(name)
            partitions[topic] = max(partitions.get(topic, 0), 0 if number is None else number + 1)
    for name, count in partitions.items():
        local = name.rpartition("/")[2]
        details = {"namespace": namespace} | ({"kind": kind} if (kind := purpose(local)) else {})
        yield TopicInfo(name, count or None, internal=local.startswith(INTERNAL), details=details)


def purpose(local: str) -> str | None:
    """Return the purpose of a topic, if its name is that of the clients for dead letters or retries."""
    if local.endswith(DEAD_LETTERS):
        return "dead letters"
    return "retries" if local.endswith(RETRIES) else None


def _seen_beside(rest: RestEndpoint, full: str, deadline: Deadline) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return what `_beside` returns, and a sentence if an account may not see it."""
    try:
        return _beside(rest, full, deadline), ()
    except BrokerError as error:
        # an account that may read a topic may lack the right to see the others of its namespace
        return {}, unseen({"topics of dead letters and retries": refusal(error)})


def _beside(rest: RestEndpoint, full: str, deadline: Deadline) -> dict[str, int]:
    """Return the dead-letter and retry topics of a topic, with the number of entries of each."""
    domain, _, path = full.partition("://")
    namespace = path.rpartition("/")[0]
    found: dict[str, int] = {}
    for name in rest.get(f"{domain}/{namespace}", deadline.remaining()):
        if name.startswith(f"{full}-") and purpose(split_partition(name)[0]) is not None:
            try:
                bounds = from_ledgers(None, rest.internal_stats(name, deadline.remaining()))
            except NotFound:
                # it was deleted after the list was made
                continue
            topic = split_partition(name)[0]
            found[topic] = found.get(topic, 0) + bounds.estimate
    return found


def subscription_infos(
    asked: Sequence[Asked], full: str, beside: Mapping[str, int]
) -> Iterator[SubscriptionInfo]:
    """Yield every durable subscription, with its backlog over all partitions."""
    names = dict.fromkeys(name for _, stats, _ in asked for name in stats["subscriptions"])
    for name in names:
        of_parts = {
            number: (stats["subscriptions"][name], internal.get("cursors", {}).get(name, {}))
            for number, stats, internal in asked
            if name in stats["subscriptions"]
        }
        if name.startswith(READER_PREFIX) or not all(part["durable"] for part, _ in of_parts.values()):
            continue
        parts = [part for part, _ in of_parts.values()]
        details: dict[str, Any] = {
            "type": next((part["type"] for part in parts if part.get("type")), None),
            "redelivery_rate": sum(float(part.get("msgRateRedeliver", 0)) for part in parts),
            "delayed": sum(int(part.get("msgDelayed", 0)) for part in parts),
        }
        for kind, ending in (("dead_letter_topic", DEAD_LETTERS), ("retry_topic", RETRIES)):
            topic = f"{full}-{name}{ending}"
            if topic in beside:
                details[kind] = topic
                details[f"{kind}_messages"] = beside[topic]
        yield SubscriptionInfo(
            name,
            "subscription",
            lag=sum(int(part["msgBacklog"]) for part in parts),
            in_flight=sum(int(part["unackedMessages"]) for part in parts),
            members=max(len(part["consumers"]) for part in parts),
            position={number: cursor_position(cursor) for number, (_, cursor) in of_parts.items()},
            details=details,
            counted="about",
            topic=full,
            state="blocked" if any(part.get("blockedSubscriptionOnUnackedMsgs") for part in parts) else None,
            oldest=_oldest(parts),
            last_active=_last_active(parts),
        )


def _oldest(parts: list[dict[str, Any]]) -> int | None:
    """Return when the oldest message of a backlog was published, where it was asked for."""
    times = [int(part.get("earliestMsgPublishTimeInBacklog") or 0) for part in parts]
    return min((1000 * each for each in times if each > 0), default=None)


def _last_active(parts: list[dict[str, Any]]) -> int | None:
    names = ("lastConsumedTimestamp", "lastAckedTimestamp")
    times = [int(part.get(name) or 0) for part in parts for name in names]
    return max((1000 * each for each in times if each > 0), default=None)


def cursor_position(cursor: Mapping[str, Any]) -> int | None:
    """Return the position after the last message up to which all are acknowledged."""
    text = cursor.get("markDeletePosition")
    if text is None:
        return None
    ledger, entry = map(int, str(text).split(":"))
    return pack(max(0, ledger), entry + 1)


def confirmation(rest: RestEndpoint | None, full: str, deadline: Deadline) -> str:
    """Return what a confirmation of a topic means, as far as the brokers tell."""
    if full.startswith("non-persistent://"):
        return NOT_PERSISTENT
    if rest is None:
        return f"written by the bookies of the ack quorum ({QUORUM_NEEDED}); {SYNCED}"
    try:
        found = rest.get(f"{rest_path(full)}/persistence", deadline.remaining(), applied="true")
        write, ack = int(found["bookkeeperWriteQuorum"]), int(found["bookkeeperAckQuorum"])
        ensemble = int(found["bookkeeperEnsemble"])
    except BrokerError as error:
        # an account that may read a topic may lack the right to see its policies
        why = refusal(error)
        return (
            "written by the bookies of the ack quorum (how many of them: the brokers refuse to tell, "
            f"{why}); {SYNCED}"
        )
    return (
        f"written by {ack} of the {write} bookies that each message goes to (ack quorum {ack}, write quorum "
        f"{write}, ensemble {ensemble}); {SYNCED}"
    )
