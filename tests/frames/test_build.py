"""What a user may rely on in every frame: its columns, its bytes, its counts."""

from __future__ import annotations

import gc
import json
import signal
import threading
import time
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pytest

from brokerkit.core.contract.garbage_collection import gc_paused, uncollected
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.lazy_columns import Milliseconds, PartitionOffsetIds
from brokerkit.frames import (
    SCHEMA,
    Decoder,
    FrameBuilder,
    attach,
    decoder,
    failures,
    from_pandas,
    provenance,
    schema_for,
    to_pandas,
)

from . import hostile


class Struck(Exception):
    """What the handler of a signal raises."""


def build(columns, decode="auto", **options):
    builder = FrameBuilder(decode, **options)
    return builder, builder.to_table([builder.batch(columns)])


def frame(columns, decode="auto"):
    builder, table = build(columns, decode)
    return attach(to_pandas(table), provenance(builder, source="inmem://"))


def payloads(*values):
    return Columns(len(values), topic="t", partition=0, offset=list(range(len(values))), value=list(values))


def test_columns_that_follow_from_other_numbers_are_the_same_as_written_out() -> None:
    offsets, counts = [5, 7, 1_000_000], [0, 1_700_000_000_123, -1]
    derived = Columns(
        3,
        topic="t",
        partition=2,
        offset=offsets,
        id=PartitionOffsetIds(2, offsets),
        publish_time=Milliseconds(counts),
    )
    written = Columns(
        3, topic="t", partition=2, offset=offsets, id=["2-5", "2-7", "2-1000000"],
        publish_time=[0, 1_700_000_000_123_000, -1_000],
    )  # fmt: skip
    for ours, theirs in ((derived, written), (derived.slice(1, 3), written.slice(1, 3))):
        assert FrameBuilder().batch(ours).equals(FrameBuilder().batch(theirs))
        assert ours.to_list("id") == theirs.to_list("id")
        assert ours.to_list("publish_time") == theirs.to_list("publish_time")
    assert derived.take([2, 0]).to_list("id") == ["2-1000000", "2-5"]
    assert derived.take([2, 0]).to_list("publish_time") == [-1_000, 0]


def test_a_count_that_stands_for_no_time_is_not_available_and_the_times_beside_it_stay_exact() -> None:
    times = Milliseconds([-1, -2, 0, -315_619_200_000, -1], -1)
    columns = Columns(5, topic="t", value=[b"x"] * 5, publish_time=times)
    wanted = [None, -2_000, 0, -315_619_200_000_000, None]
    assert FrameBuilder().batch(columns).column("publish_time").cast("int64").to_pylist() == wanted
    assert columns.to_list("publish_time") == wanted
    assert columns.slice(3, 5).to_list("publish_time") == wanted[3:]
    assert columns.take([4, 1]).to_list("publish_time") == [None, -2_000]


def test_a_time_that_no_frame_can_hold_is_not_available_and_takes_no_row_with_it() -> None:
    counts = [1_700_000_000_123, 2**63 - 1, -(2**63), 2**62]
    for times in (Milliseconds(counts), [count * 1000 for count in counts]):
        columns = Columns(4, topic="t", value=[b"x"] * 4, publish_time=times)
        found = FrameBuilder().batch(columns).column("publish_time").cast("int64").to_pylist()
        assert found == [1_700_000_000_123_000, None, None, None]


def test_the_columns_and_types_are_those_of_the_table_in_the_documentation():
    assert [(field.name, str(field.type)) for field in SCHEMA] == [
        ("topic", "string"),
        ("partition", "int32"),
        ("offset", "int64"),
        ("id", "string"),
        ("key", "string"),
        ("raw_key", "binary"),
        ("value", "large_string"),
        ("raw", "large_binary"),
        ("format", "string"),
        ("schema", "string"),
        ("attributes", "list<item: struct<name: string, value: binary, type: string>>"),
        ("publish_time", "timestamp[us, tz=UTC]"),
        ("ingestion_time", "timestamp[us, tz=UTC]"),
        ("delivery_count", "int32"),
    ]


@pytest.mark.parametrize("decode", ["auto", "json", "text", "raw"])
def test_no_rows_still_have_every_column(decode):
    builder = FrameBuilder(decode)
    assert builder.to_table([]).schema.equals(SCHEMA)
    assert builder.batch(Columns.empty()).schema.equals(SCHEMA)
    assert list(to_pandas(builder.to_table([])).columns) == SCHEMA.names


def test_every_column_of_a_dataframe_is_arrow_backed_and_not_copied():
    _, table = build(payloads(b"a", None))
    df = to_pandas(table)
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in df.dtypes)
    assert from_pandas(df).equals(table)
    address = table.column("value").chunk(0).buffers()[2].address
    assert from_pandas(df).column("value").chunk(0).buffers()[2].address == address


