"""What a filter reads exactly, what it reads leniently, and what it says of messages it could not look at."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import msgpack
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.session import read_report
from brokerkit.session.overlooked import Overlooked
from brokerkit.testing import waiting
from brokerkit.widgets.browse.state import state_of as browser_state
from brokerkit.widgets.tail.view import state_of as tail_state
from brokerkit.workbench import Session

BIG = 10**21


REAL = [pytest.param(name, marks=pytest.mark.broker) for name in ("kafka", "nats")]


@pytest.fixture(params=["inmem", *REAL])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session on each of the systems."""
    if request.param == "inmem":
        url = "inmem://"
    elif request.param == "kafka":
        server: KafkaServer = request.getfixturevalue("kafka_server")
        url = f"kafka://{server.bootstrap}"
    else:
        nats: NatsServer = request.getfixturevalue("nats_server")
        url = nats.url
    with bk.connect(url) as session:
        yield session


@pytest.fixture
def topic(session: Session, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"overlooked-{abs(hash(request.node.name)) % 10**9}"
    session.create_topic(name)
    yield name
    session.delete_topic(name, confirm=name)


def warned(read: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    said: list[str] = []

    def note(text: str, category: type[Warning]) -> None:
        assert category is bk.FilterWarning
        said.append(text)

    # a thread of another library that ignores warnings for a moment would lose those that Python records
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_report, "note", note)
        return read(), said


def test_a_whole_number_of_any_size_is_found_exactly(session: Session, topic: str) -> None:
    huge = 10**5_000
    session.publish_batch(topic, [f'{{"wei":{each}}}' for each in (BIG + 1, BIG, -BIG, 2**64)])
    session.publish(topic, f'{{"wei":1{"0" * 5_000}}}')
    for number in (BIG + 1, BIG, -BIG, 2**64, huge):
        frame, said = warned(lambda number=number: session.peek(topic, where=lambda v: v["wei"] == number))
        assert len(frame) == 1
        assert said == []
    assert len(session.peek(topic, where=lambda v: v["wei"] > BIG)) == 2
    assert len(session.scan(topic, where=lambda v: v["wei"] == BIG + 1).to_pandas()) == 1


def test_decimal_numbers_are_compared_as_they_were_written(session: Session, topic: str) -> None:
    texts = ["12345678901234567.89", "12345678901234568", "0.1", "1e400", "1e1000000000", "-0.0"]
    session.publish_batch(topic, [f'{{"items":[{{"price":{each}}}]}}' for each in texts])

    def found(test: Callable[[object], bool]) -> list[str]:
        frame = session.peek(topic, where=lambda v: test(v["items"][0]["price"]))
        return [
            json.loads(each, parse_float=str, parse_int=str)["items"][0]["price"] for each in frame["value"]
        ]

    assert found(lambda price: price == Decimal("12345678901234567.89")) == texts[:1]
    assert found(lambda price: price == 12345678901234568) == texts[1:2]
    assert found(lambda price: price == 0.1) == texts[2:3]
    assert found(lambda price: price > 3) == [*texts[:2], *texts[3:5]]
    assert found(lambda price: price > 10.5**300) == texts[3:5]
    assert found(lambda price: price <= 0) == texts[5:]


def test_json_as_others_write_it_is_found_and_said_to_be_so(session: Session, topic: str) -> None:
    payloads = [
        b'{"price":NaN,"id":1}',
        b'{"price":2.0,"id":1}',
        b'\xef\xbb\xbf{"id":1}',
        b'{"id":1}\0',
        b'{"id":2}',
    ]
    session.publish_batch(topic, payloads)
    frame, said = warned(lambda: session.peek(topic, where=lambda v: v["id"] == 1))
    assert len(frame) == 4
    assert said == []
    assert "3 read leniently (NaN, a byte-order mark, zero bytes at the end)" in str(session.last_read)
    assert frame.attrs["brokerkit"]["read"]["lenient"] == 3
    everything = session.peek(topic, expand=True)
    assert everything["value.id"].tolist() == [1, 1, 1, 1, 2]
    assert everything.attrs["brokerkit"]["expanded"] == [{"column": "value", "failures": 0, "lenient": 3}]
    # what is published back are the same bytes
    with bk.connect("inmem://") as other:
        other.create_topic("back")
        other.publish_frame("back", everything).raise_for_failures()
        assert [each.encode() for each in other.peek("back")["value"]] == payloads


def test_a_function_says_once_how_many_messages_it_could_not_look_at(session: Session, topic: str) -> None:
    session.publish_batch(topic, [{"id": number} for number in range(300)] + ["plain text"] * 12)
    frame, said = warned(lambda: session.peek(topic, where=lambda v: v["id"] == 1))
    assert len(frame) == 1
    [text] = said
    assert text.startswith("where= could not look at 12 of 312 messages (not JSON: TypeError: string indices")
    assert "12 of 312 messages (not JSON" in str(session.last_read)
    assert frame.attrs["brokerkit"]["read"]["overlooked"] == {"not JSON": 12}
    for read in (
        lambda: session.scan(topic, where=lambda v: v["id"] == 1).to_pandas(),
        lambda: session.scan(topic, where=lambda v: v["id"] == 1).to_arrow(),
    ):
        _, said = warned(read)
        assert [each == text for each in said] == [True]


def test_a_text_filter_looks_into_what_was_decoded(session: Session, topic: str) -> None:
    found = b'{"status":"FAILED","id":1}'
    payloads = [found, gzip.compress(found), zlib.compress(found), gzip.compress(zlib.compress(found))]
    others = [each.replace(b"FAILED", b"PAID") for each in payloads[:1]] + [gzip.compress(b"paid"), b"\xff"]
    session.publish_batch(topic, [*payloads, *others])
    frame, said = warned(lambda: session.peek(topic, where="FAILED"))
    assert frame["value"].tolist() == [found.decode()] * 4
    assert sorted(frame["format"]) == ["gzip+json", "gzip+zlib+json", "json", "zlib+json"]
    [text] = said
    assert text.startswith("where= could not look into 1 of 7 payloads (not UTF-8 text)")
    frame, _ = warned(lambda: session.peek(topic, where=lambda v: v["id"] == 1))
    assert len(frame) == 5
    assert len(session.scan(topic, where=pc.field("format") == "gzip+json").to_pandas()) == 1


def test_a_text_filter_says_how_many_payloads_it_could_not_decompress(session: Session, topic: str) -> None:
    packed = [gzip.compress(b'{"status":"FAILED","id":%d}' % number)[:-4] for number in range(90)]
    plain = [b'{"status":"FAILED","id":%d}' % number for number in range(10)]
    other = [
        zlib.compress(b"FAILED")[:-4],
        b"\x28\xb5\x2f\xfd zstd",
        "FAILED".encode("utf-16"),
        b"\xff FAILED",
    ]
    session.publish_batch(topic, [*packed, *plain, *other, b"nothing"])
    frame, said = warned(lambda: session.peek(topic, 200, where="FAILED"))
    assert len(frame) == 11
    [text] = said
    assert text.startswith("where= could not look into 93 of 105 payloads (90 gzip; ")
    assert frame.attrs["brokerkit"]["read"]["overlooked"] == {"gzip": 90, "zstd": 1, "zlib": 1, "UTF-16": 1}
    assert "could not look into 93 of 105 payloads" in str(session.last_read)
    _, said = warned(lambda: session.peek(topic, where=lambda v: v["id"] == 1))
    assert "90 gzip" in said[0]


def test_a_text_filter_says_nothing_where_it_looked_at_everything(session: Session, topic: str) -> None:
    session.publish_batch(topic, [b"wanted", b"\xffwanted", b"\x00\x01\x02", b"BZh is how it begins", b"PK"])
    frame, said = warned(lambda: session.peek(topic, where="wanted"))
    assert (len(frame), said) == (2, [])
    assert "overlooked" not in frame.attrs["brokerkit"]["read"]


def test_an_expression_over_the_text_says_which_messages_have_none(session: Session, topic: str) -> None:
    session.publish_batch(topic, [b"wanted", b"\xffwanted", gzip.compress(b"wanted")[:-4], b"other"])
    contains = pc.match_substring(pc.field("value"), "wanted")
    frame, said = warned(lambda: session.peek(topic, where=contains))
    assert len(frame) == 1
    assert said[0].startswith("where= could not look into 2 of 4 payloads (1 gzip; 1 not UTF-8 text)")
    frame, said = warned(lambda: session.peek(topic, where=pc.field("offset") >= 0))
    assert (len(frame), said) == (4, [])


def test_only_what_was_read_is_counted_where_a_limit_ended_it(session: Session, topic: str) -> None:
    session.publish_batch(topic, ["text", {"id": 1}, "text", {"id": 1}, *["text"] * 50, {"id": 1}])
    frame, said = warned(lambda: session.peek(topic, 2, start="earliest", where=lambda v: v["id"] == 1))
    assert len(frame) == 2
    assert said[0].startswith("where= could not look at 2 of 4 messages (not JSON")
    frame, said = warned(lambda: session.peek(topic, 2, start="earliest", where="id"))
    assert (len(frame), said) == (2, [])
    frame, said = warned(
        lambda: session.peek(topic, 1, start="earliest", where=pc.match_substring(pc.field("value"), "id"))
    )
    assert (len(frame), said) == (1, [])
    assert session.last_read is not None
    assert session.last_read.read == 2


def test_a_null_payload_that_a_function_fails_on_is_named_as_one(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch(
        "t", [OutboundMessage(None, "k"), OutboundMessage(b"12", "k"), OutboundMessage(b"{}", "k")]
    )
    _, said = warned(lambda: s.peek("t", where=lambda v: v["id"] == 1))
    assert said[0].startswith("nothing was found, but where= could not look at 3 of 3 messages (")
    for part in ("1 null payload", "1 KeyError: 'id'", "1 TypeError: 'int' object"):
        assert part in said[0]
    assert said[0].endswith("does not match; the first of them is 0-0")


def test_bytes_of_valid_text_are_not_a_reason(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", [{"id": 1}])
    _, said = warned(lambda: s.peek("t", decode="raw", where=lambda v: v["id"] == 1))
    assert "where= failed on 1 of 1 messages (TypeError: byte indices" in said[0]


def test_a_key_where_no_message_has_one_says_so(s: Session) -> None:
    s.create_topic("t", partitions=2)
    s.publish_batch("t", [{"id": number} for number in range(30)])
    frame, said = warned(lambda: s.peek("t", key="c1"))
    assert frame.empty
    assert said == ["key= found nothing: none of the 30 messages has a key"]
    s.publish("t", "x", key="other")
    assert warned(lambda: s.peek("t", key="c1"))[1] == []


def test_an_export_and_a_stream_count_over_all_slices(s: Session, tmp_path: Path) -> None:
    s.create_topic("t", partitions=3)
    s.publish_batch("t", [gzip.compress(b"x")[:-4] if number % 2 else b"x" for number in range(60)])
    scan = s.scan("t", where="x", slice_rows=5)
    for read in (
        lambda: scan.to_parquet(tmp_path / "x"),
        lambda: pa.table(scan),
        lambda: list(scan.batches()),
    ):
        _, said = warned(read)
        assert [each.startswith("where= could not look into 30 of 60 payloads (gzip)") for each in said] == [
            True
        ]


def test_the_browser_and_the_tail_say_it_where_their_rows_are_counted(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", [gzip.compress(b"FAILED")[:-4]] * 15 + [b"FAILED"])
    browser = s.browse("t", where="FAILED")
    assert browser.wait(60)
    assert (
        browser_state(browser._model)["search"]["errors"]
        == "The filter could not look into 15 of 16 payloads (gzip)"
    )
    assert browser.frame.attrs["brokerkit"]["read"]["overlooked"] == {"gzip": 15}
    browser.close()
    tail = s.tail("t", where="FAILED", interval=0.05)
    try:
        assert tail_state(tail._model)["filter_errors"] == "The filter could not look into 15 payloads (gzip)"
        s.publish("t", gzip.compress(b"FAILED")[:-4])
        waiting.eventually(
            lambda: "16 payloads (gzip)" in tail_state(tail._model)["filter_errors"], "it is counted"
        )
        assert tail.frame.attrs["brokerkit"]["read"]["overlooked"] == {"gzip": 16}
        tail.where = lambda value: True
        waiting.eventually(lambda: tail_state(tail._model)["filter_errors"] == "", "it is counted again")
    finally:
        tail.close()


@pytest.mark.parametrize(("count", "said"), [(1, "into 1 payload ("), (2, "into 2 payloads (")])
def test_one_payload_is_singular(count: int, said: str) -> None:
    overlooked = Overlooked()
    overlooked.note("no text", count)
    assert said in overlooked.text()


ODD: list[bytes | None] = [
    b'{"status":"FAILED"}',
    b'{\n\t"status": "FAILED"\n}',
    b'{"status":"\x7fFAILED\x01"}',
    b"FAILED",
    b"FAILED\x00",
    b"",
    None,
    b"\xff FAILED",
    b"\x80FA" + b"ILED",
    gzip.compress(b'{"status":"FAILED"}'),
    base64.b64encode(gzip.compress(b"it FAILED")),
    zlib.compress(b"FAILED"),
    msgpack.packb({"status": "FAILED"}),
    "FAILED".encode("utf-16"),
    '{"ort":"K\xf6ln","status":"FAILED"}'.encode(),
    b'{"status":"FAI\\u004cED"}',
]


@pytest.mark.parametrize("decode", ["auto", "json", "text", "raw"])
def test_a_search_finds_what_the_frame_shows(session: Session, topic: str, decode: str) -> None:
    odd = [each for each in ODD if each is not None or session.capabilities.null_value]
    others = [None if each is None else each.replace(b"FAILED", b"PAID") for each in odd]
    encoded = OutboundMessage(gzip.compress(b"FAILED"), attributes={"content-encoding": "gzip"})
    session.publish_batch(topic, [*map(OutboundMessage, [*odd, *others]), encoded])
    everything = session.scan(topic, decode=decode).to_pandas()
    shown = [
        (value if isinstance(value, str) else "").encode() + (raw if isinstance(raw, bytes) else b"")
        for value, raw in zip(everything["value"], everything["raw"], strict=True)
    ]
    wanted = [row for row, text in enumerate(shown) if b"FAILED" in text]
    found, said = warned(lambda: session.scan(topic, where="FAILED", decode=decode).to_pandas())
    assert found["id"].tolist() == everything["id"].iloc[wanted].tolist()
    assert found["value"].tolist() == everything["value"].iloc[wanted].tolist()
    assert len(said) == 1
    late = everything["publish_time"].min().to_pydatetime()
    expression = (pc.field("publish_time") >= late) & (pc.field("offset") != 1)
    kept = session.scan(topic, where=expression, decode=decode).to_pandas()
    assert kept["id"].tolist() == everything.loc[everything["offset"] != 1, "id"].tolist()


def test_a_search_decodes_only_what_may_match(session: Session, topic: str) -> None:
    wanted = OutboundMessage(b'{"id":"x7"}', key=b"a", attributes={"trace": "7"})
    session.publish_batch(topic, [*({"id": number} for number in range(300)), wanted])
    for search in ({"where": "x7"}, {"header": {"trace": "7"}}, {"header": "trace"}, {"key": "a"}):
        frame = session.scan(topic, **search).to_pandas()
        assert frame.attrs["brokerkit"]["counts"]["rows"] == len(frame) == 1
