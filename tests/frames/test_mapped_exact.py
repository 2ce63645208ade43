"""JSON lines, headers and frames become messages as they are: every digit, every attribute."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.frames.codecs.avro.schema import parse_schema
from brokerkit.frames.codecs.payload_writers import AvroValues, PayloadWriter
from brokerkit.frames.mapped import json_lines, unpacked
from brokerkit.frames.mapped.reading import DroppedFile


def messages(rows: bk.MappedRows) -> list[OutboundMessage]:
    return [each for each in rows.outbound() if isinstance(each, OutboundMessage)]


def dropped(text: str | bytes, name: str = "some.jsonl") -> DroppedFile:
    return DroppedFile(name, text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    "number", ["123456789012345678901", "1.10", "1e2", "-0", "0.1000000000000000055", "18446744073709551616"]
)
def test_a_number_of_json_lines_is_a_key_header_or_field_as_it_is_written(number: str) -> None:
    text = f'{{"id": {number}, "in": {{"n": [{number}]}}}}\n'
    (sent,) = messages(bk.read_rows(dropped(text), key="id", headers=["in"]))
    assert sent.key == number.encode()
    assert [*sent.attributes] == [("in", f'{{"n":[{number}]}}')]
    (sent,) = messages(bk.read_rows(dropped(text), fields=["id", "in"]))
    assert sent.data == f'{{"id":{number},"in":{{"n":[{number}]}}}}'.encode()


def test_fields_of_json_lines_keep_their_types() -> None:
    text = '{"id":1,"ok":true,"n":{"a":null},"s":"1","z":null}\n{"s":"\\"x\\""}\n'
    sent = messages(bk.read_rows(dropped(text), fields=["id", "ok", "n", "s", "z"]))
    assert [each.data for each in sent] == [
        b'{"id":1,"ok":true,"n":{"a":null},"s":"1","z":null}',
        b'{"id":null,"ok":null,"n":null,"s":"\\"x\\"","z":null}',
    ]


def test_an_argument_that_would_do_nothing_is_refused() -> None:
    for given, options in [
        (dropped('{"a":1}\n'), {"types": {"a": "text"}}),
        (dropped('{"a":1}\n'), {"encoding": "cp1252"}),
        (pd.DataFrame({"a": [1]}), {"types": {"a": "text"}}),
        (pd.DataFrame({"a": [1]}), {"delimiter": ","}),
    ]:
        with pytest.raises(bk.ConfigError, match="is for CSV"):
            bk.read_rows(given, **options)  # type: ignore[arg-type]  # of many types


@pytest.mark.parametrize("text", ['[{"a":1},{"a":2}]\n', '{\n  "a": 1\n}\n', "[\n1,\n2\n]"])
def test_one_json_value_is_not_taken_for_lines(text: str) -> None:
    with pytest.raises(bk.ConfigError, match="one JSON value"):
        bk.read_rows(dropped(text, "some.json"))


def test_many_lines_that_are_not_json_are_an_error() -> None:
    with pytest.raises(bk.ConfigError, match="more than 1,000 lines are not JSON"):
        bk.read_rows(dropped("no\n" * 1_001))


def test_columns_without_values_share_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_CHUNK", 1_000)
    first = "{" + ",".join(f'"c{n}":{n}' for n in range(200)) + "}\n"
    rows = bk.read_rows(dropped(first + "1\n" * 10_000 + '{"c7":"x"}\n'))
    before = pa.total_allocated_bytes()
    rows = bk.read_rows(dropped(first + "1\n" * 10_000 + '{"c7":"x"}\n'))
    assert pa.total_allocated_bytes() - before < 8_000_000
    column = rows.source.columns["c7"]
    assert not isinstance(column, list)
    assert (len(column), column[0].as_py(), column[5].as_py(), column[10_001].as_py()) == (
        10_002,
        "7",
        None,
        "x",
    )


def test_headers_are_written_as_fields_are_and_fail_alone() -> None:
    frame = pd.DataFrame(
        {
            "v": [1, 2, 3],
            "o": [True, {"x": 1}, object()],
            "t": pd.to_datetime(["2020-01-01", None, "2020-01-02"]),
            "a": [np.array([1, 2]), None, pd.NaT],
        }
    )
    rows = bk.read_rows(frame, fields=["v"], headers=["o", "t", "a"])
    sent = messages(rows)
    assert [[*each.attributes] for each in sent] == [
        [("o", "true"), ("t", "2020-01-01T00:00:00"), ("a", "[1,2]")],
        [("o", '{"x":1}')],
    ]
    assert rows.bad[["line", "column"]].values.tolist() == [[2, "o"]]


def test_a_time_or_partition_of_another_type_is_refused_with_its_own_column() -> None:
    for column in ([1, 2], pd.Series(["2020-01-01"] * 2).astype("date32[pyarrow]")):
        with pytest.raises(bk.ConfigError, match="'when' for the time"):
            bk.read_rows(pd.DataFrame({"v": [1, 2], "when": column}), time="when")
    rows = bk.read_rows(dropped("v;part\n1;0\n2;x\n3;-1\n", "some.csv"), partition="part")
    assert rows.bad[["line", "column"]].values.tolist() == [[3, "part"], [4, "part"]]


def test_bad_has_what_shows_only_where_messages_are_made() -> None:
    frame = pd.DataFrame({"k": ["a", 1.5, "b"], "v": [1, 2, {3: 4}]}, dtype=object)
    rows = bk.read_rows(frame, key="k", fields=["v"])
    assert rows.bad[["line", "column"]].values.tolist() == [[1, "k"], [2, "v"]]


def test_a_frame_that_was_read_is_sent_as_it_was() -> None:
    with bk.connect("inmem://rows-as-they-were") as s:
        s.create_topic("in")
        s.create_topic("out")
        s.publish("in", b"\xff\x00", key=b"\xfe", attributes={"a": "1", "b": "2"})
        s.publish("in", '{"x": 1}', key="k")
        frame = s.peek("in")
        rows = bk.read_rows(frame)
        assert s.publish_frame("out", rows, progress=False).counts["confirmed"] == 2
        columns = ["key", "raw_key", "value", "raw", "attributes"]
        assert pa.table(s.peek("out")[columns]).equals(pa.table(frame[columns]))


def test_a_named_index_is_not_lost() -> None:
    with pytest.raises(bk.ConfigError, match="reset_index"):
        bk.read_rows(pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="id")))


def test_json_lines_are_written_with_a_schema() -> None:
    avro = '{"type":"record","name":"R","fields":[{"name":"id","type":"long"}]}'
    writer = PayloadWriter(AvroValues(parse_schema(avro)), "the schema")
    rows = bk.read_rows(dropped('{"id": 1}\n{"id": 2}\n'))
    assert [each.data for each in rows.outbound(writer) if isinstance(each, OutboundMessage)] == [
        b"\x02",
        b"\x04",
    ]
    rows = bk.read_rows(dropped('{"n": 1}\n'), fields={"n": "id"})
    assert [each.data for each in rows.outbound(writer) if isinstance(each, OutboundMessage)] == [b"\x02"]


def test_a_small_parquet_file_that_is_large_unpacked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "MOST_UNPACKED", 1_000_000)
    for values in (["x" * 1_000] * 2_000, [["x" * 1_000]] * 2_000):
        file = io.BytesIO()
        pyarrow.parquet.write_table(pa.table({"a": values}), file, compression="zstd")
        with pytest.raises(bk.ConfigError, match="too large once it is unpacked"):
            bk.read_rows(dropped(file.getvalue(), "bomb.parquet"))


def test_a_dropped_parquet_file_is_read_as_one_of_a_path_is() -> None:
    table = pa.table({"a": ["x", None, "x"], "b": [b"1", b"2", None], "n": [1, 2, 3], "l": [["y"], [], None]})
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file)
    assert unpacked.unpacked(file.getvalue(), "some").equals(table)
