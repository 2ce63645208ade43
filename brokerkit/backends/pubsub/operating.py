"""Operating subscriptions. The service tells neither their position and lag nor who uses them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.positions import AtTime, Earliest, Latest, Position
from brokerkit.core.vocabulary.subscriptions import AtSnapshot, ResetPlan, SubscriptionDescription
from brokerkit.core.vocabulary.topics import SubscriptionInfo

from .admin import delete_subscription, get_subscription, get_topic, retention_seconds
from .connection import PubSubConnection
from .errors import code_of
from .inspector import PubSubInspector, subscription_details, subscription_info
from .methods import GET_SNAPSHOT, LIST_SUBSCRIPTIONS, SEEK
from .names import DELETED_TOPIC

DEFAULT_RETENTION = 7 * 86_400
"""How long a subscription keeps messages unless it says otherwise, in seconds."""


class PubSubSubscriptions(SubscriptionsDriver):
    """The subscriptions of a project."""

    def __init__(self, connection: PubSubConnection) -> None:
        self._connection = connection
        self._inspector = PubSubInspector(connection)

    def listed(self, topic: str | None, timeout: float) -> list[SubscriptionInfo]:
        """Return the subscriptions of a topic, or of the project."""
        if topic is not None:
            found = self._inspector.describe(topic, timeout).subscriptions
            return [replace(each, topic=topic) for each in found]
        project = f"projects/{self._connection.project}"
        pages = self._connection.pages(LIST_SUBSCRIPTIONS, "subscriptions", timeout, project=project)
        return [subscription_info(self._connection, each) for each in pages]

    def described(self, topic: str, subscription: str, timeout: float) -> SubscriptionDescription:
        found = self._find(topic, subscription, Deadline(timeout))
        settings = subscription_details(self._connection, found)
        return SubscriptionDescription(subscription_info(self._connection, found), settings=settings)

    def _find(self, topic: str, subscription: str, deadline: Deadline) -> Any:
        found = get_subscription(self._connection, subscription, deadline.remaining())
        deleted = topic == DELETED_TOPIC
        path = topic if deleted else self._connection.path("topics", topic)
        if found is not None and found.topic == path:
            return found
        if not deleted:
            # report a missing topic rather than its missing subscription
            get_topic(self._connection, topic, deadline.remaining())
        missing = f"topic {topic!r} has no subscription {subscription!r}"
        raise SubscriptionNotFound(missing, topic, subscription)

    def goes_to(self, position: Position | AtSnapshot, topic: str, timeout: float) -> bool:
        if isinstance(position, AtTime | Earliest | Latest | AtSnapshot):
            return True
        raise NotSupported(
            'Pub/Sub has no offsets: to= may be "earliest", "latest", a time within the retention, or '
            '"snapshot:NAME" (s.native.subscriber.create_snapshot makes one)'
        )

    def check_reset(self, plan: ResetPlan, timeout: float) -> tuple[str, ...]:
        deadline = Deadline(timeout)
        found = self._find(plan.topic, plan.subscription, deadline)
        if isinstance(plan.position, AtSnapshot):
            self._check_snapshot(plan.position, found, deadline)
            return ()
        if isinstance(plan.position, Latest):
            return ("everything that is published until the reset counts as acknowledged",)
        if isinstance(plan.position, AtTime) and plan.position.microseconds > time.time() * 1e6:
            return ("the time lies in the future: everything that is there now counts as acknowledged",)
        topic = get_topic(self._connection, plan.topic, deadline.remaining())
        if found.retain_acked_messages or retention_seconds(topic):
            return ()
        return (
            "neither the subscription (retain_acked) nor the topic (retention) keeps acknowledged messages: "
            "the reset brings back none of them",
        )

    def _check_snapshot(self, snapshot: AtSnapshot, found: Any, deadline: Deadline) -> None:
        path = self._connection.path("snapshots", snapshot.name)
        try:
            known = self._connection.call(GET_SNAPSHOT, deadline.remaining(), snapshot=path)
        except grpc.RpcError as error:
            if code_of(error) is StatusCode.NOT_FOUND:
                raise NotFound(f"there is no snapshot {snapshot.name!r} in this project") from error
            if code_of(error) is not StatusCode.UNIMPLEMENTED:
                raise
            # the server has no request to look one up, and says at the seek whether it has it
            return
        if known.topic != found.topic:
            raise ConfigError(
                f"snapshot {snapshot.name!r} is of topic {self._connection.shown(known.topic)!r}, and the "
                f"subscription reads {self._connection.shown(found.topic)!r}"
            )

    def reset(self, plan: ResetPlan, timeout: float) -> None:
        deadline = Deadline(timeout)
        found = self._find(plan.topic, plan.subscription, deadline)
        fields: dict[str, Any]
        if isinstance(plan.position, AtSnapshot):
            fields = {"snapshot": self._connection.path("snapshots", plan.position.name)}
        else:
            fields = {"time": self._moment(plan, found, deadline)}
        try:
            self._connection.call(SEEK, deadline.remaining(), subscription=found.name, **fields)
        except grpc.RpcError as error:
            if code_of(error) is StatusCode.UNIMPLEMENTED and found.enable_message_ordering:
                raise NotSupported(
                    f"this server cannot move {plan.subscription!r} to a time, because it keeps the order of "
                    "keys; a snapshot works there: s.native.subscriber.create_snapshot, then "
                    'to="snapshot:NAME"'
                ) from error
            raise

    def _moment(self, plan: ResetPlan, found: Any, deadline: Deadline) -> Timestamp:
        match plan.position:
            case AtTime(microseconds):
                return Timestamp(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1_000)
            case Latest():
                now = time.time_ns()
                return Timestamp(seconds=now // 1_000_000_000, nanos=now % 1_000_000_000)
        topic = get_topic(self._connection, plan.topic, deadline.remaining())
        kept = found.message_retention_duration.seconds or DEFAULT_RETENTION
        return Timestamp(seconds=int(time.time()) - max(kept, retention_seconds(topic)))

    def delete(self, topic: str, subscription: str, timeout: float) -> None:
        deadline = Deadline(timeout)
        self._find(topic, subscription, deadline)
        delete_subscription(self._connection, subscription, deadline.remaining())
