"""Producers of Pulsar set the times: a subscription that begins at a time also delivers earlier rows behind it."""

from __future__ import annotations

import warnings

import pytest

import brokerkit as bk
from brokerkit.sandbox.pulsar import PulsarServer
from tests.backends.windows import at, millis
from tests.brokers.pulsar_producer import ClockedProducer

from .conftest import Make, new_name

pytestmark = pytest.mark.broker
SECONDS = [0, 60, 70, 80, 90, 100, 110, 10, 20, 120]


@pytest.mark.parametrize(("second", "earlier"), [(50, 2), (15, 1), (0, 0)])
@pytest.mark.parametrize("way", ["pull", "batches"])
def test_rows_that_are_earlier_than_the_start_are_counted(
    url: str, pulsar_server: PulsarServer, make: Make, way: str, second: int, earlier: int
) -> None:
    topic = make()
    with ClockedProducer(pulsar_server.url.removeprefix("pulsar://"), topic) as producer:
        producer.send((f"{number}", millis(each)) for number, each in enumerate(SECONDS))
    with bk.connect(url) as session, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        reading = {"subscription": new_name(), "start": at(second), "idle": 0.5}
        if way == "pull":
            rows = len(session.pull(topic, **reading))
        else:
            rows = sum(len(batch.frame) for batch in session.batches(topic, **reading))
    texts = [str(each.message) for each in told if each.category is bk.EarlierRowsWarning]
    assert rows == len(SECONDS) - [each >= second for each in SECONDS].index(True)
    assert [text.partition(" are ")[0] for text in texts] == (
        [f"{earlier} of these {rows} rows"] if earlier else []
    )
