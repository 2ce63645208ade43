"""JSON read exactly: numbers as they are written, and what other programs write that is almost JSON."""

from __future__ import annotations

import json
import math
import random
import time
from decimal import Decimal

import pyarrow as pa
import pytest

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames import FrameBuilder, attach, expand, failures, provenance, to_pandas
from brokerkit.frames.json_exact import is_inexact, loads, may_be_inexact, read

BOM = "\ufeff"


def expanded(*texts, name="value.n", **options):
    table = expand(pa.table({"value": list(texts)}), **options)
    return str(table.schema.field(name).type), table.column(name).to_pylist()


@pytest.mark.parametrize(
    "text",
    [
        "0", "-0", "1.5", "0.1", "1.10", "1e5", "123456789012345678", "9223372036854775807", "-9223372036854775808",
        "18446744073709551615", "0.30000000000000004", "2.2250738585072014e-308", "5e-324", "1.7976931348623157e308",
        "1e-05", "1E+2", "-0.0", "0e-999", "0.000", "1.000000000000000000000000",
    ],
)  # fmt: skip
def test_numbers_that_a_float_or_64_bits_hold_are_plain_numbers(text):
    value = loads(text)
    assert type(value) in (int, float)
    assert Decimal(repr(value)) == Decimal(text)
    assert math.copysign(1, value) == math.copysign(1, json.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "18446744073709551616", "-9223372036854775809", str(10**21 + 1), str(10**21), "9" * 400, "9" * 4_000,
        "12345678901234567.89", "0.1000000000000000055511151231257827", "1.00000000000000001", "9007199254740993.0",
        "1234567890123456789e5", "1e400", "-1e400", "1e-400", "3e-324", "2.5e-324", "1e1000000000", "-1e-1000000000",
        "9" * 5_000, "-" + "9" * 100_000, "123456789.123456789123456789E-7", "0." + "0" * 400 + "1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", '{{"a": {}}}', '[[{{"a": [0.5, {}]}}], "x"]'])
def test_other_numbers_keep_every_digit(text, around):
    value = loads(around.format(text))
    while isinstance(value, dict | list):
        value = next(iter(value.values())) if isinstance(value, dict) else value[-1 if value[0] == 0.5 else 0]
    assert type(value) in (int, Decimal)
    assert Decimal(value) == Decimal(text)
    assert isinstance(value, int) == (len(text) <= 4_000 and text.lstrip("-").isdigit())
    assert (value > 3) == (Decimal(text) > 3)
    assert (value < 0.5) == (Decimal(text) < Decimal("0.5"))


@pytest.mark.extended
def test_random_numbers_are_read_as_they_are_written():
    rng = random.Random(7)
    for _ in range(4_000):
        digits = "".join(rng.choices("0123456789", k=rng.randrange(1, 24))).lstrip("0") or "0"
        point = rng.randrange(1, len(digits) + 1)
        text = rng.choice(["", "-"]) + digits[:point]
        text += f".{digits[point:]}" if point < len(digits) else ""
        text += rng.choice(["", "", f"e{rng.randrange(-420, 420)}", f"E+{rng.randrange(30)}"])
        data = f'{{"id": 12, "n": [{text}]}}'.encode()
        value = loads(data)["n"][0]
        exact = Decimal(text)
        assert (Decimal(repr(value)) if type(value) is float else Decimal(value)) == exact, text
        if type(value) is Decimal:
            assert Decimal(repr(float(text))) != exact, text
        texts = pa.array([b'{"n": 1}', None, data], pa.large_binary())
        assert may_be_inexact(texts) or not is_inexact(data), text


def test_a_number_of_a_billion_digits_is_never_written_out():
    begin = time.monotonic()
    value = loads('{"n": 1e1000000000, "m": -1e-999999999}')
    assert value["n"] > 10**21
    assert value["n"] > 1.5
    assert value["n"] != 3
    assert -1 < value["m"] < 0
    kind, found = expanded('{"n": 1e1000000000}', '{"n": 1}')
    assert (kind, found) == ("large_string", ["1E+1000000000", "1"])
    with pytest.raises(ValueError, match="exponent"):
        loads("1e99999999999999999999")
    assert time.monotonic() - begin < 60


def test_text_that_looks_like_a_number_stays_text():
    text = '{"card": "1234567890123456789012", "version": "1.2.3.4.5.6.7.8.9.10.11", "uuid": "4e-000-1e-400"}'
    assert loads(text) == json.loads(text)
    assert loads('{"1234567890123456789012": 1}') == {"1234567890123456789012": 1}


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        (["12345678901234567.89", "1"], "decimal128(38, 2)"),
        (["0.1", "0.2"], "double"),
        (["0.1", "12345678901234567.89", "0.25"], "decimal128(38, 2)"),
        (["1e-20", "1.00000000000000001"], "decimal128(38, 20)"),
        (["1e22", "1.000000000000000000000000000001"], "decimal256(76, 30)"),
        (["1e40", "1.00000000000000001"], "decimal256(76, 17)"),
        (["1e80", "1.00000000000000001"], "large_string"),
        (["-0.0000000000000000001234567890123456789", "9" * 30], "decimal256(76, 37)"),
        (["1e-400", "5"], "large_string"),
        (["100000000000000000000.50", "-0.0"], "decimal128(38, 1)"),
    ],
)
@pytest.mark.parametrize("distance", [0, 5_000])
def test_a_column_is_decimal_where_a_float_would_lose_digits_in_any_row(numbers, kind, distance):
    rows = [f'{{"n": {each}}}' for each in numbers]
    rows[1:1] = ['{"n": null}'] * distance
    found_kind, found = expanded(*rows)
    assert found_kind == kind
    written = [
        Decimal(repr(value)) if type(value) is float else Decimal(value)
        for value in found
        if value is not None
    ]
    assert written == list(map(Decimal, numbers))


