"""Payloads that are not plain text, through everything that a session does with them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.frames.build import FrameBuilder
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.widgets.browse.message import MessageView
from brokerkit.widgets.row_view import detail_view, rows_view
from brokerkit.workbench import Session

ORDER = b'{"id":9007199254740993,"customer":"Zo\xc3\xab"}'
PAYLOADS = [
    ORDER,
    gzip.compress(ORDER),
    msgspec.msgpack.encode({"id": 9007199254740993, "customer": "Zoë"}),
    b"\x00\x01\x02",
    None,
    gzip.compress(ORDER)[:-4],
    b"plain text",
]
FORMATS = ["json", "gzip+json", "msgpack", "bytes", None, "gzip", "text"]


@pytest.fixture(params=["inmem", pytest.param("kafka", marks=pytest.mark.broker)])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session on each of the systems."""
    if request.param == "inmem":
        url = "inmem://"
    else:
        server: KafkaServer = request.getfixturevalue("kafka_server")
        url = f"kafka://{server.bootstrap}"
    with bk.connect(url) as made:
        yield made


@pytest.fixture
def topic(session: Session) -> Iterator[str]:
    name = "formats"
    for each in (name, f"{name}-back"):
        session.create_topic(each, partitions=1)
    session.publish_batch(name, [OutboundMessage(payload, b"k") for payload in PAYLOADS])
    yield name
    for each in (name, f"{name}-back"):
        session.delete_topic(each, confirm=each)


def bytes_in(session: Session, topic: str) -> list[bytes | None]:
    return session.scan(topic, decode="raw", progress=False).to_arrow().column("raw").to_pylist()


def none_for_na(series: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in series]


def test_each_read_says_how_it_read_each_row(session: Session, topic: str) -> None:
    frames = [
        session.peek(topic, start="earliest"),
        session.scan(topic, progress=False).to_pandas(),
        session.scan(topic, progress=False, limit=7).to_arrow().to_pandas(types_mapper=pd.ArrowDtype),
        session.pull(topic, len(PAYLOADS), subscription="me", start="earliest"),
    ]
    frames.append(session.reread(frames[0]))
    for frame in frames:
        assert none_for_na(frame["format"]) == FORMATS
        assert none_for_na(frame["value"])[:3] == [ORDER.decode()] * 3
        assert none_for_na(frame["raw"]) == [None, *PAYLOADS[1:4], None, PAYLOADS[5], None]
    for frame in (frames[0], frames[3], frames[4]):
        [failure] = bk.failures(frame).to_dict("records")
        assert (failure["row"], failure["layer"], failure["byte"]) == (5, "gzip", len(PAYLOADS[5] or b""))
        assert frame.attrs["brokerkit"]["counts"]["failures"] == 1


def test_publishing_back_and_copying_keep_every_byte(session: Session, topic: str) -> None:
    back = f"{topic}-back"
    session.publish_frame(back, session.peek(topic, start="earliest")).raise_for_failures()
    assert bytes_in(session, back) == PAYLOADS
    session.copy(topic, session, back, progress=False).raise_for_failures()
    assert bytes_in(session, back) == PAYLOADS * 2


def test_one_edited_row_changes_and_keeps_its_compression(session: Session, topic: str) -> None:
    frame = session.peek(topic, start="earliest")
    frame.loc[1, "value"] = '{"id":1}'
    session.publish_frame(f"{topic}-back", frame).raise_for_failures()
    stored = bytes_in(session, f"{topic}-back")
    assert gzip.decompress(stored[1] or b"") == b'{"id":1}'
    assert stored[:1] + stored[2:] == PAYLOADS[:1] + PAYLOADS[2:]


def test_files_keep_the_bytes_and_can_be_published(s: Session, tmp_path: Path) -> None:
    s.create_topic("t")
    s.create_topic("back")
    s.publish_batch("t", [OutboundMessage(payload) for payload in PAYLOADS])
    s.peek("t", start="earliest").to_parquet(tmp_path / "x.parquet")
    frame = pd.read_parquet(tmp_path / "x.parquet", dtype_backend="pyarrow")
    s.publish_frame("back", frame).raise_for_failures()
    assert bytes_in(s, "back") == PAYLOADS
    s.scan("t", progress=False).to_parquet(tmp_path / "export")
    assert none_for_na(pd.read_parquet(tmp_path / "export")["format"]) == FORMATS
    plain = bk.plain(s.peek("t", start="earliest"), "csv")
    assert plain["value"][2] == ORDER.decode()


def test_expand_gives_the_fields_of_all_formats_together(session: Session, topic: str) -> None:
    frame = session.peek(topic, start="earliest", expand=True)
    assert frame["value.id"].dropna().tolist() == [9007199254740993] * 3
    assert frame["value.customer"].dropna().tolist() == ["Zoë"] * 3


def test_the_widgets_show_what_was_decoded_and_the_size_that_was_stored(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", [OutboundMessage(payload) for payload in PAYLOADS])
    table: pa.Table = s.scan("t", progress=False).to_arrow()
    shown = rows_view(table, 0)
    assert [row["kind"] for row in shown] == ["text"] * 3 + ["bytes", "null", "bytes", "text"]
    assert [row["size"] for row in shown[:3]] == [f"{len(payload or b'')} B" for payload in PAYLOADS[:3]]
    assert shown[1]["value"] == ORDER.decode()
    assert '"customer": "Zoë"' in detail_view(table.slice(1, 1))["value"]
    views = [MessageView(table.slice(row, 1), FrameBuilder()) for row in range(len(PAYLOADS))]
    assert [view.payload for view in views] == PAYLOADS
    assert [view.view()["payload"]["form"] for view in views] == [
        "tree", "tree", "tree", "hex", "text", "hex", "text"
    ]  # fmt: skip
    assert views[1].view()["decoder"] == "auto: gzip+json: JSON object"
    assert views[2].view()["decoder"] == "auto: msgpack: JSON object"
    assert views[5].view()["failure"].startswith("gzip: byte ")
    assert views[1].copied() == ORDER.decode()
