"""peek, where looking has side effects: the caller chooses which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.core import ConfigError, NotSupported
from brokerkit.sandbox.pubsub import EmulatorServer
from brokerkit.workbench import Session

from .conftest import new_name, url_of

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]


@pytest.fixture
def session(pubsub_emulator: EmulatorServer) -> Iterator[Session]:
    with bk.connect(url_of(pubsub_emulator)) as session:
        yield session


@pytest.fixture
def topic(session: Session) -> str:
    name = new_name()
    session.create_topic(name, retention=3600)
    session.publish_batch(name, [str(number) for number in range(5)])
    return name


def test_looking_is_refused_with_the_choices(session: Session, topic: str) -> None:
    with pytest.raises(NotSupported, match='side_effects="give back".*side_effects="temporary subscription"'):
        session.peek(topic)


def test_a_temporary_subscription_shows_messages_and_leaves_nothing(session: Session, topic: str) -> None:
    frame = session.peek(topic, 10, side_effects="temporary subscription")
    assert sorted(frame["value"]) == ["0", "1", "2", "3", "4"]
    assert len(session.describe(topic).subscriptions) == 0


def test_give_back_shows_messages_that_the_next_pull_gets(session: Session, topic: str) -> None:
    subscription = new_name()
    session.create_subscription(topic, subscription, start="latest", ordering=False)
    session.publish_batch(topic, ["a", "b"])
    looked = session.peek(topic, 50, side_effects="give back", subscription=subscription)
    pulled = session.pull(topic, len(set(looked["value"])), subscription=subscription, timeout=60, idle=20)
    assert {"a", "b"} <= set(looked["value"])
    assert set(looked["value"]) == set(pulled["value"])


def test_a_wrong_choice_says_what_is_missing(session: Session, topic: str) -> None:
    with pytest.raises(ConfigError, match="name it, subscription="):
        session.peek(topic, side_effects="give back")
    with pytest.raises(ConfigError, match="filter the frame"):
        session.peek(topic, side_effects="temporary subscription", where="x")
    with bk.connect("inmem://") as other, pytest.raises(ConfigError, match="leave side_effects= out"):
        other.peek("orders", side_effects="give back")
