"""Keys are text where they are UTF-8, bytes where they are not, and go back as the bytes they were."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames import FrameBuilder, messages_from_frame, to_pandas
from brokerkit.frames.text import split_text

KEYS: list[bytes | None] = [
    None,
    b"",
    b"c1",
    "žlutý".encode(),
    b"a\x00b",
    b"\xff\x00\x01",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\\xff",
    b"\x00\x00\x00\x00\x00\x00\x00\x07",
    b"line\nline",
    b"k" * 1_000_000,
    b"k" * 999_999 + b"\xff",
]


def table_of(keys: object, length: int) -> pa.Table:
    builder = FrameBuilder()
    return builder.to_table([builder.batch(Columns(length, topic="t", key=keys, value=[b"v"] * length))])


def sent_keys(frame: object, **options: object) -> list[bytes | None]:
    return [item.key for item in messages_from_frame(frame, **options)]


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_a_key_is_text_or_bytes_and_never_both():
    table = table_of(KEYS, len(KEYS))
    for key, text, data in zip(KEYS, *(table.column(n).to_pylist() for n in ("key", "raw_key")), strict=True):
        if key is None:
            assert (text, data) == (None, None)
        elif is_text(key):
            assert (text, data) == (key.decode(), None)
        else:
            assert (text, data) == (None, key)


@settings(deadline=None)
@given(
    st.lists(st.none() | st.binary(max_size=9) | st.text().map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes_are_told_from_text_as_python_does(keys):
    text, data = split_text(pa.array(keys, pa.binary()))
    assert [None if key is None or not is_text(key) else key.decode() for key in keys] == text.to_pylist()
    assert [None if key is None or is_text(key) else key for key in keys] == data.to_pylist()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([b"\xff", b"x" * 40_000, b"y" * 40_000 + b"\xfe", None, b""]), max_size=40))
def test_long_payloads_are_told_from_text_in_halves(payloads):
    text, data = split_text(pa.array(payloads, pa.large_binary()))
    assert (text.type, data.type) == (pa.large_string(), pa.large_binary())
    found = zip(text.to_pylist(), data.to_pylist(), strict=True)
    assert [other if one is None else one.encode() for one, other in found] == payloads


@pytest.mark.parametrize("key", [b"same", b"\xff", None, b""])
def test_one_key_for_every_row(key):
    assert sent_keys(table_of(key, 3)) == [key] * 3


FRAMES = {
    "arrow": lambda table: table,
    "pandas": to_pandas,
    "objects": lambda table: to_pandas(table).astype(object).where(lambda df: df.notna(), None),
    "numpy": lambda table: table.to_pandas(),
    "polars": pl.from_arrow,
    "categories": lambda table: to_pandas(table).astype({"key": "category"}),
}


@pytest.mark.parametrize("library", FRAMES)
def test_a_frame_goes_back_with_the_same_keys(library):
    frame = FRAMES[library](table_of(KEYS, len(KEYS)))
    assert sent_keys(frame) == KEYS
    assert sent_keys(frame, kind="messages", key="key") == KEYS


@settings(deadline=None)
@given(st.lists(st.none() | st.binary(max_size=12), min_size=1, max_size=30))
def test_any_keys_go_back_as_they_were(keys):
    assert sent_keys(to_pandas(table_of(keys, len(keys)))) == keys


def test_an_edited_key_wins_over_the_bytes_that_were_there():
    frame = to_pandas(table_of([b"a", b"\xff", b"\xfe", None], 4))
    frame.loc[[0, 1, 3], "key"] = "new"
    assert sent_keys(frame) == [b"new", b"new", b"\xfe", b"new"]
    frame["key"] = ""
    assert sent_keys(frame) == [b""] * 4


def test_frames_of_binary_keys_and_of_one_of_the_two_columns_are_taken():
    table = table_of(KEYS, len(KEYS))
    old = table.drop_columns(["raw_key"]).set_column(
        4, "key", pa.chunked_array([pa.array(KEYS, pa.binary())])
    )
    assert sent_keys(old) == sent_keys(to_pandas(old)) == KEYS
    only_text = [key if key is not None and is_text(key) else None for key in KEYS]
    assert sent_keys(table.drop_columns(["raw_key"])) == only_text
    only_bytes = [None if key is None or is_text(key) else key for key in KEYS]
    assert sent_keys(table.drop_columns(["key"]), kind="messages") == only_bytes


def test_another_column_can_be_the_key_and_is_not_filled_up():
    frame = to_pandas(table_of([b"a", b"\xff"], 2)).assign(customer=pd.array(["c1", None], "string[pyarrow]"))
    assert sent_keys(frame, kind="messages", key="customer") == [b"c1", None]


def test_rows_become_objects_with_the_keys_they_had():
    frame = to_pandas(table_of([b"a", b"\xff", None, b""], 4)).assign(n=range(4))
    outbound = messages_from_frame(frame, kind="rows", key="key", columns=["n"])
    assert [(item.key, item.data) for item in outbound] == [
        (b"a", b'{"n":0}'),
        (b"\xff", b'{"n":1}'),
        (None, b'{"n":2}'),
        (b"", b'{"n":3}'),
    ]


def test_a_raw_key_must_be_bytes_or_null():
    frame = to_pandas(table_of([b"a"], 1))
    with pytest.raises(ConfigError, match="'raw_key' for the key is double"):
        messages_from_frame(frame.assign(raw_key=1.5))
    with pytest.raises(ConfigError, match="'raw_key' is (large_)?string; expected bytes"):
        messages_from_frame(frame.assign(raw_key="/wAB"))
    assert sent_keys(frame.assign(raw_key=float("nan"))) == [b"a"]
    assert sent_keys(frame.assign(raw_key=None)) == [b"a"]
    wrong = list(messages_from_frame(frame.assign(key=None, raw_key=pd.Series([["x"]], dtype=object))))
    assert "column 'raw_key', the key: a list cannot be a key" in str(wrong[0])