def test_nested_numbers_and_those_below_a_depth_are_exact_too():
    row = '{"a": {"n": 12345678901234567.89}, "l": [1e400, 1000000000000000000001, 1.5]}'
    assert expanded(row, name="value.a") == ("large_string", ['{"n":12345678901234567.89}'])
    assert expanded(row, name="value.l") == ("large_string", ["[1E+400,1000000000000000000001,1.5]"])
    assert expanded(row, name="value.a.n", depth=2) == (
        "decimal128(38, 2)",
        [Decimal("12345678901234567.89")],
    )
    assert expanded(row, name="value.l", fields=["l"])[1] == ["[1E+400,1000000000000000000001,1.5]"]


ALMOST = [
    ('{"price": NaN, "id": 1}', "NaN"),
    ('{"price": [Infinity], "id": 1}', "Infinity"),
    ('{"price": -Infinity, "id": 1}', "-Infinity"),
    (BOM + '{"id": 1}', "a byte-order mark"),
    (BOM + '{"price": NaN, "id": 1}', "a byte-order mark"),
    ('{"id": 1}\0', "zero bytes at the end"),
    ('{"id": 1}\0\0\0', "zero bytes at the end"),
    ('{"note": "a\tb\nc\x01", "id": 1}', "control characters in a text"),
    ('{"note": "\\ud800", "id": 1}', "a lone surrogate"),
    ('{"\\udfff": "", "id": 1}', "a lone surrogate"),
]


@pytest.mark.parametrize(("text", "leniency"), ALMOST)
def test_json_of_other_programs_is_read_with_a_note(text, leniency):
    value, noted = read(text)
    assert value["id"] == 1
    assert noted == leniency
    assert read(text.encode()).leniency == leniency


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "nan",
        "NaNo",
        "[NaN",
        "'a'",
        '{"a": 1,}',
        '{"a": 1} // c',
        "{}\n{}",
        BOM,
        "01",
        "[1.]",
        "\0",
        "+1",
    ],
)
def test_invalid_json_is_none_in_a_lenient_reading_too(text):
    with pytest.raises(ValueError, match="JSON"):
        loads(text)


def test_plain_json_is_not_a_lenient_reading():
    for text in (
        '{"a": "\\ud83d\\ude00", "n": 1e400}',
        ' {"a": "NaN"}\r\n',
        '{"a": "\\u0000 \\ud83d\\ude00"}',
        "1e400",
    ):
        assert read(text).leniency is None


def test_expand_reads_them_all_and_counts_them():
    data = [text.encode() for text, _ in ALMOST] + [b'{"id": 1, "price": 2.0}', b"no JSON", None]
    builder = FrameBuilder()
    table = builder.to_table([builder.batch(Columns(len(data), topic="t", value=data))])
    df = expand(attach(to_pandas(table), provenance(builder, source="inmem://")))
    assert df["value.id"].tolist()[:11] == [1] * 11
    assert df.attrs["brokerkit"]["expanded"] == [{"column": "value", "failures": 1, "lenient": 10}]
    assert failures(df)["row"].tolist() == [11]
    # nothing of the payload was changed
    assert df["value"].tolist()[:11] == [each.decode() for each in data[:11]]


def test_nan_and_infinity_are_floats_in_a_column_of_their_own_and_keep_their_name_within_others():
    kind, found = expanded('{"n": NaN}', '{"n": 2.0}', '{"n": null}', '{"n": -Infinity}', '{"n": 7}')
    assert kind == "double"
    assert [str(value) for value in found] == ["nan", "2.0", "None", "-inf", "7.0"]
    assert expanded('{"n": [NaN, 1.0]}', '{"n": {"a": Infinity}}')[1] == ["[NaN,1.0]", '{"a":Infinity}']
    assert expanded('{"n": NaN}', '{"n": 12345678901234567.89}')[1] == ["NaN", "12345678901234567.89"]
    assert expanded('{"n": NaN}', *['{"n": "x"}'] * 5_000)[1][:2] == ["NaN", '"x"']
    assert expanded('{"n": NaN}', *["{}"] * 5_000, f'{{"n": {2**60 + 1}}}')[1][::5_001] == [
        "NaN",
        str(2**60 + 1),
    ]


def test_decode_json_counts_a_lenient_reading_and_no_failure():
    data = [text.encode() for text, _ in ALMOST] + [b"{}", b"nope"]
    builder = FrameBuilder("json")
    table = builder.to_table([builder.batch(Columns(len(data), topic="t", value=data))])
    assert (builder.counts.lenient, builder.counts.failures) == (10, 1)
    assert provenance(builder, source="inmem://")["counts"]["lenient"] == 10
    assert failures(table)["row"].tolist() == [11]
