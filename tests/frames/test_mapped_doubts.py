"""What is not certain in a file stays text or is refused, and changes no other line."""

from __future__ import annotations

import gzip

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.frames.mapped.delimited import MOST_LINES
from brokerkit.frames.mapped.reading import DroppedFile


def sent(rows: bk.MappedRows) -> list[bytes | None]:
    return [each.data for each in rows.outbound() if isinstance(each, OutboundMessage)]


def dropped(text: str | bytes, name: str = "some.csv") -> DroppedFile:
    return DroppedFile(name, text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (",n\n0,5\n1,6\n", b'{"column 1":0,"n":5}'),
        ("id,name,name\n1,a,b\n2,c,d\n", b'{"id":1,"name":"a","name (3)":"b"}'),
        ("id;name;\n1;a;\n2;b;\n", b'{"id":1,"name":"a","column 3":null}'),
        ("who;where;\na;b;\nc;d;\n", b'{"who":"a","where":"b","column 3":null}'),
        ("country,2019,n\nDE,5,1\n", b'{"country":"DE","2019":5,"n":1}'),
    ],
)
def test_a_header_line_is_no_message_though_names_are_empty_repeated_or_numbers(
    text: str, first: bytes
) -> None:
    rows = bk.read_rows(dropped(text))
    assert sent(rows)[0] == first
    assert "header line" in rows.source.facts


@pytest.mark.parametrize("text", ["country,2019\nDE,5\n", ",name\na,b\n", "0,1,2\n5,6,7\n", "a,a\nb,c\n"])
def test_a_first_line_that_may_be_either_is_asked_about(text: str) -> None:
    with pytest.raises(bk.ConfigError, match="header=True"):
        bk.read_rows(dropped(text))
    assert len(bk.read_rows(dropped(text), header=True)) == len(bk.read_rows(dropped(text), header=False)) - 1


@pytest.mark.parametrize(
    "cells",
    [
        ["1,234", "12,345"],
        ["1.234", "2.345"],
        ["1.234", "5"],
        ["1.9", "1.10"],
        ["12", "14a", "15"],
        ["12", "01067", "15", "16", "17", "18"],
    ],
)
def test_cells_that_may_be_no_such_numbers_stay_text(cells: list[str]) -> None:
    rows = bk.read_rows(
        dropped("".join(f"{each}\t{each}\n" for each in ["x", *cells])), fields=["x"], header=True
    )
    assert rows.roles.types == {"x": "text"}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1.50", "2.75"], "number"),
        (["1.0", "2.25"], "number"),
        (["0.123", "1.234"], "number"),
        (["1", "2", "8.5"], "number"),
        (["1", "2", "5,50"], "decimal comma"),
        (["1.234", "5,50"], "decimal comma"),
        (["1", "2", "3", "4", "n/a"], "integer"),
    ],
)
def test_the_type_that_all_cells_fit_is_taken_before_a_narrower_one(cells: list[str], kind: str) -> None:
    rows = bk.read_rows(dropped("x\ty\n" + "".join(f"{each}\ta\n" for each in cells)))
    assert rows.roles.types["x"] == kind


def test_a_file_has_one_decimal_sign() -> None:
    rows = bk.read_rows(dropped("a;b;c\n1,5;1.5;7\n2,25;1.75;8\n"))
    assert sent(rows)[0] == b'{"a":1.5,"b":"1.5","c":7}'
    assert sent(bk.read_rows(dropped("1,5;2,5\n3,5;4,5\n")))[0] == b'{"column 1":1.5,"column 2":2.5}'


@pytest.mark.parametrize(
    ("cell", "kind", "problem"),
    [
        ("1e-400", "number", "smaller than a number can be"),
        ("2026-01-31T12:00:00.123456789Z", "time", "more digits than the microseconds"),
        ("8.5", "integer", "types= may say text"),
    ],
)
def test_digits_that_a_type_does_not_keep_are_refused(cell: str, kind: str, problem: str) -> None:
    rows = bk.read_rows(dropped(f"a\tb\nx\t{cell}\n"), types={"b": kind})  # type: ignore[dict-item]  # parametrized
    assert problem in rows.bad.loc[0, "problem"]


def test_one_damaged_line_makes_no_other_line_another_encoding() -> None:
    text = "name;n\nJosé;1\nZoë;2\n".encode() + b"Ren\xe9;3\n"
    rows = bk.read_rows(dropped(text))
    assert sent(rows) == ['{"name":"José","n":1}'.encode(), '{"name":"Zoë","n":2}'.encode()]
    assert rows.bad[["line", "problem"]].values.tolist() == [[4, "it has bytes that are no UTF-8"]]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip"),
        (b"PK\x03\x04 and more", "Excel"),
        ("a,b\n1,2\n".encode("utf-16-le"), "utf-16-le"),
        (b"a,b\n", "no row"),
    ],
)
def test_what_is_no_text_is_refused_by_its_name(data: bytes, match: str) -> None:
    with pytest.raises(bk.ConfigError, match=match):
        bk.read_rows(dropped(data))
    assert len(bk.read_rows(dropped("a,b\n1,2\n".encode("utf-16-le")), encoding="utf-16-le")) == 1


def test_the_lines_within_a_field_that_is_too_large_are_no_messages() -> None:
    inner = "5,inner\n" * (MOST_LINES + 1)
    for field, problem in (
        (inner, "a field has more than 1,000 lines"),
        ("6,in\n" + "x" * 200_000, "too large"),
    ):
        rows = bk.read_rows(dropped(f'n,text\n1,a\n2,"{field}"\n3,"b ""c"""\n'))
        assert sent(rows) == [b'{"n":1,"text":"a"}', b'{"n":3,"text":"b \\"c\\""}']
        assert problem in rows.bad.loc[0, "problem"]


def test_a_quote_that_is_never_closed_is_found_in_lines_that_go_on_for_ever() -> None:
    rows = bk.read_rows(dropped('n,text\n1,"a\n' + "2,b\n" * (MOST_LINES + 10)))
    assert len(sent(rows)) == MOST_LINES + 10
    assert rows.bad["problem"].tolist() == ["a quote is not closed"]


def test_excel_may_say_its_separator() -> None:
    rows = bk.read_rows(dropped("sep=;\r\nn;text\r\n1;a,b\r\n"))
    assert sent(rows) == [b'{"n":1,"text":"a,b"}']
    assert rows.source.lines == [3]


def test_two_headers_of_one_name_are_refused() -> None:
    with pytest.raises(bk.ConfigError, match="the header 'x'"):
        bk.read_rows(dropped("a,b,c\n1,2,3\n"), headers={"a": "x", "b": "x"})


def test_bad_has_the_text_of_lines_that_could_not_be_read() -> None:
    for text, name in (('a,b\n1,x\n2,"y\n3,n\xe9\n4,z,\n', "some.csv"), ('{"a":1}\n{"a":\n', "some.jsonl")):
        bad = bk.read_rows(dropped(text, name)).bad
        assert bad["text"].tolist() == (['2,"y', "4,z,"] if name == "some.csv" else ['{"a":'])
    assert "text" not in bk.read_rows(dropped("a,b\n1,x\n")).bad
