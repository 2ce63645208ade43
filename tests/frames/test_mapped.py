"""Rows of files and frames as messages: what becomes what, and which lines are bad."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.frames.mapped.reading import DroppedFile


def messages(rows: bk.MappedRows) -> list[OutboundMessage]:
    return [each for each in rows.outbound() if isinstance(each, OutboundMessage)]


def dropped(text: str | bytes, name: str = "some.csv") -> DroppedFile:
    return DroppedFile(name, text if isinstance(text, bytes) else text.encode())


REFUNDS = "order;customer;amount;reason\n" + "".join(f"{n};c-{n};{n},50;late\n" for n in range(1, 19))


def test_a_semicolon_csv_with_two_bad_lines_is_read_but_for_these() -> None:
    lines = REFUNDS.splitlines()
    lines[5] = "5;c-5;n/a;late"
    lines[9] = '9;c-9;"9,50;late'
    rows = bk.read_rows(dropped("\r\n".join(lines)), key="customer", headers=["reason"])
    assert rows.bad[["line", "column", "problem"]].values.tolist() == [
        [6, "amount", "'n/a' is not a number with a decimal comma: types= may say text"],
        [10, "row", "a quote is not closed"],
    ]
    sent = messages(rows)
    assert len(rows) == 18
    assert len(sent) == 16
    assert (sent[0].data, sent[0].key) == (b'{"order":1,"amount":1.5}', b"c-1")
    assert list(sent[0].attributes) == [("reason", "late")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "^", "~", "\x1f"])
def test_the_separator_is_found(separator: str) -> None:
    text = "\n".join(separator.join(line) for line in (["id", "text"], ["1", "a: 1,5; b"], ["2", "c"]))
    if separator in ",;":
        text = text.replace("a: 1,5; b", '"a: 1,5; b"')
    rows = bk.read_rows(dropped(text))
    assert [each.data for each in messages(rows)] == [b'{"id":1,"text":"a: 1,5; b"}', b'{"id":2,"text":"c"}']


def test_a_quote_that_is_not_closed_takes_no_other_line_with_it() -> None:
    text = 'a,b\n1,x\n2,"y\n3,z\n4,"two\nlines"\n5,"w\n6,v\n'
    rows = bk.read_rows(dropped(text))
    assert rows.bad["line"].tolist() == [3, 7]
    assert [each.data for each in messages(rows)] == [
        b'{"a":1,"b":"x"}',
        b'{"a":3,"b":"z"}',
        b'{"a":4,"b":"two\\nlines"}',
        b'{"a":6,"b":"v"}',
    ]


def test_many_lines_that_cannot_be_read_are_an_error_and_not_a_long_wait() -> None:
    with pytest.raises(bk.ConfigError, match="more than 1,000 lines cannot be read"):
        bk.read_rows(dropped("a,b\n" + '1,"x\n' * 20_001), delimiter=",")


def test_what_is_written_like_a_number_is_one_and_the_rest_stays_text() -> None:
    text = "code,total,yes,formula,empty\n007,1.50,true,=1+1,\n008,-2e3,false,@cmd,\n"
    sent = messages(bk.read_rows(dropped(text)))
    assert sent[0].data == b'{"code":"007","total":1.5,"yes":true,"formula":"=1+1","empty":null}'
    assert sent[1].data == b'{"code":"008","total":-2000.0,"yes":false,"formula":"@cmd","empty":null}'


@pytest.mark.parametrize(
    ("cell", "kind", "problem"),
    [
        ("99999999999999999999", "integer", "outside of 64 bits"),
        ("1234567890.123456789", "number", "more digits than a number keeps"),
        ("1e999", "number", "larger than a number can be"),
        ("1.5", "integer", "not a whole number"),
        ("1.23,5", "decimal comma", "not a number with a decimal comma"),
        ("perhaps", "boolean", "neither true nor false"),
        ("tomorrow", "time", "not a time"),
    ],
)
def test_a_cell_that_is_not_of_its_type_is_named_with_its_line(cell: str, kind: str, problem: str) -> None:
    rows = bk.read_rows(dropped(f'a\tb\n1\t"{cell}"\n'), types={"b": kind})  # type: ignore[dict-item]  # parametrized
    assert rows.bad.loc[0, ["line", "column"]].tolist() == [2, "b"]
    assert problem in rows.bad.loc[0, "problem"]


def test_types_may_be_chosen() -> None:
    text = "a;b;c\n1.234,50;1;2026-01-31T12:00:00+01:00\n"
    rows = bk.read_rows(dropped(text), types={"a": "decimal comma", "b": "text", "c": "time"})
    assert messages(rows)[0].data == b'{"a":1234.5,"b":"1","c":"2026-01-31T11:00:00+00:00"}'


def test_encodings_and_files_without_a_header_are_found() -> None:
    assert messages(bk.read_rows(dropped("name;n\nJosé;1\n".encode("cp1252"))))[0].data == (
        '{"name":"José","n":1}'.encode()
    )
    assert messages(bk.read_rows(dropped("name;n\nJosé;1\n".encode("utf-16"))))[0].data == (
        '{"name":"José","n":1}'.encode()
    )
    rows = bk.read_rows(dropped("1,a\n2,b\n"))
    assert [each.data for each in messages(rows)] == [
        b'{"column 1":1,"column 2":"a"}',
        b'{"column 1":2,"column 2":"b"}',
    ]


def test_json_lines_go_out_as_they_are_and_their_fields_can_be_keys() -> None:
    text = '{"id": 1,  "who": "ada"}\nbroken\n\n{"id": 2, "who": {"x": 1}}\n'
    rows = bk.read_rows(dropped(text, "some.jsonl"), key="who", headers=["id"])
    sent = messages(rows)
    assert [(each.data, each.key) for each in sent] == [
        (b'{"id": 1,  "who": "ada"}', b"ada"),
        (b'{"id": 2, "who": {"x": 1}}', b'{"x":1}'),
    ]
    assert list(sent[1].attributes) == [("id", "2")]
    assert rows.bad["line"].tolist() == [2]


def test_parquet_and_frames_keep_their_types(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2], "tags": [["a"], []], "who": ["x", None], "part": [0, 1]})
    pyarrow.parquet.write_table(table, tmp_path / "some.parquet")
    for given in (tmp_path / "some.parquet", table, table.to_pandas()):
        rows = bk.read_rows(given, key="who", partition="part", fields={"id": "order", "tags": "tags"})
        sent = messages(rows)
        assert [(each.data, each.key) for each in sent] == [
            (b'{"order":1,"tags":["a"]}', b"x"),
            (b'{"order":2,"tags":[]}', None),
        ]
        assert [*rows.outbound().columns] == ["partition"]


def test_a_column_of_values_is_sent_as_it_is() -> None:
    frame = pd.DataFrame({"key": ["a", "b"], "value": [b"\xff", None], "more": [1, 2]})
    assert [(each.key, each.data) for each in messages(bk.read_rows(frame))] == [
        (b"a", b"\xff"),
        (b"b", None),
    ]


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    for given, options, match in [
        (tmp_path / "none.csv", {}, "cannot be read"),
        (dropped(""), {}, "no row"),
        (dropped("a,b\n1,2\n"), {"key": "c"}, "no column 'c'"),
        (dropped("a,b\n1,2\n"), {"fields": {"a": "x", "b": "x"}}, "two columns are the field 'x'"),
        (dropped("a,b\n1,2\n"), {"fields": "ab"}, "is one text"),
        (dropped("a,b\n1,2\n"), {"delimiter": "--"}, "one character"),
        (dropped("a,b\n1,2\n"), {"types": {"a": "money"}}, "expected one of"),
        (dropped(b"PAR1xx", "x.csv"), {}, "no Parquet file"),
        (dropped("\n", "x.jsonl"), {}, "no line"),
        (42, {}, "not a frame"),
    ]:
        with pytest.raises((bk.ConfigError, bk.StorageError), match=match):
            bk.read_rows(given, **options)  # type: ignore[arg-type]  # of many types
