"""What is compared: the rows of a frame, a scan or an Arrow table, as fields, once or several times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from brokerkit.core.vocabulary.attributes import Pair
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage, is_ours

from ..attributes import pairs_of
from ..carried import ATTRIBUTES, KEY, NULL, opened
from ..dataframe import from_pandas
from ..json_exact import read
from .leaves import PlainText

MESSAGE = frozenset({"key", "value", "raw"})
"""The columns by which a frame of messages is known."""
PLACES = (
    "topic", "partition", "offset", "id", "publish_time", "ingestion_time", "delivery_count", "format",
    "schema", "raw_key",
)  # fmt: skip
"""The columns of messages that say where they were and how they were read, and not what they are."""
BATCH_ROWS = 10_000
CARRIED = frozenset({ATTRIBUTES, KEY, NULL})
OWN = ("$", "bk-")
"""How the names of attributes begin that a system gives to its own fields, or that a copy carries."""


class Source:
    """The rows of a frame, a scan or an Arrow table. They can be read again.

    Attributes:
        columns: The names of its columns.
        messages: Whether these are messages.
    """

    def __init__(self, given: Any, name: str) -> None:
        self._given = given
        table: pa.Table | None = None
        if hasattr(given, "iloc") and hasattr(given, "columns"):
            table = from_pandas(given)
        elif isinstance(given, pa.RecordBatchReader):
            # it can be read once only
            table = given.read_all()
        elif isinstance(given, pa.RecordBatch):
            table = pa.Table.from_batches([given])
        elif isinstance(given, pa.Table):
            table = given
        elif not hasattr(given, "__arrow_c_stream__"):
            raise ConfigError(
                f"{name} must be a DataFrame, a scan or an Arrow table, not {type(given).__name__}: "
                "s.peek(topic) and s.scan(topic) return such"
            )
        self._table = table
        schema = getattr(given, "schema", None) if table is None else table.schema
        if not isinstance(schema, pa.Schema):
            self._table = table = pa.table(given)
            schema = table.schema
        self.columns = list(schema.names)
        self.messages = MESSAGE.issubset(self.columns)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._table is not None:
            yield from self._table.to_batches(max_chunksize=BATCH_ROWS)
            return
        for batch in pa.RecordBatchReader.from_stream(self._given):
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(start, BATCH_ROWS)

    def rows(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield the fields of each row: payloads are parsed, and attributes are a mapping."""
        for batch in self._batches():
            names = [name for name in columns if name in batch.schema.names]
            carrying = _carrying(batch) if self.messages else {}
            found = [_values(name, batch, self.messages) for name in names]
            for row, values in enumerate(zip(*found, strict=True)):
                fields = dict(zip(names, values, strict=True))
                yield _put_back(fields, carrying[row]) if row in carrying else fields
            if not names:
                yield from ({} for _ in range(batch.num_rows))


def _values(name: str, batch: pa.RecordBatch, messages: bool) -> list[Any]:
    column = batch.column(name)
    if not messages:
        return column.to_pylist()
    if name == "attributes":
        return _attributes(column)
    if name == "value" and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raw = batch.column("raw").to_pylist()
        return [
            payload if text is None else _parsed(text)
            for text, payload in zip(column.to_pylist(), raw, strict=True)
        ]
    if name == "key" and "raw_key" in batch.schema.names:
        raw = batch.column("raw_key").to_pylist()
        return [
            payload if text is None else text for text, payload in zip(column.to_pylist(), raw, strict=True)
        ]
    return column.to_pylist()


def _carrying(batch: pa.RecordBatch) -> dict[int, OutboundMessage]:
    """Return the messages that a copy carries in part in attributes, as they were, without their payload."""
    if "attributes" not in batch.schema.names:
        return {}
    rows, _ = pairs_of(batch.column("attributes"))
    return {
        row: opened(b"", None, pairs)
        for row, pairs in enumerate(rows)
        if any(name in CARRIED for name, _ in pairs)
    }


def _put_back(fields: dict[str, Any], message: OutboundMessage) -> dict[str, Any]:
    """Return the fields of a row with what was carried in attributes in its place."""
    if "attributes" in fields:
        fields["attributes"] = _named(message.attributes)
    if message.key is not None and "key" in fields:
        fields["key"] = _text(message.key)
    if message.data is None and "value" in fields:
        fields["value"] = None
    return fields


def _parsed(text: str) -> Any:
    try:
        return read(text, constant=Decimal).value
    except ValueError:
        return PlainText(text)


def _attributes(column: Any) -> list[dict[str, Any]]:
    rows, _ = pairs_of(column)
    return [_named(pairs) for pairs in rows]


def _named(pairs: Iterable[Pair]) -> dict[str, Any]:
    """Return attributes by name; a name that is repeated has a list. Texts and their bytes are the same."""
    mine: dict[str, Any] = {}
    for name, value in pairs:
        if name.startswith(OWN) or (isinstance(value, str) and is_ours(value)):
            continue
        given = _text(value)
        if name not in mine:
            mine[name] = given
        elif isinstance(mine[name], list):
            mine[name].append(given)
        else:
            mine[name] = [mine[name], given]
    return mine


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
