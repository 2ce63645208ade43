"""Frames go into the files that users write with pandas: as they are, or made plain in one line."""

from __future__ import annotations

import base64
import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames import FrameBuilder, from_pandas, messages_from_frame, to_pandas

MOMENT = 1_700_000_000_123_457
ROWS = [
    (b"c1", b'{"a":1}', [("h", "1"), ("h", b"\xff\x00"), ("n", None)]),
    (b"\xff\x00", b"\xff\xfe", [("=1+1", "x")]),
    (None, None, []),
    (b"", b"", []),
    (b"=HYPERLINK(1)", b"@SUM(1)", []),
    (b"'quoted", b"-2+3", []),
    (b"NA", 'žlutý \U0001f600, "q"\nline'.encode(), []),
]


def frame_of(rows=ROWS, decode="auto") -> pd.DataFrame:
    keys, values, attributes = map(list, zip(*rows, strict=True))
    length = len(rows)
    columns = Columns(
        length, topic="t", partition=0, offset=list(range(length)), id=[f"0-{n}" for n in range(length)],
        key=keys, value=values, attributes=attributes, publish_time=[MOMENT + n for n in range(length)],
    )  # fmt: skip
    builder = FrameBuilder(decode)
    return to_pandas(builder.to_table([builder.batch(columns)]))


def unquoted(text: str | None) -> str | None:
    """A text as it was, by the rule that the documentation gives."""
    return None if text is None or text == "" else text.removeprefix("'")


def told(row: dict) -> tuple[bytes | None, bytes | None]:
    """Key and payload of a row read back, whose texts are as they were."""

    def data(text: str, raw: str) -> bytes | None:
        if row[text] is not None:
            return row[text].encode()
        return None if row[raw] is None else base64.b64decode(row[raw])

    return data("key", "raw_key"), data("value", "raw")


SENT = [(key, value) for key, value, _ in ROWS]


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_pandas_reads_the_file_that_pandas_wrote_of_a_frame(tmp_path: Path, suffix: str) -> None:
    df = frame_of()
    for number in range(2):  # what was read is written and read again
        file = tmp_path / f"{number}.{suffix}"
        getattr(df, f"to_{suffix}")(file)
        again = getattr(pd, f"read_{suffix}")(file)
        assert from_pandas(again).to_pylist() == from_pandas(df).to_pylist()
        assert again["attributes"].dtype == df["attributes"].dtype
        assert again.attrs == df.attrs
        df = again
    assert [(m.key, m.data) for m in messages_from_frame(df)] == SENT
    assert [m.attributes for m in messages_from_frame(df)] == [
        m.attributes for m in messages_from_frame(frame_of())
    ]


def test_nested_values_of_a_decoder_are_read_back_too(tmp_path: Path) -> None:
    kind = pa.struct([("x", pa.list_(pa.int64())), ("m", pa.map_(pa.string(), pa.int64()))])
    df = to_pandas(pa.table({"value": pa.array([{"x": [1], "m": {"a": 1}}, None], kind)}))
    df.to_parquet(tmp_path / "x.parquet")
    assert pd.read_parquet(tmp_path / "x.parquet")["value"].dtype == pd.ArrowDtype(kind)


