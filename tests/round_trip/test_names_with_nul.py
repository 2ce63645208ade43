"""A name with a NUL is refused with one clear error, or kept whole: nothing ends at it without a word."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.workbench import Session

pytestmark = [pytest.mark.broker, pytest.mark.timeout(200)]

SERVERS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "kafka": ("kafka_server", lambda server: f"kafka://{server.bootstrap}"),
    "nats": ("nats_server", lambda server: str(server.url)),
    "pulsar": ("pulsar_server", lambda server: f"{server.url}?admin={server.admin}"),
    "pubsub": ("pubsub_emulator", lambda server: f"pubsub://nul-project?emulator={server.host}"),
    "servicebus": ("servicebus_server", lambda server: str(server.connection_string)),
}


@dataclass
class Place:
    system: str
    session: Session
    topic: str


@pytest.fixture(params=SERVERS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    fixture, url = SERVERS[request.param]
    with bk.connect(url(request.getfixturevalue(fixture))) as session:
        topic = f"nul-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic)
        yield Place(request.param, session, topic)


@pytest.mark.parametrize("at", ["front", "middle", "end"])
def test_no_topic_or_subscription_ends_at_a_nul(place: Place, at: str) -> None:
    session, topic = place.session, place.topic
    # what it would be cut to is there
    name = {"front": f"\0{topic}", "middle": f"{topic}\0more", "end": f"{topic}\0"}[at]
    calls: dict[str, Callable[[], object]] = {
        "create_topic": lambda: session.create_topic(name),
        "publish": lambda: session.publish(name, "x"),
        "peek": lambda: session.peek(name),
        "scan": lambda: session.scan(name, progress=False),
        "describe": lambda: session.describe(name),
        "pull of a topic": lambda: session.pull(name, subscription="reader", idle=1),
        "pull": lambda: session.pull(topic, subscription=name, idle=1),
        "create_subscription": lambda: session.create_subscription(topic, name),
        "delete_topic": lambda: session.delete_topic(name, confirm=name),
    }
    for call, work in calls.items():
        with pytest.raises(bk.BrokerError) as caught:
            work()
        cause = caught.value.__cause__ if isinstance(caught.value, bk.PublishFailed) else caught.value
        assert isinstance(cause, bk.ConfigError), call
        assert "embedded null" not in str(cause), call
        assert "\\x00" in str(cause), call
        assert "\0" not in str(cause), call
    assert len(session.topics().query("topic.str.contains(@topic)")) == 1
    assert len(session.describe(topic).subscriptions) == 0


def test_the_name_of_a_header_is_refused_or_kept_whole(place: Place) -> None:
    session, topic = place.session, place.topic
    if place.system == "pubsub":
        session.create_subscription(topic, "reader")
    names = ("a\0b", "\0", "a\0")
    batch = [bk.OutboundMessage("x", attributes={name: "1\0z"}) for name in names]
    kept = []
    for name, result in zip(names, session.shared_publisher().topic(topic).publish_batch(batch), strict=True):
        if result.ok:
            kept.append((name, b"1\0z"))
        else:
            assert isinstance(result.error, bk.ConfigError)
            assert "\\x00" in str(result.error)
    session.publish(topic, "x", attributes={"plain": "1\0z"})
    kept.append(("plain", b"1\0z"))
    if place.system == "pubsub":
        frame = session.pull(topic, subscription="reader", n=len(kept))
    else:
        frame = session.peek(topic, 9)
    found = [(pair["name"], pair["value"]) for pairs in frame["attributes"] for pair in pairs]
    assert sorted(found) == sorted(kept)
