"""Emptying topics and skipping backlogs on the real broker, with the state asked of its REST endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.workbench import Session

from .conftest import Make
from .test_operating import backlog, sent

pytestmark = pytest.mark.broker


@pytest.fixture
def s(url: str) -> Iterator[Session]:
    with bk.connect(url) as session:
        yield session


@pytest.mark.parametrize(("before", "left"), [(None, 0), ("sixth", 5), (-3, 3)])
def test_the_backlog_of_one_subscription_is_skipped(
    s: Session, pulsar_server: PulsarServer, make: Make, before: Any, left: int
) -> None:
    topic = make()
    ids = sent(s, topic, 10)
    for name in ("me", "other"):
        s.create_subscription(topic, name, start="earliest")
    before = ids[5] if before == "sixth" else before
    plan = s.purge(topic, subscription="me", before=before, dry_run=True)
    assert list(plan["messages"]) == [10 - left]
    assert backlog(pulsar_server, topic, "me") == 10
    done = s.purge(topic, subscription="me", before=before, confirm="me")
    assert list(done["status"]) == ["done"]
    assert (backlog(pulsar_server, topic, "me"), backlog(pulsar_server, topic, "other")) == (left, 10)
    # what was skipped is not brought back
    assert len(s.purge(topic, subscription="me", before="earliest", confirm="me")) == 0
    assert backlog(pulsar_server, topic, "me") == left


@pytest.mark.parametrize("partitions", [(), (2,)])
def test_a_topic_is_emptied_for_all_subscriptions(
    s: Session, pulsar_server: PulsarServer, make: Make, partitions: tuple[int, ...]
) -> None:
    topic = make(*partitions)
    sent(s, topic, 6)
    s.create_subscription(topic, "me", start="earliest")
    assert backlog(pulsar_server, topic, "me") == 6
    plan = s.purge(topic, dry_run=True)
    assert sum(plan["messages"]) == 6
    notes = plan.attrs["brokerkit"]["notes"]
    assert notes[0] == "not settled yet by me: these never get what is removed"
    assert "readers still find" in notes[1]
    done = s.purge(topic, confirm=topic)
    assert set(done["status"]) <= {"accepted", "done"}
    assert backlog(pulsar_server, topic, "me") == 0


def test_what_the_broker_cannot_do_is_refused_with_what_it_can(s: Session, make: Make) -> None:
    topic = make()
    sent(s, topic, 2)
    with pytest.raises(bk.NotSupported, match="subscription=NAME"):
        s.purge(topic, before="-1h", confirm=topic)
    with pytest.raises(bk.NotSupported, match="removes no single messages"):
        s.purge(topic, where="1", confirm=topic)
    with pytest.raises(bk.NotFound, match="no subscription 'none'"):
        s.purge(topic, subscription="none", confirm="none")
    assert len(s.peek(topic)) == 2
