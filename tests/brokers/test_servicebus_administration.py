"""The administration of the Service Bus emulator, by Microsoft's administration client."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core import exceptions as errors
from azure.core.pipeline import transport
from azure.servicebus import NEXT_AVAILABLE_SESSION, exceptions, management
from azure.servicebus import ServiceBusMessage as Message

from brokerkit.sandbox.servicebus.server import ServiceBusServer
from tests.brokers.conftest import Bus, receive

pytestmark = pytest.mark.broker


class PlainHttp(transport.RequestsTransport):  # type: ignore[misc, name-defined]
    """The client asks for https whatever the connection string says."""

    def send(self, request: Any, **options: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **options)


def client_of(connection_string: str) -> Any:
    return management.ServiceBusAdministrationClient.from_connection_string(
        connection_string, transport=PlainHttp(), retry_total=0
    )


@pytest.fixture
def admin(servicebus_server: ServiceBusServer) -> Iterator[Any]:
    with client_of(servicebus_server.connection_string) as client:
        yield client


def test_a_queue_is_made_changed_and_deleted(bus: Bus, admin: Any) -> None:
    """Create, get, update and delete queue, with the defaults of the service."""
    name = bus.queue() + "/made"
    made = admin.create_queue(name, lock_duration="PT30S", requires_session=True, user_metadata="<&>")
    assert (made.lock_duration, made.requires_session) == (datetime.timedelta(seconds=30), True)
    got = admin.get_queue(name)
    assert (got.max_delivery_count, got.user_metadata, got.status) == (10, "<&>", "Active")
    got.max_delivery_count = 3
    admin.update_queue(got)
    assert admin.get_queue(name).max_delivery_count == 3
    admin.delete_queue(name)
    with pytest.raises(errors.ResourceNotFoundError):
        admin.get_queue(name)
    with pytest.raises(errors.ResourceNotFoundError):
        admin.delete_queue(name)


def test_topics_subscriptions_and_rules_are_made_and_deleted(bus: Bus, admin: Any) -> None:
    """A topic goes with its subscriptions; a subscription starts with the rule $Default."""
    topic = bus.topic()
    admin.create_subscription(topic, "s", lock_duration="PT10S")
    assert [each.name for each in admin.list_subscriptions(topic)] == ["s"]
    assert [each.name for each in admin.list_rules(topic, "s")] == ["$Default"]
    admin.create_rule(
        topic,
        "s",
        "sql",
        filter=management.SqlRuleFilter("a > 1"),
        action=management.SqlRuleAction("SET b = 2"),
    )
    wanted = {"i": 1, "f": 0.5, "t": "x", "b": True}
    admin.create_rule(
        topic, "s", "like", filter=management.CorrelationRuleFilter(label="l", properties=dict(wanted))
    )
    got = {each.name: each for each in admin.list_rules(topic, "s")}
    assert (got["sql"].filter.sql_expression, got["sql"].action.sql_expression) == ("a > 1", "SET b = 2")
    assert (got["like"].filter.label, dict(got["like"].filter.properties)) == ("l", wanted)
    admin.delete_rule(topic, "s", "$Default")
    assert sorted(each.name for each in admin.list_rules(topic, "s")) == ["like", "sql"]
    with pytest.raises(errors.HttpResponseError, match="not understood"):
        admin.create_rule(topic, "s", "bad", filter=management.SqlRuleFilter("a ? b"))
    admin.delete_topic(topic)
    with pytest.raises(errors.ResourceNotFoundError):
        admin.get_subscription(topic, "s")


def test_entities_are_listed_page_by_page(bus: Bus, admin: Any) -> None:
    """$skip and $top; the next page is behind the link 'next' of the feed."""
    made = {bus.queue() for _ in range(7)}
    listed = [each.name for each in admin.list_queues(max_page_size=3)]
    assert made <= set(listed)
    assert len(listed) == len(set(listed))


def test_counts_tell_messages_by_what_became_of_them(bus: Bus, admin: Any) -> None:
    """Message counts: active ones, locked ones among them; dead-lettered and scheduled ones."""
    queue, topic = bus.queue(), bus.topic("s")
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    bus.send(queue, "dead", "locked", "active", Message("scheduled", scheduled_enqueue_time_utc=soon))
    bus.send(topic, "copy")
    receiver = bus.receiver(queue)
    receiver.dead_letter_message(receive(receiver, 2)[0])
    counts = admin.get_queue_runtime_properties(queue)
    assert (counts.active_message_count, counts.dead_letter_message_count) == (2, 1)
    assert (counts.scheduled_message_count, counts.total_message_count) == (1, 4)
    assert counts.size_in_bytes > 0
    assert admin.get_subscription_runtime_properties(topic, "s").active_message_count == 1
    assert admin.get_topic_runtime_properties(topic).subscription_count == 1
    broken = bus.queue(ForwardTo="no-such-queue")
    bus.send(broken, "lost")
    assert admin.get_queue_runtime_properties(broken).transfer_dead_letter_message_count == 1


def test_a_name_is_taken_once(bus: Bus, admin: Any) -> None:
    """409 Conflict; the case of letters does not make another name."""
    with pytest.raises(errors.ResourceExistsError):
        admin.create_topic(bus.queue().upper())


def test_settings_that_are_not_valid_are_refused(bus: Bus, admin: Any) -> None:
    """400 Bad Request: LockDuration is at most five minutes; RequiresSession is fixed at creation."""
    with pytest.raises(errors.HttpResponseError, match="PT5M"):
        admin.create_queue("too-long", lock_duration="PT6M")
    queue = admin.get_queue(bus.queue())
    queue.requires_session = True
    with pytest.raises(errors.HttpResponseError, match="cannot be changed"):
        admin.update_queue(queue)


def test_administration_needs_the_manage_claim(bus: Bus) -> None:
    """401 for a policy without Manage, and for a key that is not that of the policy."""
    for policy, key in (("ListenOnly", {}), ("RootManageSharedAccessKey", {"key": "another"})):
        with (
            client_of(bus.server.connection_string_of(policy, **key)) as client,
            pytest.raises(errors.ClientAuthenticationError),
        ):
            client.get_queue("any")


def test_a_disabled_queue_takes_and_gives_nothing(bus: Bus, admin: Any) -> None:
    """Entity status: Disabled, SendDisabled and ReceiveDisabled; com.microsoft:entity-disabled."""
    disabled = exceptions.MessagingEntityDisabledError
    queue = admin.get_queue(bus.queue())
    queue.status = "ReceiveDisabled"
    admin.update_queue(queue)
    bus.send(queue.name, "one")
    with pytest.raises(disabled):
        bus.receiver(queue.name)
    queue.status = "Disabled"
    admin.update_queue(queue)
    with pytest.raises(disabled):
        bus.send(queue.name, "two")


def test_the_links_to_a_deleted_queue_end(bus: Bus, admin: Any) -> None:
    """amqp:not-found detaches what was attached to it."""
    not_found = exceptions.MessagingEntityNotFoundError
    queue = bus.queue()
    receiver = bus.receiver(queue)
    admin.delete_queue(queue)
    with pytest.raises(not_found):
        receiver.receive_messages(1, max_wait_time=5)


def test_waiting_for_a_session_of_a_deleted_queue_raises(bus: Bus, admin: Any) -> None:
    """amqp:not-found answers an attach that had to wait for a session, too."""
    queue, other = bus.queue(RequiresSession=True), bus.queue()
    deleting = threading.Timer(0.5, lambda: admin.delete_queue(queue))
    deleting.start()
    with pytest.raises(exceptions.MessagingEntityNotFoundError):
        bus.receiver(queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=15)
    deleting.join()
    assert admin.get_queue(other).name == other
