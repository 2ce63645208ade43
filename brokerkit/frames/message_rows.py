"""Rows of a frame that are messages, published as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.contract.garbage_collection import uncollected
from brokerkit.core.vocabulary.attributes import NO_ATTRIBUTES, Attributes
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.outbound_rows import Item, OutboundRows

from .arrow import Array, ArrowType, is_bytes, is_text, value_type
from .attributes import pairs_of
from .auto.declared import NOTHING, Declared, declared_rows
from .auto.sources import names_schema, registered_texts
from .auto.writing import written
from .decoded import objects_of
from .decoding import BUILT_IN
from .json_types import plain_column
from .keys import KEY, Keys, check_bytes, column_of_attributes
from .object_decoder import NAMES as OBJECT_DECODERS
from .schema import ATTRIBUTES
from .tabular import Column, describe_columns, missing

_STRUCT = {"name", "value", "type"}
_HOW = "set 'value' to NA to publish 'raw', or 'raw' to NA to publish the text as it is"
_UNKNOWN = (
    "its value was read with a schema that no open session finds, so that it is not known whether it was "
    f"edited: connect with the registry, or {_HOW}"
)


class MessageRows:
    """Rows with a payload in `value` or `raw`, a key in `key` or `raw_key`, and attributes.

    Where a row has both, `raw` is published unless `value` was edited: then the text goes into the
    compressions and encodings that the row had.

    Args:
        key: Another column that has the keys.
        decoder: The decoder that filled `value`, if known. `raw` is published if its values are not text, or
            if it was a user's decoder.
        key_decoder: The decoder that filled `key`, likewise.
    """

    def __init__(
        self,
        columns: dict[str, Column],
        length: int,
        key: str | None,
        decoder: str | None,
        key_decoder: str | None = None,
    ) -> None:
        if "value" not in columns:
            raise ConfigError(
                "a frame of messages needs the column 'value' (and may have key, raw_key, raw, attributes); "
                f"this one has {describe_columns(columns)}"
            )
        self._length = length
        self._keys = Keys(columns, key or KEY, key_decoder)
        self._attributes = columns.get("attributes")
        self._formats = columns.get("format")
        self._payloads = _payload_columns(columns, decoder)
        self._read_from_raw = decoder in (None, "auto", *OBJECT_DECODERS) and len(self._payloads) == 2
        self._otherwise = Declared(format=decoder) if decoder in OBJECT_DECODERS else NOTHING
        _check_attributes(self._attributes)

    def __len__(self) -> int:
        return self._length

    def items(self, start: int, stop: int) -> list[Item]:
        """Return the rows from `start` up to but excluding `stop`, one item each."""
        return uncollected(list, self.batch(start, stop))

    def batch(self, start: int, stop: int) -> OutboundRows:
        """Return the same rows as columns."""
        return uncollected(self._batch, start, stop)

    def _batch(self, start: int, stop: int) -> OutboundRows:
        payloads, wrong = self._payload_values(start, stop)
        keys, errors = self._keys.values(start, stop)
        wrong |= errors
        attributes, errors = attribute_values(self._attributes, start, stop)
        wrong |= {row: f"column 'attributes': {reason}" for row, reason in errors.items()}
        return OutboundRows(payloads, keys, attributes, row_errors(wrong, start))

    def _payload_values(self, start: int, stop: int) -> tuple[list[bytes | None], dict[int, str]]:
        """Return the payloads, and the reason for each row without a usable one."""
        length = stop - start
        wrong: dict[int, str] = {}
        found: list[list[bytes | None]] = []
        for name, column in self._payloads.items():
            values, errors = payload_values(column[start:stop])
            for row, reason in errors.items():
                if not found or found[0][row] is None:
                    wrong[row] = f"column {name!r}: {reason}"
            found.append(values)
        if len(found) == 1:
            return found[0], wrong
        values, raws = found
        if raws.count(None) == length:
            return values, wrong
        if values.count(None) == length:
            return raws, wrong
        payloads = [second if first is None else first for first, second in zip(values, raws, strict=True)]
        if self._read_from_raw:
            both = [row for row in range(length) if values[row] is not None and raws[row] is not None]
            attributes = column_of_attributes(self._attributes, start, stop) if both else None
            forced = self._otherwise != NOTHING
            declared = {} if forced else declared_rows(attributes, length)
            with_schema, refused = self._by_schema(
                start, [] if forced else both, values, raws, attributes, declared
            )
            wrong |= refused
            for row in both:
                if row in with_schema:
                    payloads[row] = with_schema[row]
                if row in with_schema or row in refused:
                    continue
                try:
                    payloads[row] = written(
                        raws[row] or b"", values[row] or b"", declared.get(row, self._otherwise)
                    )
                except ValueError as error:
                    wrong[row] = str(error)
        return payloads, wrong

    def _by_schema(
        self,
        start: int,
        rows: list[int],
        values: list[bytes | None],
        raws: list[bytes | None],
        attributes: Array | None,
        declared: dict[int, Declared],
    ) -> tuple[dict[int, bytes], dict[int, str]]:
        """Return the payloads of rows that have a schema of a registry, and why others are refused.

        They are the payloads that were read, or those of the edited values with the same schemas.
        """
        found: dict[int, bytes] = {}
        refused: dict[int, str] = {}
        if not rows:
            return found, refused
        data: Array = pa.array([raws[row] for row in rows], pa.large_binary())
        numbers: Any = pa.array(rows, pa.int64())
        some = None if attributes is None else attributes.take(numbers)
        for read in registered_texts(data, some):
            for place, (row, text) in enumerate(zip(rows, read.texts, strict=True)):
                raw, value = raws[row] or b"", values[row] or b""
                if text is not None and text.encode() == value:
                    found[row] = raw
                elif text is not None and row not in found:
                    pairs: Any = None if some is None else some[place].as_py()
                    told = {pair["name"]: pair["value"] or b"" for pair in pairs or ()}
                    try:
                        found[row] = read.writing.written(raw, text, value, declared.get(row, NOTHING), told)
                    except ValueError as error:
                        refused[row] = str(error)
        if self._formats is not None:
            formats = self._formats[start : start + rows[-1] + 1]
            texts_of = formats.to_pylist() if isinstance(formats, pa.ChunkedArray) else formats
            for row in rows:
                if row not in refused and names_schema(texts_of[row]):
                    refused[row] = _UNKNOWN
        return found, {row: reason for row, reason in refused.items() if row not in found}


def row_errors(reasons: Mapping[int, str], start: int) -> dict[int, BrokerError]:
    """Return the errors of rows for reasons that count them from `start`."""
    return {row: ConfigError(f"row {start + row}, {reason}") for row, reason in reasons.items()}


def payload_values(column: Column) -> tuple[list[bytes | None], dict[int, str]]:
    """Return text and bytes as payloads, NA as None, and the reason for each row with anything else."""
    if isinstance(column, pa.ChunkedArray):
        return objects_of(plain_column(column).cast(pa.large_binary())), {}
    values: list[bytes | None] = []
    wrong: dict[int, str] = {}
    for row, value in enumerate(column):
        values.append(None)
        if isinstance(value, bytes):
            values[row] = value
        elif isinstance(value, str):
            try:
                values[row] = value.encode()
            except UnicodeEncodeError as error:
                wrong[row] = str(error)
        elif not missing(value):
            wrong[row] = (
                f"a {type(value).__name__} cannot be a payload; expected text or bytes, "
                "or kind='rows' to publish rows as JSON objects"
            )
    return values, wrong


def attribute_values(column: Column | None, start: int, stop: int) -> tuple[list[Attributes], dict[int, str]]:
    """Return the attributes of each row, and the reason for each row whose attributes cannot be read."""
    if column is None or (isinstance(column, pa.ChunkedArray) and pa.types.is_null(column.type)):
        return [NO_ATTRIBUTES] * (stop - start), {}
    part = column[start:stop]
    if isinstance(part, pa.ChunkedArray):
        return pairs_of(part.combine_chunks())
    found: list[Attributes] = []
    wrong: dict[int, str] = {}
    for row, value in enumerate(part):
        try:
            found.append(attributes_of(value))
        except (TypeError, ValueError) as error:
            found.append(NO_ATTRIBUTES)
            wrong[row] = str(error)
    return found, wrong


def attributes_of(value: Any) -> Attributes:
    """Return the attributes of one row of a frame."""
    if isinstance(value, Mapping | Attributes):
        return Attributes(value)
    if missing(value):
        return NO_ATTRIBUTES
    if not isinstance(value, list | tuple) and hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise TypeError(f"a {type(value).__name__} cannot be attributes; expected a dict or a list of pairs")
    if value and all(isinstance(item, Mapping) and item.keys() == _STRUCT for item in value):
        attributes, wrong = pairs_of(pa.array([value], ATTRIBUTES))
        if wrong:
            raise ValueError(wrong[0])
        return attributes[0]
    return Attributes(value)


def _payload_columns(columns: dict[str, Column], decoder: str | None) -> dict[str, Column]:
    value, raw = columns["value"], columns.get("raw")
    if raw is not None:
        check_bytes("raw", raw)
    if decoder is not None and decoder not in BUILT_IN and raw is not None:
        return {"raw": raw}
    if not _carries_payload(value):
        if raw is None:
            raise ConfigError(
                "the column 'value' must be text or bytes, or the column 'raw' must hold the payloads; "
                f"the frame has {describe_columns(columns)}"
            )
        return {"raw": raw}
    if raw is None:
        return {"value": value}
    if decoder is None and "format" not in columns and _both_filled(value, raw):
        raise ConfigError(
            "every row has its payload in 'value' and in 'raw', and the frame no longer says which of them "
            "was published; drop the column 'raw' to publish 'value', or set 'value' to NA to publish 'raw'"
        )
    return {"value": value, "raw": raw}


def _carries_payload(column: Column) -> bool:
    if isinstance(column, list) or pa.types.is_null(column.type):
        return True
    kind: Any = column.type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return is_text(kind) or is_bytes(kind)


def _both_filled(value: Column, raw: Column) -> bool:
    if isinstance(value, list) or isinstance(raw, list) or not len(value) or value.null_count == len(value):
        return False
    return bool(pc.all(pc.or_(pc.is_null(value), pc.is_valid(raw))).as_py())


def _check_attributes(column: Column | None) -> None:
    if column is None or isinstance(column, list) or pa.types.is_null(column.type):
        return
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not _fits(kind):
        raise ConfigError(
            f"the column 'attributes' is {kind}; expected {ATTRIBUTES}, or Python dicts or lists of pairs"
        )


def _fits(kind: ArrowType) -> bool:
    item = value_type(kind)
    return pa.types.is_null(item) or (
        pa.types.is_struct(item) and [field.name for field in item] == ["name", "value", "type"]
    )
