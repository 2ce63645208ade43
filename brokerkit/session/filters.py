"""Which messages of a read are wanted: by key, header, text, a predicate, an Arrow expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import CodeType
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.attributes import Attributes, AttributeValue
from brokerkit.core.columns import Columns
from brokerkit.core.errors import ConfigError
from brokerkit.frames.attribute import rows_with
from brokerkit.frames.attributes import parts_of

from .shown import plain

ERROR_SAMPLES = 5
Header: TypeAlias = "str | Mapping[str, AttributeValue]"


class FilterWarning(UserWarning):
    """Nothing was found, and the function given as `where` failed on some of what it was asked about."""


class Filter:
    """Picks rows, and counts what it looked at.

    key: the exact key, text is UTF-8. where: a text that the payload contains; an Arrow expression
    over the frame's columns; or a function of the value: what its JSON says, else its text, else
    its bytes, None for a null payload. A function that raises does not match; `errors` counts it.
    header: the name of an attribute that must be there, or {name: value}, which all must be there;
    one value of a repeated name is enough, and text, bytes and numbers are compared as the frame has
    them. schema: of the frame, to refuse an expression that does not fit it. Raises ConfigError.
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
        if isinstance(where, pc.Expression) and schema is not None:
            _check_expression(where, schema)
        self._key = _bytes("key", key) if isinstance(key, str) else key
        self._text = _bytes("where", where) if isinstance(where, str) else None
        self._where = where
        self._header = _header_pairs(header)
        self.errors = 0
        self.error_samples: list[str] = []

    @property
    def active(self) -> bool:
        return self._key is not None or self._where is not None or bool(self._header)

    @property
    def looks_at_attributes(self) -> bool:
        return bool(self._header)

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
        """The same for filters that pick the same, as far as can be told without running them."""
        parts = [repr(self._key), _name(self._where), *([repr(self._header)] if self._header else [])]
        code = getattr(self._where, "__code__", None)
        if isinstance(code, CodeType):
            parts.append(repr(_essence(code)))
        return sha256("\n".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def columns(self, columns: Columns) -> Columns:
        """Only the rows with the key, before anything is decoded."""
        if self._key is None:
            return columns
        rows = [row for row, key in enumerate(columns.values("key")) if key == self._key]
        return columns if len(rows) == columns.length else columns.take(rows)

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Only the rows that `header` and `where` want."""
        for name, data in self._header:
            if batch.num_rows:
                batch = batch.filter(rows_with(batch.column("attributes"), name, data))
        if self._where is None or not batch.num_rows:
            return batch
        if isinstance(self._where, pc.Expression):
            table = pa.Table.from_batches([batch]).filter(self._where).combine_chunks()
            found = table.to_batches()
            return found[0] if found else batch.slice(0, 0)
        if self._text is not None:
            return batch.filter(pc.fill_null(pc.match_substring(_payloads(batch), self._text), False))
        return batch.filter(pa.array(self._matches(batch), pa.bool_()))

    def _matches(self, batch: pa.RecordBatch) -> list[bool]:
        values = batch.column("value").to_pylist()
        raws = batch.column("raw").to_pylist()
        wanted: Callable[[Any], Any] = self._where
        found = []
        for value, raw in zip(values, raws, strict=True):
            try:
                found.append(bool(wanted(_decoded(raw if value is None else value))))
            except Exception as error:  # the user's function: a row it cannot judge does not match
                self.errors += 1
                if len(self.error_samples) < ERROR_SAMPLES:
                    self.error_samples.append(plain(f"{type(error).__name__}: {error}"))
                found.append(False)
        return found


def wanted_rows(
    key: str | bytes | None, header: Header | None, where: Any, schema: pa.Schema, attributes: bool
) -> Filter:
    """The filter of a read. attributes: whether it reads them. Raises ConfigError."""
    wanted = Filter(key, where, schema, header=header)
    if wanted.looks_at_attributes and not attributes:
        raise ConfigError("header= looks at the attributes: leave out attributes=False")
    return wanted


def _header_pairs(header: Any) -> list[tuple[str, bytes | None]]:
    """Names with the value that is wanted as bytes, None for any."""
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


def _check_expression(where: pc.Expression, schema: pa.Schema) -> None:
    try:
        schema.empty_table().filter(where)
    except (pa.ArrowException, LookupError, TypeError) as error:
        reason = str(error).partition("\n")[0].removesuffix(f" in {schema.names[0]}: {schema.types[0]}")
        raise ConfigError(
            f"the expression {where} given as where= does not fit: {reason}; it must be true or false for "
            f"each row, over the columns {', '.join(schema.names)}"
        ) from error


def _payloads(batch: pa.RecordBatch) -> pa.Array:
    """What to search for a text: the text or bytes that came, whatever a decoder made of them."""
    values, raw = batch.column("value"), batch.column("raw")
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return pc.coalesce(values.cast(pa.large_binary()), raw)
    return raw


def _decoded(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _name(where: Any) -> str:
    if isinstance(where, str | pc.Expression) or where is None:
        return repr(where) if isinstance(where, str) else str(where)
    return str(getattr(where, "__qualname__", None) or type(where).__qualname__)


def _essence(code: CodeType) -> tuple[Any, ...]:
    """What a function does, without where it was written."""
    constants = [_essence(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return code.co_code, code.co_names, constants
