"""A frame as messages to be published, one per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import pyarrow as pa

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.outbound_rows import Item, OutboundRows

from .codecs.payload_writers import PayloadWriter
from .encoded_rows import EncodedRows
from .keys import KEY, RAW_KEY, Keys
from .masking.marks import refuse_masked, refuse_masked_rows
from .message_rows import MessageRows
from .object_rows import ObjectRows
from .provenance import key_writer_of, writer_of
from .tabular import Column, columns_of, describe_columns, index_names

if TYPE_CHECKING:
    import pandas as pd

Kind: TypeAlias = Literal["messages", "rows"]


class Rows(Protocol):
    """An object that makes the messages of some rows."""

    def __len__(self) -> int: ...

    def items(self, start: int, stop: int) -> list[Item]: ...

    def batch(self, start: int, stop: int) -> OutboundRows: ...


MESSAGE_COLUMNS = ("key", "value", "raw", "attributes")
_CHUNK = 1_000


class Outbound:
    """The rows of a frame as messages. ``len()`` is the number of rows.

    Attributes:
        kind: "messages" if rows are published as the messages they are, "rows" if each becomes a JSON object.
        rows: The object that makes the messages.
        columns: The columns of the frame.
        as_json: Whether each row becomes a JSON object.
    """

    def __init__(
        self, kind: Kind, rows: Rows, columns: dict[str, Column] | None = None, *, as_json: bool = False
    ) -> None:
        self.kind = kind
        self.rows = rows
        self.columns = columns or {}
        self.as_json = as_json

    def __len__(self) -> int:
        return len(self.rows)

    def items(self, start: int, stop: int) -> list[Item]:
        """Return the rows from `start` up to but excluding `stop`: one item each, as in `chunks`."""
        return self.rows.items(start, min(stop, len(self)))

    def batch(self, start: int, stop: int) -> OutboundRows:
        """Return the same rows as columns, without making their messages."""
        return self.rows.batch(start, min(stop, len(self)))

    def chunks(self, size: int = _CHUNK) -> Iterator[list[Item]]:
        """Yield lists of at most `size` items, all rows in order: one item per row.

        A row that cannot be published is an error in its place; it does not raise.
        """
        if size < 1:
            raise ConfigError(f"a chunk needs at least one row, not {size}")
        return (self.rows.items(start, min(start + size, len(self))) for start in range(0, len(self), size))

    def __iter__(self) -> Iterator[Item]:
        return (item for chunk in self.chunks() for item in chunk)

    def preview(self, n: int = 5) -> pd.DataFrame:
        """Return the first `n` rows as they would be published; long payloads are cut only here."""
        import pandas as pd

        lines: list[tuple[Any, ...]] = []
        items = self.rows.items(0, min(n, len(self)))[:n]
        for row, item in enumerate(items):
            if isinstance(item, BrokerError):
                lines.append((row, None, None, None, None, str(item)))
            else:
                size = None if item.data is None else len(item.data)
                names = ", ".join(item.attributes.names())
                lines.append((row, _shown(item.key), _shown(item.data), size, names, None))
        columns = ["row", "key", "data", "bytes", "attributes", "error"]
        made = pd.DataFrame(lines, columns=columns, dtype=object)
        for name in ("partition", "publish_time"):
            values = [getattr(item, name, None) for item in items]
            if any(value is not None for value in values):
                made.insert(len(made.columns) - 1, name, pd.Series(values, dtype=object))
        return made

    def __repr__(self) -> str:
        what = "messages as they are" if self.kind == "messages" else "one JSON object per row"
        return f"Outbound({len(self)} rows, {what})"


def messages_from_frame(
    frame: Any,
    *,
    kind: Kind | None = None,
    key: str | None = None,
    columns: Sequence[str] | None = None,
    writer: PayloadWriter | None = None,
) -> Outbound:
    """Return the messages that publishing `frame` would send.

    Args:
        frame: A pandas or polars DataFrame, a pyarrow Table or RecordBatch.
        kind: "messages" or "rows". None treats a frame with the columns key, value, raw and attributes as
            messages, and any other as rows; with `columns`, always as rows.
        key: The column whose text is the key. If it is `key` itself, rows with a `raw_key` use that, unless
            the text was edited.
        columns: The columns of each JSON object.
        writer: Writes the payloads with a schema, in place of JSON and of what was read. The fields are the
            columns, or for messages the column `value`: structs, objects, or JSON text.

    Raises:
        ConfigError: The frame or a column cannot be used, or the frame is masked.
    """
    refuse_masked(frame)
    found = columns_of(frame)
    refuse_masked_rows(found.get("format"))
    index = index_names(frame)
    if kind not in (None, "messages", "rows"):
        raise ConfigError(f"kind={kind!r} cannot be used; expected 'messages' or 'rows'")
    if isinstance(columns, str):
        raise ConfigError(f"columns={columns!r} is one text; expected a list of column names, [{columns!r}]")
    if key is not None and key not in found:
        if key in index:
            raise ConfigError(f"{key!r} is in the index: make it a column with df.reset_index()")
        raise ConfigError(f"there is no column {key!r} for the key; the frame has {describe_columns(found)}")
    length = _length(frame, found)
    if kind is None:
        messages = columns is None and (
            all(name in found for name in MESSAGE_COLUMNS) or _has_whole_values(found, writer)
        )
        kind = "messages" if messages else "rows"
    if kind == "messages":
        if columns is not None:
            raise ConfigError("columns= is for kind='rows'; messages are published as they are")
        lost = [name for name in index if name in (*MESSAGE_COLUMNS, RAW_KEY)]
        if lost:
            raise ConfigError(f"{lost[0]!r} is in the index: make it a column with df.reset_index()")
        key_decoder = key_writer_of(frame)
        if writer is None:
            rows = MessageRows(found, length, key, writer_of(frame), key_decoder)
            return Outbound(kind, rows, found)
        return Outbound(kind, _encoded(found, length, Keys(found, key or KEY, key_decoder), writer), found)
    if index and columns is None:
        raise ConfigError(
            f"the index {', '.join(map(repr, index))} would be lost: df.reset_index() makes it a column, "
            "df.reset_index(drop=True) or columns=[...] leaves it out"
        )
    missing = [name for name in columns or () if name not in found]
    if missing:
        raise ConfigError(f"there is no column {missing[0]!r}; the frame has {describe_columns(found)}")
    if not found:
        raise ConfigError("the frame has no columns; expected at least one to publish")
    chosen = {name: found[name] for name in (found if columns is None else columns)}
    keys = Keys({}) if key is None else Keys(found, key, key_writer_of(frame))
    if writer is None:
        return Outbound(kind, ObjectRows(chosen, length, keys), as_json=True)
    fields = writer.values.fields
    if columns is None and key is not None and fields is not None and key not in fields:
        chosen.pop(key)
    return Outbound(kind, EncodedRows(chosen, length, keys, writer))


def _has_whole_values(found: dict[str, Column], writer: PayloadWriter | None) -> bool:
    """Return whether the column `value` has what the schema is of, and is not one of its fields."""
    if writer is None or "value" not in found or writer.values.fields is None:
        return False
    return "value" not in writer.values.fields


def _encoded(found: dict[str, Column], length: int, keys: Keys, writer: PayloadWriter) -> Rows:
    if "value" not in found:
        raise ConfigError(
            f"a frame of messages needs the column 'value'; this one has {describe_columns(found)}"
        )
    values = {"value": found["value"]}
    attributes = found.get("attributes")
    return EncodedRows(values, length, keys, writer, attributes=attributes, whole=True)


def _length(frame: Any, columns: dict[str, Column]) -> int:
    if isinstance(frame, pa.Table | pa.RecordBatch):
        return int(frame.num_rows)
    return len(next(iter(columns.values()))) if columns else 0


def _shown(data: bytes | None) -> str | None:
    return None if data is None else data[:200].decode("utf-8", "backslashreplace")
