"""A year of flights goes in and comes out: nothing missing, doubled or changed."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

from .conftest import ON_ONE_SYSTEM
from .flights import Flights
from .messages import bytes_of
from .systems import System


@ON_ONE_SYSTEM
@pytest.mark.timeout(120)
def test_a_published_frame_reads_back_without_one_row_missing_doubled_or_changed(
    session: Session, flights: Flights
) -> None:
    assert flights.outcome.counts == {"confirmed": len(flights.source), "failed": 0, "unknown": 0}

    frame = session.scan(flights.topic, progress=False).to_pandas()

    assert Counter(frame["value"]) == Counter(_json_texts(flights.source))
    assert bk.failures(frame).empty
    expanded = bk.expand(frame).sort_values("value.row", ignore_index=True)
    assert list(expanded["key"]) == list(flights.source["carrier"])
    for name, column in flights.source.items():
        found = expanded[f"value.{name}"]
        if pd.api.types.is_numeric_dtype(column):
            np.testing.assert_array_equal(
                found.to_numpy("float64", na_value=np.nan), column.to_numpy("float64")
            )
        else:
            assert found.fillna("missing").tolist() == column.fillna("missing").tolist()


@ON_ONE_SYSTEM
@pytest.mark.timeout(120)
def test_the_messages_of_a_key_stay_in_the_order_of_the_frame(session: Session, flights: Flights) -> None:
    rows = bk.expand(session.scan(flights.topic, progress=False).to_pandas(), fields=["row"])
    for _, numbers in rows.groupby("key")["value.row"]:
        assert numbers.is_monotonic_increasing


@pytest.mark.timeout(120)
def test_a_pulled_frame_publishes_back_as_it_was(system: System, session: Session) -> None:
    topic = system.create_topic(session)
    copy = system.create_topic(session, "copies")
    sent = [
        OutboundMessage(
            f'{{"n":{n},  "big":{2**60 + n}}}' if n % 3 else bytes([255, 0, n % 256]),
            f"key-{n % 11}" if n % 5 else None,
            {"trace": f"t-{n}", "kind": "a"} if n % 2 else None,
        )
        for n in range(10_000)
    ]
    session.publish_batch(topic, sent, timeout=60)

    pulled = session.pull(topic, 10_000, subscription="copier", start="earliest", timeout=45)
    outcome = session.publish_frame(copy, pulled, progress=False)

    outcome.raise_for_failures()
    copied = session.scan(copy, progress=False).to_pandas()
    assert len(copied) == len(sent)
    assert Counter(_contents(copied)) == Counter(_contents(pulled))
    assert Counter(_contents(pulled)) == Counter(
        (
            message.key,
            message.data,
            tuple((name, str(value).encode()) for name, value in message.attributes),
        )
        for message in sent
    )


def _json_texts(source: pd.DataFrame) -> list[str]:
    """Each row as JSON, made with Python's own library."""
    names = list(source.columns)
    columns = [source[name].astype(object).where(source[name].notna(), None).tolist() for name in names]
    return [
        json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":"), ensure_ascii=False)
        for row in zip(*columns, strict=True)
    ]


def _contents(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    """Key, payload and attributes of each row."""
    keys, payloads = bytes_of(frame, "key", "raw_key"), bytes_of(frame, "value", "raw")
    attributes = [
        () if each is None or each is pd.NA else tuple((one["name"], one["value"]) for one in each)
        for each in frame["attributes"]
    ]
    return list(zip(keys, payloads, attributes, strict=True))
