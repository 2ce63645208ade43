"""The keys of each system, with what it can carry, come back after publishing back."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

from .messages import bytes_of
from .systems import Pulsar, System

LONG = b"k" * 40_000
"""NATS carries a key in a header, and headers of 64 kB at most."""
LONGEST = b"k" * 500_000
TEXTS: list[bytes | None] = [
    None,
    b"",
    b"c1",
    "žlutý".encode(),
    b"a\x00b",
    b"\\xff",
    b"\x00" * 7 + b"\x07",
    LONG,
]
BYTES = [b"\xff\x00\x01", b"\xed\xa0\x80", b"\xc0\x80", LONG + b"\xff"]


def round_trip(session: Session, system: System, keys: list[bytes | None]) -> pd.DataFrame:
    topic, copy = system.create_topic(session, "keys"), system.create_topic(session, "copies")
    sent = [OutboundMessage(str(number), key) for number, key in enumerate(keys)]
    session.publish_batch(topic, sent, timeout=60)
    frame = session.scan(topic, progress=False).to_pandas()
    for read in (
        session.peek(topic, 100),
        session.pull(topic, len(sent), subscription="s", start="earliest"),
    ):
        assert contents(read) == contents(frame)
    session.publish_frame(copy, frame, progress=False).raise_for_failures()
    again = session.scan(copy, progress=False).to_pandas()
    assert contents(again) == contents(frame) == Counter((key, str(n)) for n, key in enumerate(keys))
    return frame


def contents(frame: pd.DataFrame) -> Counter[tuple[bytes | None, str]]:
    return Counter(zip(bytes_of(frame, "key", "raw_key"), frame["value"], strict=True))


@pytest.mark.timeout(120)
def test_keys_of_any_bytes_come_back_and_join_as_text(system: System, session: Session) -> None:
    longest = [LONGEST, LONGEST + b"\xff"] if system.name == "kafka" else []
    keys = [key for key in [*TEXTS, *BYTES, *longest] if key != b"" or session.capabilities.empty_key]
    frame = round_trip(session, system, keys)
    names = pd.DataFrame({"customer": ["c1", "žlutý"], "name": ["Ada", "Bo"]})
    assert sorted(frame.merge(names, left_on="key", right_on="customer")["name"]) == ["Ada", "Bo"]
    found = session.scan(system_topic(frame), key=BYTES[0], progress=False).to_pandas()
    assert found["raw_key"].tolist() == [BYTES[0]]


def system_topic(frame: pd.DataFrame) -> str:
    return str(frame["topic"].iloc[0])


@pytest.mark.timeout(120)
def test_keys_of_text_come_back_on_pulsar(pulsar_system: Pulsar) -> None:
    with pulsar_system.connect() as session:
        frame = round_trip(session, pulsar_system, [key for key in TEXTS if key != b""])
        assert frame["raw_key"].isna().all()
        assert session.peek(system_topic(frame), key="žlutý")["key"].tolist() == ["žlutý"]
