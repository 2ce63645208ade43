"""The rows of a frame that could not be decoded or expanded, found from the frame itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import Array, is_bytes, is_text
from .auto import AutoDecoder
from .auto.sources import known_auto
from .dataframe import to_pandas
from .decoded import PayloadDecoder, PayloadFailure, Payloads, objects_of
from .decoding import Decode, as_decoder, decoder_named
from .json_objects import parse_objects, restore_numbers
from .masking.marks import is_masked
from .provenance import key_writer_of, provenance_of, writer_of
from .schema import ATTRIBUTES, SCHEMA, expanded_in
from .tabular import table_of

if TYPE_CHECKING:
    import pandas as pd

_PLACE = ("topic", "partition", "offset", "id")


def failures(frame: Any, decode: Decode | None = None, decode_key: Decode | None = None) -> pd.DataFrame:
    """Return the rows of a frame that could not be decoded or expanded, one row per failure.

    The payloads are decoded again, so this takes as long as decoding did.

    Args:
        frame: A frame of messages; it may have been filtered.
        decode: The decoder that filled the frame, if the frame no longer says so (after pandas.concat, for
            example).
        decode_key: The decoder that filled the keys, likewise.

    Returns:
        A DataFrame with the columns `row` (the position in this frame), `topic`, `partition`, `offset`, `id`,
        `column` ("value", "key", or the column that was expanded), `step` ("decode" or "expand") and `error`;
        and where they are known, `layer` (such as "gzip"), `byte` (where reading this layer failed) and
        `path` (the field).

    Raises:
        ConfigError: The frame is masked, the decoder is not known, or the columns `value` and `raw` are
            missing.
    """
    if is_masked(frame):
        raise ConfigError(
            "this frame is masked, and has no payloads that could be judged again: its attrs count the "
            "failures and have the first of them; read it with unmask=True for all"
        )
    decoder = _decoder_of(frame, decode)
    table = table_of(frame)
    missing = [name for name in ("value", "raw") if name not in table.column_names]
    if missing:
        raise ConfigError(f"the frame has no column {missing[0]!r}, so its payloads cannot be judged again")
    found = [
        ("value", "decode", failure) for failure in _decode_failures(payloads_of(table, decoder), decoder)
    ]
    keys = _key_decoder_of(frame, decode_key)
    if {"key", "raw_key"} <= {*table.column_names} and _suits_keys(table):
        wrong_keys = _decode_failures(keys_of(table, keys), keys)
        found.extend(("key", "decode", failure) for failure in wrong_keys)
    if isinstance(getattr(frame, "attrs", None), dict):
        steps = (provenance_of(frame) or {}).get("expanded", [])
    else:
        steps = expanded_in(table.schema)
    for step in steps:
        name = step.get("column")
        if name in table.column_names and not pa.types.is_struct(table.column(name).type):
            texts = objects_of(table.column(name).cast(pa.large_binary()))
            objects = parse_objects(texts)
            wrong = objects.failures + restore_numbers(texts, objects)
            found.extend((name, "expand", PayloadFailure(row, reason)) for row, reason in sorted(wrong))
    return to_pandas(_as_table(table, found))


def _decoder_of(frame: Any, decode: Decode | None) -> PayloadDecoder:
    if decode is not None:
        return as_decoder(decode)
    name = writer_of(frame)
    if name is None:
        raise ConfigError(
            "this frame no longer says how it was decoded (its attrs are gone); pass decode=, "
            'for example failures(df, decode="json")'
        )
    if name == "auto":
        return _auto_of(frame)
    return decoder_named(name)


def _auto_of(frame: Any) -> AutoDecoder:
    known = (provenance_of(frame) if isinstance(getattr(frame, "attrs", None), dict) else None) or {}
    name = known.get("schemas")
    return known_auto(name if isinstance(name, str) else None, validates=known.get("validated") is True)


def _key_decoder_of(frame: Any, decode_key: Decode | None) -> PayloadDecoder:
    if decode_key is not None:
        return as_decoder(decode_key, "decode_key")
    name = key_writer_of(frame)
    return _auto_of(frame) if name is None else decoder_named(name)


def _suits_keys(table: pa.Table) -> bool:
    kind = table.column("raw_key").type
    return is_bytes(kind) or pa.types.is_null(kind)


def _decode_failures(batches: Iterator[Payloads], decoder: PayloadDecoder) -> list[PayloadFailure]:
    found: list[PayloadFailure] = []
    done = 0
    for batch in batches:
        found.extend(failure.at(done + failure.row) for failure in decoder.decode(batch).failures)
        done += len(batch)
    return found


def payloads_of(table: pa.Table, decoder: PayloadDecoder) -> Iterator[Payloads]:
    """Yield the payloads of a frame in batches, as its decoder was given them."""
    raw = table.column("raw").cast(pa.large_binary())
    value = table.column("value")
    text = is_text(value.type)
    # where a row has both, `raw` is the payload and `value` what was read from it
    payloads = pc.coalesce(raw, value.cast(pa.large_binary())) if text and not decoder.keeps_raw else raw
    columns: dict[str, Any] = {"payload": payloads}
    if "attributes" in table.column_names and table.column("attributes").type == ATTRIBUTES:
        columns["attributes"] = table.column("attributes")
    yield from _batches(table, columns)


def keys_of(table: pa.Table, decoder: PayloadDecoder) -> Iterator[Payloads]:
    """Yield the keys of a frame in batches, as their decoder was given them."""
    key, raw = table.column("key"), table.column("raw_key").cast(pa.large_binary())
    if is_text(key.type) and not decoder.keeps_raw:
        raw = pc.coalesce(raw, key.cast(pa.large_binary()))
    columns: dict[str, Any] = {"key": raw}
    if "attributes" in table.column_names and table.column("attributes").type == ATTRIBUTES:
        columns["attributes"] = table.column("attributes")
    yield from _batches(table, columns, is_key=True)


def _batches(table: pa.Table, columns: dict[str, Any], *, is_key: bool = False) -> Iterator[Payloads]:
    if "topic" in table.column_names:
        columns["topic"] = table.column("topic")
    for batch in pa.table(columns).to_batches():
        attributes: Array | None = batch.column("attributes") if "attributes" in columns else None
        topics: Any = batch.column("topic").to_pylist() if "topic" in columns else None
        yield Payloads(batch.column(0), None, attributes, topics, is_key)


def _as_table(table: pa.Table, found: list[tuple[str, str, PayloadFailure]]) -> pa.Table:
    failures = [failure for *_, failure in found]
    rows = pa.array([failure.row for failure in failures], pa.int64())
    columns: dict[str, Any] = {"row": rows}
    for name in _PLACE:
        if name in table.column_names:
            columns[name] = table.column(name).take(rows)
        else:
            columns[name] = pa.nulls(len(rows), SCHEMA.field(name).type)
    columns["column"] = pa.array([column for column, *_ in found], pa.string())
    columns["step"] = pa.array([step for _, step, _ in found], pa.string())
    columns["error"] = pa.array([failure.text for failure in failures], pa.string())
    columns["layer"] = pa.array([failure.layer or None for failure in failures], pa.string())
    columns["byte"] = pa.array([failure.byte for failure in failures], pa.int64())
    columns["path"] = pa.array([failure.path for failure in failures], pa.string())
    return pa.table(columns)
