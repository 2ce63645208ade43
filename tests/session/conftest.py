"""A session on a broker of its own, with a topic of twenty orders in three partitions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.core.runtime import consumer_thread
from brokerkit.workbench import Session


@pytest.fixture
def s(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    # a wait ends between two fetches
    monkeypatch.setattr(consumer_thread, "FETCH_SLICE", 0.05)
    with bk.connect("inmem://") as session:
        yield session


@pytest.fixture
def orders(s: Session) -> Session:
    """The same session; `orders` has the ids 0 to 19, in turn over three partitions."""
    s.create_topic("orders", partitions=3)
    s.publish_batch("orders", [{"id": number} for number in range(20)])
    return s
