"""The requests of the Pub/Sub service, as protobuf classes without the slower wrappers around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types


@dataclass(frozen=True)
class Method:
    """A kind of request.

    Attributes:
        routed_by: The field whose value tells the service where to route the request.
    """

    path: str
    request: Any
    response: Any
    routed_by: str


def _publisher(name: str, request: Any, response: Any, routed_by: str) -> Method:
    return Method(f"/google.pubsub.v1.Publisher/{name}", request, response, routed_by)


def _subscriber(name: str, request: Any, response: Any, routed_by: str) -> Method:
    return Method(f"/google.pubsub.v1.Subscriber/{name}", request, response, routed_by)


PubsubMessage: Any = types.PubsubMessage.pb()
Topic: Any = types.Topic.pb()
Subscription: Any = types.Subscription.pb()

PUBLISH = _publisher("Publish", types.PublishRequest.pb(), types.PublishResponse.pb(), "topic")
CREATE_TOPIC = _publisher("CreateTopic", Topic, Topic, "name")
GET_TOPIC = _publisher("GetTopic", types.GetTopicRequest.pb(), Topic, "topic")
DELETE_TOPIC = _publisher("DeleteTopic", types.DeleteTopicRequest.pb(), Empty, "topic")
LIST_TOPICS = _publisher("ListTopics", types.ListTopicsRequest.pb(), types.ListTopicsResponse.pb(), "project")
LIST_TOPIC_SUBSCRIPTIONS = _publisher(
    "ListTopicSubscriptions",
    types.ListTopicSubscriptionsRequest.pb(),
    types.ListTopicSubscriptionsResponse.pb(),
    "topic",
)
CREATE_SUBSCRIPTION = _subscriber("CreateSubscription", Subscription, Subscription, "name")
GET_SUBSCRIPTION = _subscriber(
    "GetSubscription", types.GetSubscriptionRequest.pb(), Subscription, "subscription"
)
DELETE_SUBSCRIPTION = _subscriber(
    "DeleteSubscription", types.DeleteSubscriptionRequest.pb(), Empty, "subscription"
)
PULL = _subscriber("Pull", types.PullRequest.pb(), types.PullResponse.pb(), "subscription")
ACKNOWLEDGE = _subscriber("Acknowledge", types.AcknowledgeRequest.pb(), Empty, "subscription")
MODIFY_ACK_DEADLINE = _subscriber(
    "ModifyAckDeadline", types.ModifyAckDeadlineRequest.pb(), Empty, "subscription"
)
SEEK = _subscriber("Seek", types.SeekRequest.pb(), types.SeekResponse.pb(), "subscription")
GET_SCHEMA = Method(
    "/google.pubsub.v1.SchemaService/GetSchema", types.GetSchemaRequest.pb(), types.Schema.pb(), "name"
)
LIST_SCHEMA_REVISIONS = Method(
    "/google.pubsub.v1.SchemaService/ListSchemaRevisions",
    types.ListSchemaRevisionsRequest.pb(),
    types.ListSchemaRevisionsResponse.pb(),
    "name",
)
LIST_SUBSCRIPTIONS = _subscriber(
    "ListSubscriptions", types.ListSubscriptionsRequest.pb(), types.ListSubscriptionsResponse.pb(), "project"
)
GET_SNAPSHOT = _subscriber("GetSnapshot", types.GetSnapshotRequest.pb(), types.Snapshot.pb(), "snapshot")
