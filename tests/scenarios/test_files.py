"""Frames of real systems go into users' files and back, and values of frames arrive as they were."""

from __future__ import annotations

import csv
from base64 import b64decode
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

from .messages import bytes_of
from .systems import System

SENT = [
    (b"c1", b'{"a":1}'),
    (b"\xff\x00", b"\xff\xfe\x00"),
    (None, b"=1+1"),
    (b"=HYPERLINK(1)", b"-1"),
    (b"'x", 'žlutý\r\n"q"'.encode()),
    (b"NA", b""),
]


def contents(frame: pd.DataFrame) -> Counter[tuple[bytes | None, bytes | None]]:
    return Counter(zip(bytes_of(frame, "key", "raw_key"), bytes_of(frame, "value", "raw"), strict=True))


@pytest.mark.timeout(120)
def test_a_frame_comes_back_from_a_parquet_file_of_pandas_and_is_published_again(
    system: System, session: Session, tmp_path: Path
) -> None:
    topic, copy = system.create_topic(session, "files"), system.create_topic(session, "copies")
    session.publish_batch(topic, [OutboundMessage(data, key, {"h": "1", "g": "ž"}) for key, data in SENT])
    frame = session.peek(topic)
    frame.to_parquet(tmp_path / "x.parquet")
    session.publish_frame(copy, pd.read_parquet(tmp_path / "x.parquet"), progress=False).raise_for_failures()
    again = session.peek(copy)
    assert contents(again) == contents(frame) == Counter(SENT)
    assert bk.attr(again, "g").tolist() == ["ž"] * len(SENT)


@pytest.mark.timeout(120)
def test_a_csv_file_of_a_topic_has_every_key_and_payload(
    system: System, session: Session, tmp_path: Path
) -> None:
    topic = system.create_topic(session, "files")
    session.publish_batch(topic, [OutboundMessage(data, key) for key, data in SENT])
    file = tmp_path / "x.csv"
    bk.plain(session.peek(topic), "csv").to_csv(file, index=False)
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    found = [(_data(row["key"], row["raw_key"]), _data(row["value"], row["raw"])) for row in rows]
    assert Counter(found) == Counter(SENT)


def _data(text: str, base64: str) -> bytes | None:
    return text.removeprefix("'").encode() if text else b64decode(base64) if base64 else None


@pytest.mark.timeout(120)
def test_times_of_rows_arrive_as_the_same_instants(system: System, session: Session) -> None:
    topic = system.create_topic(session, "times")
    old = [datetime(year, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam")) for year in (1900, 1930, 2026)]
    rows = pa.table(
        {
            "n": [0, 1, 2],
            "old": pa.array(old, pa.timestamp("us", "Europe/Amsterdam")),
            "times": pa.array([[1], [1_001], [86_399_999_999_999]], pa.list_(pa.time64("ns"))),
        }
    )
    session.publish_frame(topic, rows, progress=False).raise_for_failures()
    found = bk.expand(session.peek(topic)).sort_values("value.n")
    assert [datetime.fromisoformat(text) for text in found["value.old"]] == old
    assert found["value.times"].tolist() == [
        '["00:00:00.000000001"]', '["00:00:00.000001001"]', '["23:59:59.999999999"]',
    ]  # fmt: skip
    with pytest.raises(bk.ConfigError, match="the index 'n' would be lost"):
        session.publish_frame(topic, found.groupby("value.n").size().to_frame("count").rename_axis("n"))