def test_auto_takes_null_empty_text_and_bytes_apart_and_calls_nothing_a_failure():
    # a control character is evidence against text: a small number would be shown as one
    builder, table = build(payloads(None, b"", b"\x00", b"\xff", "ž".encode()))
    assert table.column("value").to_pylist() == [None, "", None, None, "ž"]
    assert table.column("raw").to_pylist() == [None, None, b"\x00", b"\xff", None]
    assert table.column("format").to_pylist() == [None, "text", "bytes", "bytes", "text"]
    assert builder.counts.to_dict() == {"rows": 5, "nulls": 1, "binary": 2, "failures": 0}


def test_text_counts_what_is_not_utf8_and_keeps_its_bytes():
    builder, table = build(payloads(b"ok", b"\xff", None), "text")
    assert table.column("raw").to_pylist() == [None, b"\xff", None]
    [failure] = builder.failures.samples
    assert (failure.row, failure.offset, failure.error) == (1, 1, "not UTF-8 text")
    assert builder.counts.failures == 1


def test_json_keeps_the_text_of_every_row_and_says_why_it_failed():
    builder, table = build(payloads(b"{}", b"{", b"", None, b"\xff", b"null", b"[" * 20_000), "json")
    assert table.column("value").to_pylist() == ["{}", "{", "", None, None, "null", "[" * 20_000]
    assert [one.row for one in builder.failures.samples] == [1, 2, 4, 6]
    assert builder.counts.failures == 4
    assert all(len(one.error) <= 200 for one in builder.failures.samples)


def test_raw_judges_nothing_and_keeps_every_payload():
    builder, table = build(payloads(b"text", b"\xff", b"", None), "raw")
    assert table.column("value").null_count == 4
    assert table.column("raw").to_pylist() == [b"text", b"\xff", b"", None]
    assert builder.counts.failures == 0


def test_a_decoder_gives_its_type_and_keeps_the_bytes_of_every_row():
    @decoder(pa.int64(), name="length")
    def length(payload):
        if payload == b"deep":
            return length(payload)
        return "not a number" if payload == b"wrong" else len(payload)

    builder, table = build(payloads(b"abc", None, b"deep", b"wrong", b"\xff"), length)
    assert table.schema.field("value").type == pa.int64()
    assert table.column("value").to_pylist() == [3, None, None, None, 1]
    assert table.column("raw").to_pylist() == [b"abc", None, b"deep", b"wrong", b"\xff"]
    assert [one.row for one in builder.failures.samples] == [2, 3]
    assert builder.failures.samples[0].error.startswith("RecursionError")
    assert FrameBuilder("length").decoder is length


def test_a_function_without_a_type_is_told_how_to_declare_one():
    with pytest.raises(ConfigError, match=r"@bk.decoder\(pa.int64\(\)\)"):
        FrameBuilder(len)
    with pytest.raises(ConfigError, match="'auto', 'json', 'text', 'raw'"):
        FrameBuilder("avro-of-mars")


def test_a_column_may_be_a_scalar_a_list_nothing_or_an_arrow_array():
    times = pa.array([-1, 1_999, None], pa.timestamp("ns", "UTC"))
    batch = FrameBuilder().batch(
        Columns(
            3,
            topic="t",
            partition=pa.array([1, 2, None]),
            id=("a", "b", "c"),
            value=pa.array(["x", None, ""]),
            publish_time=times,
            delivery_count=2,
        )
    )
    assert batch.column("topic").to_pylist() == ["t"] * 3
    assert batch.column("partition").to_pylist() == [1, 2, None]
    assert batch.column("value").to_pylist() == ["x", None, ""]
    assert batch.column("offset").null_count == 3
    assert batch.column("publish_time").cast(pa.int64()).to_pylist() == [-1, 1, None]
    assert batch.column("delivery_count").to_pylist() == [2, 2, 2]


def test_attributes_are_na_only_where_they_were_not_read():
    columns = Columns(2, topic="t", value=[b"a", b"b"], attributes=[None, [("a", b"1")]])
    _, table = build(columns, attributes=False)
    assert table.column("attributes").null_count == 2
    _, table = build(columns)
    assert table.column("attributes").to_pylist() == [[], [{"name": "a", "value": b"1", "type": "bytes"}]]


@pytest.mark.extended
def test_a_payload_of_ten_megabytes_comes_out_whole():
    large = b"x" * 10_000_000
    _, table = build(payloads(large, b"\xff" + large))
    assert len(table.column("value")[0].as_py()) == 10_000_000
    assert table.column("raw")[1].as_py() == b"\xff" + large


@pytest.mark.parametrize("decode", ["auto", "json", "text", "raw"])
@pytest.mark.parametrize("seed", range(5))
def test_no_row_and_no_byte_is_lost(decode, seed):
    columns = hostile.columns(seed, 200)
    builder, table = build(columns, decode)
    value, raw = table.column("value").to_pylist(), table.column("raw").to_pylist()
    found = [text.encode() if text is not None else data for text, data in zip(value, raw, strict=True)]
    assert found == columns.value
    key, raw_key = table.column("key").to_pylist(), table.column("raw_key").to_pylist()
    assert [text.encode() if text is not None else data for text, data in zip(key, raw_key, strict=True)] == (
        columns.key
    )
    assert builder.counts.rows == 200


