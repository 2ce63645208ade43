"""All subscriptions are listed, also while topics of others are made and deleted."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

import brokerkit as bk

pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::brokerkit.core.vocabulary.errors.PreviewWarning"),
]

SECONDS = 4.0
"""How long subscriptions are listed."""


class Case(NamedTuple):
    server: str
    topic: Mapping[str, Any] = MappingProxyType({})
    subscription: Mapping[str, Any] = MappingProxyType({})


CASES = {
    "kafka group": Case("kafka_server"),
    "kafka share group": Case("kafka_server", subscription={"share": True}),
    "jetstream": Case("nats_server"),
    "pulsar": Case("pulsar_server"),
    "pubsub": Case("pubsub_emulator"),
    "servicebus": Case("servicebus_server", topic={"kind": "topic"}, subscription={"start": "latest"}),
}
TAKES_LONG = set(CASES) - {"jetstream"}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=pytest.mark.extended if name in TAKES_LONG else ())
        for name, case in CASES.items()
    ],
)
def test_a_subscription_is_listed_while_other_topics_are_made_and_deleted(
    case: Case, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(case.server).address
    name, over = uuid.uuid4().hex[:8], threading.Event()
    failures: list[Exception] = []

    def disturb(number: int) -> None:
        with bk.connect(url) as other:
            for turn in itertools.count():
                if over.is_set():
                    return
                topic = f"gone-{name}-{number}-{turn}"
                try:
                    other.create_topic(topic, **case.topic)
                    other.delete_topic(topic, confirm=topic)
                except bk.Unavailable:
                    continue  # a server that answers late is not what is asked about
                except bk.BrokerError as error:
                    failures.append(error)
                    return

    with bk.connect(url) as s:
        s.create_topic(f"stays-{name}", **case.topic)
        s.create_subscription(f"stays-{name}", f"group-{name}", **{"start": "earliest", **case.subscription})
        s.publish(f"stays-{name}", "x")
        s.pull(f"stays-{name}", 1, subscription=f"group-{name}", **case.subscription)
        threads = [threading.Thread(target=disturb, args=(number,)) for number in range(3)]
        for each in threads:
            each.start()
        try:
            end, rounds = time.monotonic() + SECONDS, 0
            while time.monotonic() < end and not failures:
                assert f"group-{name}" in set(s.subscriptions()["subscription"])
                rounds += 1
        finally:
            over.set()
            for each in threads:
                each.join(30)
    assert not failures
    assert rounds