@pytest.mark.extended
def test_a_process_that_never_made_a_frame_reads_the_file_with_the_arrow_backend(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    frame_of().to_parquet(file)
    program = "import sys, pandas; print(len(pandas.read_parquet(sys.argv[1], dtype_backend='pyarrow')))"
    told = subprocess.run([sys.executable, "-c", program, file], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(len(ROWS))


def test_a_csv_file_has_every_row_exactly_and_no_formula(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    bk.plain(frame_of(), "csv").to_csv(file, index=False)
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@\t\r")]
    assert [told({name: unquoted(cell) for name, cell in row.items()}) for row in rows] == SENT
    assert rows[0]["publish_time"] == "2023-11-14T22:13:20.123457+00:00"
    assert json.loads(rows[0]["attributes"]) == [
        {"name": "h", "value": "1", "type": "string"},
        {"name": "h", "base64": "/wA=", "type": "bytes"},
        {"name": "n", "value": None, "type": "null"},
    ]
    read = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert read["key"].map(unquoted).tolist()[-1] == "NA"


@pytest.mark.parametrize("options", [{"orient": "records"}, {"orient": "records", "lines": True}, {}])
def test_a_json_file_has_every_row_exactly(options: dict) -> None:
    text = bk.plain(frame_of(), "json").to_json(**options)
    if options.get("lines"):
        rows = [json.loads(line) for line in text.splitlines()]
    elif options:
        rows = json.loads(text)
    else:
        columns = json.loads(text)
        rows = [{name: column[str(n)] for name, column in columns.items()} for n in range(len(ROWS))]
    assert [told(row) for row in rows] == SENT
    assert datetime.fromisoformat(rows[3]["publish_time"]) == datetime(
        2023, 11, 14, 22, 13, 20, 123460, tzinfo=UTC
    )


@pytest.mark.parametrize("engine", ["openpyxl", "xlsxwriter"])
def test_an_excel_file_has_every_row_exactly_and_nothing_that_runs(tmp_path: Path, engine: str) -> None:
    hostile = ["https://x.example", "internal:A1", "{=1+1}", "#N/A", "mailto:a@b", "FILE://c"]
    rows = [*ROWS, *((text.encode(), text.encode(), []) for text in hostile)]
    file = tmp_path / "x.xlsx"
    bk.plain(frame_of(rows), "excel").to_excel(file, index=False, engine=engine)
    sheet = openpyxl.load_workbook(file).active
    cells = [cell for line in sheet.iter_rows() for cell in line]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n", "b"}
    assert not [cell for cell in cells if cell.hyperlink is not None]
    names, *lines = sheet.iter_rows(values_only=True)
    found = [dict(zip(names, line, strict=True)) for line in lines]
    texts = [{name: unquoted(v) if isinstance(v, str) else v for name, v in row.items()} for row in found]
    assert [told(row) for row in texts] == [(key, value) for key, value, _ in rows]
    assert [row["offset"] for row in found] == list(range(len(rows)))


def test_a_text_too_long_for_an_excel_cell_is_refused_and_never_cut(tmp_path: Path) -> None:
    fits = frame_of([(b"k", b"x" * 32_767, []), (b"k", "\U0001f600".encode() * 16_383, [])])
    bk.plain(fits, "excel").to_excel(tmp_path / "x.xlsx", index=False)
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").active
    assert [cell.value for cell in sheet["G"][1:]] == fits["value"].tolist()
    for data in (b"x" * 32_768, "\U0001f600".encode() * 16_384, b"=" * 32_767):
        with pytest.raises(
            ConfigError, match=r"column 'value', row 1: a cell of Excel holds 32,767 characters"
        ):
            bk.plain(frame_of([(b"k", b"", []), (b"k", data, [])]), "excel")
    for data in (b"a\x00b", b"\x1b[31m", b"one\r\ntwo", b"_x0041_"):
        with pytest.raises(ConfigError, match="column 'value', row 0: a control character"):
            bk.plain(frame_of([(b"k", data, [])], "text"), "excel")
    assert bk.plain(frame_of([(b"k", b"a\x00b\r\n", [])], "text"), "json")["value"].tolist() == ["a\x00b\r\n"]


NUMBERS = {
    "long": pa.array([2**63 - 1, -(2**63), None]),
    "unsigned": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "small": pa.array([1, -1, None]),
    "double": pa.array([0.1234567890123456, 1e-300, None]),
    "short": pa.array([0.5, 2.0, None]),
    "single": pa.array([0.1, 3.3, None], pa.float32()),
    "infinite": pa.array([float("inf"), 1.0, None]),
    "decimal": pa.array([Decimal("12345678901234567.89"), Decimal("-0.10"), None]),
    "bool": pa.array([True, False, None]),
    "nothing": pa.nulls(3),
}


def same(found: object, value: object) -> bool:
    if found is None or value is None:
        return found is value
    if isinstance(value, Decimal):
        return Decimal(str(found)) == value
    if isinstance(value, float):
        return np.float32(found) == np.float32(value) if isinstance(found, str) else float(found) == value
    return bool(int(found) == value)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_a_file_would_round_becomes_text(name: str, tmp_path: Path) -> None:
    column = NUMBERS[name]
    table = pa.table({"n": column, "row": [0, 1, 2]})
    read = json.loads(bk.plain(table, "json").to_json(orient="records"))
    for row, value in zip(read, column.to_pylist(), strict=True):
        assert same(row["n"], value), (row, value)
    bk.plain(table, "excel").to_excel(tmp_path / "x.xlsx", index=False)
    found = [cell.value for cell in openpyxl.load_workbook(tmp_path / "x.xlsx").active["A"][1:]]
    for cell, value in zip(found, column.to_pylist(), strict=True):
        assert same(unquoted(cell) if isinstance(cell, str) else cell, value)
    text = io.StringIO(bk.plain(table, "csv").to_csv(index=False))
    for row, value in zip(csv.DictReader(text), column.to_pylist(), strict=True):
        cell = {"True": "1", "False": "0"}.get(row["n"], row["n"])
        assert same(unquoted(cell), value)


def test_times_durations_categories_and_nested_values_become_text() -> None:
    table = pa.table(
        {
            "ns": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "UTC")),
            "duration": pa.array([timedelta(days=1, microseconds=1)]),
            "category": pa.array(["a"]).dictionary_encode(),
            "list": pa.array([[1, None]]),
            "struct": pa.array([{"a": "ž"}]),
            "date": pa.array([datetime(2026, 1, 31).date()]),
        }
    )
    assert bk.plain(table, "csv").iloc[0].tolist() == [
        "2023-11-14T22:13:20.123456789+00:00",
        "P1DT0H0M0.000001S",
        "a",
        "[1,null]",
        '{"a":"ž"}',
        "2026-01-31",
    ]
    with pytest.raises(ConfigError, match="column 'list', row 0: bytes have no form in JSON"):
        bk.plain(pa.table({"list": pa.array([[b"\xff"]])}), "json")


def test_an_index_that_says_something_becomes_a_column_and_names_are_guarded() -> None:
    df = frame_of()
    counted = df.groupby("key")[["offset"]].sum()
    assert bk.plain(counted, "csv")["key"].tolist()[0] == "'"
    part = bk.plain(df[df["offset"] > 2], "csv")
    assert part.index.tolist() == [3, 4, 5, 6]
    assert bk.plain(pa.table({"=1+1": [1]}), "csv").columns.tolist() == ["'=1+1"]
    with pytest.raises(ConfigError, match="must be unique"):
        bk.plain(pd.concat([df, df], axis=1), "csv")
    with pytest.raises(ConfigError, match="expected one of 'csv', 'json', 'excel'"):
        bk.plain(df, "xml")  # type: ignore[arg-type]


def test_a_frame_of_no_rows_is_plain_too() -> None:
    empty = frame_of().iloc[:0]
    for form in ("csv", "json", "excel"):
        assert bk.plain(empty, form).shape == empty.shape


@pytest.mark.parametrize("form", ["csv", "json", "excel"])
def test_a_plain_frame_is_for_files_and_not_published_as_if_it_were_the_messages(form: str) -> None:
    made = bk.plain(frame_of(), form)
    for name in ("raw_key", "raw", "attributes"):
        with pytest.raises(ConfigError, match=f"the column '{name}' is large_string; expected "):
            messages_from_frame(made, kind="messages")
        made = made.drop(columns=name)
    read = pd.read_csv(io.StringIO(bk.plain(frame_of(), "csv").to_csv(index=False)))
    with pytest.raises(ConfigError, match="expected bytes"):
        messages_from_frame(read)
