"""Which messages a read keeps: by key, header, text, function or Arrow expression."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, reduce
from hashlib import sha256
from types import CodeType
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.attribute_bytes import parts_of
from brokerkit.core.vocabulary.attributes import UNREADABLE, Attributes, AttributeValue
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import plain
from brokerkit.frames.arrow import Array, contains, fill_null, is_text, row_numbers
from brokerkit.frames.attribute import rows_with
from brokerkit.frames.attributes import attributes_array
from brokerkit.frames.build import UNDECODED, DecodedKeys, FrameBuilder, undecoded_batch
from brokerkit.frames.column_arrays import column_array
from brokerkit.frames.masking.marks import mask_in
from brokerkit.frames.packed import packed_rows
from brokerkit.frames.text import split_text

from .expressions import Expression, check_expression, fits
from .filter_values import ValuesGiven
from .overlooked import KEY_NOT_DECODED, NOT_GIVEN, NOT_TEXT, Overlooked

Header: TypeAlias = "str | Mapping[str, AttributeValue]"


class FilterWarning(UserWarning):
    """A filter could not examine some messages, which therefore do not match."""


class Filter:
    """A filter of rows that counts the rows it could not examine.

    JSON is read exactly: a number is int or float, or `decimal.Decimal` where a float would lose digits. A
    message that cannot be examined does not match, and is counted in an `Overlooked`.

    Args:
        key: The exact key; text is encoded as UTF-8, and is also the text that was decoded.
        where: A text that the payload contains; an Arrow expression over the frame's columns; or a function
            of the value. The function is given the parsed JSON, otherwise the text, otherwise the bytes,
            and None for a null payload.
        schema: The schema of the frame, to refuse an expression that does not fit it.
        header: The name of an attribute that must be there, or ``{name: value}`` of which all must be. If a
            name is repeated, one matching value is enough. Text, bytes and numbers are compared as the frame
            has them.

    Raises:
        ConfigError: An argument cannot be used.
    """

    def __init__(
        self,
        key: str | bytes | None = None,
        where: Any = None,
        schema: pa.Schema | None = None,
        *,
        header: Header | None = None,
    ) -> None:
        if key is not None and not isinstance(key, str | bytes):
            raise ConfigError(f"key must be str or bytes, not {type(key).__name__}")
        if where is not None and not (isinstance(where, str | pc.Expression) or callable(where)):
            raise ConfigError(
                f"where must be a text, a function of the decoded value, or a pyarrow expression, "
                f"not {type(where).__name__}"
            )
        self._plain_where = False
        self._schema = schema
        if isinstance(where, pc.Expression) and schema is not None:
            check_expression(where, schema)
            self._plain_where = fits(where, pa.schema([schema.field(name) for name in UNDECODED]))
        self._key = _bytes("key", key) if isinstance(key, str) else key
        self._key_is_text = isinstance(key, str)
        self._text = _bytes("where", where) if isinstance(where, str) else None
        self._where = where
        self._header = _header_pairs(header)
        self._shown_key = self._key if schema is not None and mask_in(schema) is not None else None

    @property
    def active(self) -> bool:
        return self._key is not None or self._where is not None or bool(self._header)

    @property
    def looks_at_attributes(self) -> bool:
        return bool(self._header)

    @cached_property
    def expression(self) -> Expression | None:
        """The Arrow expression that must be true; None without one."""
        if not isinstance(self._where, pc.Expression) or self._schema is None:
            return None
        return Expression(self._where, self._schema)

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it looks at once rows are decoded."""
        found = {"id"} if self.active else set()
        if self._key is not None:
            found |= {"key", "raw_key"}
        if self._header:
            found.add("attributes")
        if self.expression is not None:
            found |= self.expression.columns
        elif self._where is not None:
            found |= {"value", "raw"}
        return frozenset(found)

    def __str__(self) -> str:
        parts = []
        if self._key is not None:
            parts.append(f"key={plain(repr(self._key), 60)}")
        if self._header:
            pairs = (name if data is None else f"{name}={data!r}" for name, data in self._header)
            parts.append(f"header={plain(', '.join(pairs), 60)}")
        if self._where is not None:
            parts.append(f"where={plain(_name(self._where), 60)}")
        return ", ".join(parts)

    @property
    def fingerprint(self) -> str:
        """A text that is equal for filters that keep the same rows, as far as the code tells."""
        parts = [repr(self._key), _name(self._where), *([repr(self._header)] if self._header else [])]
        if isinstance(self._where, pc.Expression):
            # its text leaves out the middle of long lists
            parts.append(sha256(pickle.dumps(self._where, protocol=5)).hexdigest())
        code = getattr(self._where, "__code__", None)
        if isinstance(code, CodeType):
            parts.append(repr(_essence(code)))
        return sha256("\n".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def columns(
        self,
        columns: Columns,
        overlooked: Overlooked | None = None,
        decoded_keys: Callable[[Columns], DecodedKeys] | None = None,
    ) -> Columns:
        """Keep only the rows with the key, before payloads are decoded.

        Args:
            columns: The rows.
            overlooked: Counts the rows that could not be examined.
            decoded_keys: Decodes the keys, of which a text may be one.
        """
        if self._key is None or self._shown_key is not None:
            return columns
        keys = column_array(columns.key, pa.large_binary(), columns.length)
        wanted = pa.scalar(self._key, pa.large_binary())
        rows = row_numbers(pc.equal(keys, wanted))
        if decoded_keys is not None and self._key_is_text:
            texts, failed = decoded_keys(columns if columns.key is None else replace(columns, key=keys))
            others = [row for row, text in texts.items() if text == self._key]
            rows = sorted({*rows, *others}) if others else rows
            failed = [row for row in failed if keys[row] != wanted]
            if failed and overlooked is not None:
                overlooked.note(KEY_NOT_DECODED, len(failed), first=columns.to_list("id")[failed[0]])
        if overlooked is not None:
            unknown = _note_unreadable(columns, keys, overlooked)
            overlooked.keyless += 0 if rows else keys.null_count - unknown
        return _only(columns, rows)

    def undecoded(self, columns: Columns, builder: FrameBuilder) -> Columns:
        """Keep the rows that may match `header` and `where`, as far as that shows before they are decoded.

        A mask hides what it hides after decoding only, so nothing is left out before.
        """
        if builder.mask is not None:
            return columns
        if self._header and columns.length:
            attributes = attributes_array(columns.attributes, columns.length)
            every = reduce(pc.and_, (rows_with(attributes, name, data) for name, data in self._header))
            columns = _only(columns, row_numbers(pc.or_(every, rows_with(attributes, UNREADABLE))))
        if self._plain_where and columns.length:
            fitting = _numbered(undecoded_batch(columns)).filter(self._where | self._where.is_null())
            columns = _only(columns, fitting.column("").to_pylist())
        if self._text is not None and columns.length:
            without = builder.surely_without(self._text, columns)
            columns = columns if without is None else _only(columns, row_numbers(pc.invert(without)))
        return columns

    def batch(
        self, batch: pa.RecordBatch, overlooked: Overlooked | None = None, limit: int | None = None
    ) -> pa.RecordBatch:
        """Keep only the rows that match `header` and `where`.

        Args:
            batch: The rows.
            overlooked: Counts the rows that could not be examined.
            limit: At most so many rows; no row behind these is examined.
        """
        overlooked = Overlooked() if overlooked is None else overlooked
        if self._shown_key is not None:
            batch = self._with_shown_key(batch, overlooked)
        if self._header and batch.num_rows:
            unknown = batch.filter(rows_with(batch.column("attributes"), UNREADABLE))
            if unknown.num_rows and not any(name == UNREADABLE for name, _ in self._header):
                overlooked.note(NOT_GIVEN, unknown.num_rows, first=unknown.column("id")[0].as_py())
        for name, data in self._header:
            if batch.num_rows:
                batch = batch.filter(rows_with(batch.column("attributes"), name, data))
        if self._where is None or not batch.num_rows or limit == 0:
            return batch if limit is None else batch.slice(0, limit)
        if isinstance(self._where, pc.Expression):
            return self._fitting(batch, overlooked, limit)
        if self._text is not None:
            return self._containing(batch, overlooked, limit)
        return batch.filter(pa.array(self._matches(batch, overlooked, limit), pa.bool_()))

    def decoded(self, batch: pa.RecordBatch, overlooked: Overlooked) -> pa.RecordBatch:
        """Keep only the rows that match, where none was left out before decoding."""
        if self._key is not None and self._shown_key is None and batch.num_rows:
            keys = batch.column("key")
            wanted: Any = pa.scalar(self._key, pa.large_binary())
            matching = fill_null(pc.equal(batch.column("raw_key").cast(pa.large_binary()), wanted), False)
            if is_text(keys.type):
                shown = fill_null(pc.equal(keys.cast(pa.large_binary()), wanted), False)
                if not self._key_is_text:
                    # bytes are compared with the key as it is, not with the text that it was decoded to
                    shown = pc.and_(shown, batch.column("raw_key").is_null())
                matching = pc.or_(matching, shown)
            batch = batch.filter(matching)
        return self.batch(batch, overlooked)

    def _with_shown_key(self, batch: pa.RecordBatch, overlooked: Overlooked) -> pa.RecordBatch:
        """Keep the rows with the key as it is shown: a filter on what is hidden would find it out."""
        keys = batch.column("key")
        if not is_text(keys.type):
            if batch.num_rows:
                overlooked.note(KEY_NOT_DECODED, batch.num_rows, first=batch.column("id")[0].as_py())
            return batch.slice(0, 0)
        wanted = pc.equal(keys.cast(pa.large_binary()), pa.scalar(self._shown_key, pa.large_binary()))
        return batch.filter(fill_null(wanted, False))

    def _fitting(self, batch: pa.RecordBatch, overlooked: Overlooked, limit: int | None) -> pa.RecordBatch:
        """Keep the rows for which an expression is true."""
        numbered = _numbered(batch)
        rows = numbered.filter(self._where).column("").combine_chunks()
        batch, rows = _up_to(batch, rows, limit)
        raw = batch.column("raw")
        if raw.null_count < len(raw):
            bytes_only = pc.and_(batch.column("value").is_null(), raw.is_valid())
            unknown = numbered.slice(0, batch.num_rows).filter(bytes_only).filter(self._where.is_null())
            _note_bytes(batch.take(unknown.column("").combine_chunks()), overlooked, NOT_TEXT)
        return batch.take(rows)

    def _containing(self, batch: pa.RecordBatch, overlooked: Overlooked, limit: int | None) -> pa.RecordBatch:
        """Keep the rows whose payload contains the text."""
        matching = fill_null(contains(_payloads(batch), self._text or b""), False)
        batch, rows = _up_to(batch, pc.indices_nonzero(matching), limit)
        raw = batch.column("raw")
        if raw.null_count < len(raw):
            others = pc.invert(matching.slice(0, batch.num_rows))
            if is_text(batch.schema.field("value").type):
                others = pc.and_(others, batch.column("value").is_null())
            unseen = batch.filter(others)
            binary = split_text(unseen.column("raw"))[1].is_valid()
            _note_bytes(unseen.filter(binary), overlooked, NOT_TEXT)
            _note_bytes(unseen.filter(pc.invert(binary)), overlooked, None)
        return batch.take(rows)

    def _matches(self, batch: pa.RecordBatch, overlooked: Overlooked, limit: int | None) -> list[bool]:
        wanted: Callable[[Any], Any] = self._where
        given = ValuesGiven(batch, overlooked)
        read, matched = given.read, 0
        found = [False] * batch.num_rows
        # each value is freed before the next is made, which is faster than making all at once
        for row, item in enumerate(given.items):
            try:
                value = read(item)
            except ValueError:
                value = given.otherwise(item, row)
            try:
                if wanted(value):
                    found[row] = True
                    matched += 1
                    if matched == limit:
                        break
            except Exception as error:  # the user's function: a row it cannot judge does not match
                given.failed(error, row)
        return found


def _numbered(batch: pa.RecordBatch) -> pa.Table:
    """Return the rows with their numbers in a column without a name."""
    return pa.Table.from_batches([batch]).append_column("", pa.array(np.arange(batch.num_rows)))


def _up_to(batch: pa.RecordBatch, rows: Array, limit: int | None) -> tuple[pa.RecordBatch, Array]:
    """Return the first `limit` of the rows, and the batch up to the last of them."""
    if limit is None or len(rows) < limit:
        return batch, rows
    return batch.slice(0, rows[limit - 1].as_py() + 1), rows[:limit]


def _note_bytes(batch: pa.RecordBatch, overlooked: Overlooked, otherwise: str | None) -> None:
    """Count rows by the format their bytes are packed in.

    Args:
        batch: The rows.
        overlooked: Counts them.
        otherwise: The reason for all other rows; None does not count them.
    """
    known = 0
    for name, rows in packed_rows(batch.column("raw")):
        known += len(rows)
        overlooked.note(name, len(rows), first=batch.column("id")[rows[0].as_py()].as_py())
    if otherwise is not None and known < batch.num_rows:
        overlooked.note(otherwise, batch.num_rows - known, first=batch.column("id")[0].as_py())


def _only(columns: Columns, rows: list[Any]) -> Columns:
    """Return the rows with these numbers, which are sorted."""
    return columns if len(rows) == columns.length else columns.take(rows)


def _note_unreadable(columns: Columns, keys: Array, overlooked: Overlooked) -> int:
    """Count the rows whose key the client library could not read."""
    # only such rows have this attribute alone
    if type(columns.attributes) is not list or not keys.null_count:
        return 0
    unread, attributes = row_numbers(keys.is_null()), columns.attributes
    rows = [row for row in unread if (pairs := attributes[row]) and pairs[0][0] == UNREADABLE]
    if rows:
        overlooked.note(NOT_GIVEN, len(rows), first=columns.to_list("id")[rows[0]])
    return len(rows)


def wanted_rows(
    key: str | bytes | None, header: Header | None, where: Any, schema: pa.Schema, attributes: bool
) -> Filter:
    """Return the filter of a read.

    Args:
        attributes: Whether the read includes the attributes.

    Raises:
        ConfigError: An argument cannot be used.
    """
    wanted = Filter(key, where, schema, header=header)
    if wanted.looks_at_attributes and not attributes:
        raise ConfigError("header= looks at the attributes: leave out attributes=False")
    return wanted


def _header_pairs(header: Any) -> list[tuple[str, bytes | None]]:
    """Return names with the wanted value as bytes; None for any value."""
    if header is None:
        return []
    if isinstance(header, str):
        _bytes("header", header)
        return [(header, None)]
    if isinstance(header, Mapping) and header:
        for each in (*header.keys(), *header.values()):
            if isinstance(each, str):
                _bytes("header", each)
        try:
            return [(name, data) for name, data, _ in map(parts_of, Attributes(header))]
        except TypeError as error:
            raise ConfigError(f"header: {error}") from error
    raise ConfigError(
        f"header must be the name of a header, or {{name: value}}, not {type(header).__name__} {header!r:.60}"
    )


def _bytes(name: str, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(f"{name}={text[:60]!r} is not valid text ({error.reason}); give bytes") from error


def _payloads(batch: pa.RecordBatch) -> Array:
    """Return the text to search: what was decoded, or the bytes where it is not text."""
    values, raw = batch.column("value"), batch.column("raw")
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return pc.coalesce(values.cast(pa.large_binary()), raw)
    return raw


def _name(where: Any) -> str:
    if isinstance(where, str | pc.Expression) or where is None:
        return repr(where) if isinstance(where, str) else str(where)
    return str(getattr(where, "__qualname__", None) or type(where).__qualname__)


def _essence(code: CodeType) -> tuple[Any, ...]:
    """Return the parts of a function that decide its result, without its place in the source."""
    constants = [_essence(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return code.co_code, code.co_names, constants
