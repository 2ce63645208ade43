"""Rows of a frame as short, safe texts for display; the rows themselves stay whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.display.sanitize import plain, plain_lines

from .indenting import indented
from .moments import milliseconds_of
from .protocol.tail import MessageInFull, PayloadKind, TailRow

VALUE_SHOWN = 240
KEY_SHOWN = 60
DETAIL_SHOWN = 20_000
ATTRIBUTES_SHOWN = 50


def rows_view(table: pa.Table, first: int) -> list[TailRow]:
    """Return one small dict per row, numbered from `first`: short texts without control characters."""
    values, kinds, sizes = payload_texts(table, VALUE_SHOWN)
    columns = [table.column(name).to_pylist() for name in ("publish_time", "partition", "offset", "id")]
    keys = texts_or_bytes(table.column("key"), table.column("raw_key"), KEY_SHOWN)
    attributes = attribute_texts(table)
    rows = zip(*columns, keys, values, kinds, sizes, attributes, strict=True)
    return [
        {
            "n": first + index,
            "time": clock(time),
            "at": milliseconds_of(time),
            "partition": partition,
            "offset": identity if offset is None else offset,
            "key": key,
            "value": value,
            "kind": kind,
            "size": size_text(size),
            "attributes": attribute,
        }
        for index, (time, partition, offset, identity, key, value, kind, size, attribute) in enumerate(rows)
    ]


def detail_view(table: pa.Table, failure: str = "") -> MessageInFull:
    """Return the one row of `table` in full, up to `DETAIL_SHOWN` characters of its value.

    Args:
        failure: Why its value could not be decoded; empty if it was.
    """
    values, kinds, sizes = payload_texts(table, DETAIL_SHOWN + 1, one_line=False)
    (text,), (kind,), (size,) = values, kinds, sizes
    cut = len(text) > DETAIL_SHOWN
    pretty = None if cut or kind != "text" else indented(text)
    row = {
        name: table.column(name)[0].as_py() for name in ("topic", "partition", "offset", "id", "publish_time")
    }
    (key,) = texts_or_bytes(table.column("key"), table.column("raw_key"), 1_000)
    pairs = table.column("attributes")[0].as_py() or []
    place = [f"{name} {row[name]}" for name in ("partition", "offset") if row[name] is not None]
    return {
        "title": plain(f"{row['topic']}: {', '.join(place) or row['id']}"),
        "time": "" if row["publish_time"] is None else f"{row['publish_time']:%Y-%m-%d %H:%M:%S.%f} UTC",
        "key": key,
        "kind": kind,
        "size": size_text(size),
        "format": _read_as(table),
        "failure": plain(failure, 400),
        "value": plain_lines((pretty or text)[: 2 * DETAIL_SHOWN]),
        "cut": f"the first {DETAIL_SHOWN:,} characters" if cut else "",
        "attributes": [
            (
                plain(pair["name"]),
                "null" if pair["value"] is None else plain(bytes_text(pair["value"])),
                pair["type"],
            )
            for pair in pairs[:ATTRIBUTES_SHOWN]
        ],
        "more_attributes": max(0, len(pairs) - ATTRIBUTES_SHOWN),
    }


def _read_as(table: pa.Table) -> str:
    """Return how the value of the first row was read: its format and its schema."""
    found = (table.column(name)[0].as_py() for name in ("format", "schema") if name in table.column_names)
    return plain(", schema ".join(filter(None, found)), 120)


def payload_texts(
    table: pa.Table, limit: int, *, one_line: bool = True
) -> tuple[list[str], list[PayloadKind], list[int | None]]:
    """Return the payload of each row as text, its kind (text, bytes, null), and its size in bytes.

    The text is what was decoded; the size is that of the message.
    """
    value, raw = table.column("value"), table.column("raw")
    raws = pc.binary_slice(raw, 0, limit).to_pylist()
    raw_sizes = pc.binary_length(raw).to_pylist()
    if pa.types.is_large_string(value.type) or pa.types.is_string(value.type):
        texts = pc.utf8_slice_codeunits(value, 0, limit + 1).to_pylist()
        sizes = pc.binary_length(value).to_pylist()
    else:
        texts = [None if one is None else repr(one)[: limit + 1] for one in value.to_pylist()]
        sizes = [None] * len(texts)
    found: list[str] = []
    kinds: list[PayloadKind] = []
    all_sizes: list[int | None] = []
    for text, data, size, raw_size in zip(texts, raws, sizes, raw_sizes, strict=True):
        kind: PayloadKind = "text" if text is not None else "bytes" if data is not None else "null"
        shown = text if text is not None else "" if data is None else bytes_text(data)
        found.append(plain(shown, limit) if one_line else shown)
        kinds.append(kind)
        all_sizes.append(size if raw_size is None else raw_size)
    return found, kinds, all_sizes


def texts_or_bytes(texts: Any, datas: Any, limit: int) -> list[str | None]:
    """Return short texts from two columns: the text if there is one, otherwise the bytes, marked as such."""
    shown = pc.utf8_slice_codeunits(texts, 0, limit + 1).to_pylist()
    raws = pc.binary_slice(datas, 0, limit).to_pylist()
    return [
        plain(text, limit)
        if text is not None
        else None
        if data is None
        else plain(f"bytes: {bytes_text(data)}", limit)
        for text, data in zip(shown, raws, strict=True)
    ]


def attribute_texts(table: pa.Table) -> list[str]:
    """Return the first headers of each row in a line."""
    shown = []
    for pairs in table.column("attributes").to_pylist():
        texts = [_attribute_text(pair) for pair in (pairs or [])[:4]]
        more = len(pairs or []) - len(texts)
        shown.append(", ".join(texts) + (f" and {more} more" if more > 0 else ""))
    return shown


def _attribute_text(pair: dict[str, Any]) -> str:
    value = "null" if pair["value"] is None else plain(bytes_text(pair["value"][:200]), 40)
    return f"{plain(pair['name'], 40)}={value}"


def bytes_text(data: bytes) -> str:
    """Return UTF-8 as text, and other bytes as escapes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace")


def clock(time: datetime | None) -> str:
    """Return the time of day, UTC, to the millisecond."""
    return "" if time is None else f"{time:%H:%M:%S}.{time.microsecond // 1000:03d}"


def size_text(size: int | None) -> str:
    """Return a number of bytes in a few characters."""
    if size is None:
        return ""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"