def test_failures_are_found_again_in_a_filtered_and_a_pickled_frame():
    df = frame(payloads(b"{}", b"{", None, b"\xff", b"1"), "json")
    assert failures(df)["row"].tolist() == [1, 3]
    assert failures(df)["step"].tolist() == ["decode", "decode"]
    part = df[df["offset"] > 2]
    assert failures(part)[["row", "offset"]].values.tolist() == [[0, 3]]
    assert failures(pd.read_pickle(_pickled(df)))["row"].tolist() == [1, 3]


def _pickled(df):
    import io
    import pickle

    return io.BytesIO(pickle.dumps(df))


def test_failures_of_a_decoder_are_found_with_the_decoder_that_made_the_frame():
    strict = Decoder(int, pa.int64(), "number")
    df = frame(payloads(b"1", b"one", None), strict)
    Decoder(lambda payload: 0, pa.int64(), "number")
    found = failures(df)
    assert found["row"].tolist() == [1]
    assert found["error"][0].startswith("ValueError: invalid literal")


def test_a_frame_that_forgot_its_decoder_asks_for_it():
    df = frame(payloads(b"{"), "json")
    df.attrs = {}
    with pytest.raises(ConfigError, match="decode="):
        failures(df)
    assert failures(df, decode="json")["row"].tolist() == [0]


def test_frames_can_be_joined_with_pandas():
    one, other = frame(payloads(b"a")), frame(payloads(None, b"\xff"))
    both = pd.concat([one, other], ignore_index=True)
    assert both["value"].isna().tolist() == [False, True, True]
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in both.dtypes)


def test_the_schema_names_the_decoder():
    assert schema_for(FrameBuilder("json").decoder).metadata == {b"brokerkit.decoder": b"json"}


def test_attrs_are_plain_json_below_four_kilobytes_whatever_failed():
    from brokerkit.core.vocabulary.topics import Slice

    columns = Columns(500, topic="t" * 249, offset=list(range(500)), value=["ž{\x00".encode()] * 500)
    builder, table = build(columns, "json")
    slices = [Slice("ž" * 249, partition, 0, 2**62) for partition in range(1_000)]
    moment = datetime(2026, 1, 31, tzinfo=UTC)
    content = provenance(builder, source="kafka://" + "h" * 5_000, slices=slices, read_at=moment,
                         details={"where": "'" * 9_000, "more": {"deep": ["\ud800"] * 4_000}})  # fmt: skip
    df = attach(to_pandas(table), content)
    text = json.dumps(df.attrs)
    assert len(text) < 4_096
    found = json.loads(text)["brokerkit"]
    assert found["decoder"] == "json"
    assert found["counts"]["failures"] == 500
    assert found["slices_left_out"] + len(found["slices"]) == 1_000
    assert len(found["failures"]) <= 10


def test_an_ordinary_frame_keeps_ten_samples():
    df = frame(payloads(*[b"{"] * 50), "json")
    assert len(df.attrs["brokerkit"]["failures"]) == 10
    assert df.attrs["brokerkit"]["failures"][9]["row"] == 9


def test_the_collector_runs_again_after_the_last_thread_has_left():
    assert gc.isenabled()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with gc_paused():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with gc_paused(), gc_paused():
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join(60)
    assert gc.isenabled()


def test_a_collector_that_the_user_switched_off_stays_off():
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.extended
@pytest.mark.timeout(120)
def test_the_collector_runs_again_wherever_a_signal_strikes():
    struck = rounds = 0

    def strike(number, frame):
        raise Struck

    def work():
        return [object() for _ in range(3)]

    before = signal.signal(signal.SIGALRM, strike)
    deadline = time.monotonic() + 10
    try:
        while struck < 2_000 and time.monotonic() < deadline:
            rounds += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + rounds * 37 % 101 * 0.000002)
                for _ in range(200):
                    uncollected(work)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Struck:
                struck += 1
            assert gc.isenabled(), f"after {struck} signals"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert struck > 200


def test_small_parts_are_put_together_in_order_before_they_are_decoded() -> None:
    sizes = [300, 0, 700, 5_000, 1, *[999] * 20, 2]
    parts, first = [], 0
    for size in sizes:
        numbers = range(first, first + size)
        parts.append(
            Columns(size, topic="t", offset=list(numbers), value=[b"%d" % number for number in numbers])
        )
        first += size
    builder = FrameBuilder()
    batches = list(builder.batches(parts))
    assert [batch.num_rows for batch in batches] == [1_000, 5_000, 1 + 999 * 17, 999 * 3 + 2]
    assert builder.to_table(batches).column("offset").to_pylist() == list(range(first))
    assert builder.counts.rows == first
