"""Messages to be sent, from a message, a frame or a file, with the edits to them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.outbound_rows import Item, OutboundRows
from brokerkit.frames.arrow import ChunkedArray
from brokerkit.frames.outbound import Kind, Outbound, Rows
from brokerkit.frames.tabular import Column, is_pandas, table_of
from brokerkit.session.publish.frame import plan_of
from brokerkit.session.publish.frame_placement import PlacedRows, placed

if TYPE_CHECKING:
    from brokerkit.session.publish.placement import Partitions, Placement, Times
    from brokerkit.session.session import DataSession

_INTEGER = r"^-?(0|[1-9][0-9]*)$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


class _Given:
    """Messages that already exist."""

    def __init__(self, messages: Sequence[Item]) -> None:
        self._messages = messages

    def __len__(self) -> int:
        return len(self._messages)

    def items(self, start: int, stop: int) -> list[Item]:
        # placing changes messages, and these must stay as they were given
        return [copy.copy(each) for each in self._messages[start:stop]]

    def batch(self, start: int, stop: int) -> OutboundRows:
        return OutboundRows.of(self._messages[start:stop])


class _Edited:
    """The messages of other rows; edited messages replace them."""

    def __init__(self, rows: Rows, edits: dict[int, OutboundMessage]) -> None:
        self._rows = rows
        self._edits = edits

    def __len__(self) -> int:
        return len(self._rows)

    def items(self, start: int, stop: int) -> list[Item]:
        found = self._rows.items(start, stop)
        return [
            copy.copy(self._edits[row]) if row in self._edits else item
            for row, item in enumerate(found, start)
        ]

    def batch(self, start: int, stop: int) -> OutboundRows:
        return OutboundRows.of(self.items(start, stop))


class Drafts:
    """Messages by number, with their edits, and the place and time that they keep in a target.

    Attributes:
        as_json: Whether there are objects among them that became JSON.
        noted: What was said of that when they were sent last.
    """

    def __init__(self, source: Outbound, frame: Any = None) -> None:
        self.edits: dict[int, OutboundMessage] = {}
        self._given = source.rows
        self._source = Outbound(
            source.kind, _Edited(source.rows, self.edits), source.columns, as_json=source.as_json
        )
        self.as_json = source.as_json
        self.noted: list[str] = []
        self._frame = frame
        self._texts: dict[int, str] = {}
        self._placed = self._source
        self._placement: Placement | None = None

    def __len__(self) -> int:
        return len(self._source)

    def place(
        self, target: DataSession, topic: str, partitions: Partitions | None, times: Times | None
    ) -> None:
        """Decide on their partitions and times, as `publish_frame` does. After an error nothing is changed.

        Raises:
            ConfigError: An argument cannot be used.
            NotSupported: The target cannot do this.
        """
        self._placed, self._placement = placed(self._source, self._frame, target, topic, partitions, times)

    def tell(self, target: DataSession, topic: str) -> None:
        """Warn if they become JSON although the topic has a schema, unless that was said."""
        text = target.schema_notes.tell(topic) if self.as_json else None
        self.noted = [] if text is None else [text]

    def __getitem__(self, row: int) -> Item:
        if not 0 <= row < len(self):
            raise ConfigError(f"there is no message {row}: there are {len(self)}, counted from 0")
        return self.items(row, row + 1)[0]

    def items(self, start: int, stop: int) -> list[Item]:
        """Return the messages from `start` up to but excluding `stop`; other rows are errors."""
        return self._placed.items(start, stop)

    def unplaced(self, row: int) -> Item:
        """Return a message without the partition and time that it keeps in this target."""
        return self._source.items(row, row + 1)[0]

    def text(self, row: int) -> str | None:
        """Return the text that a payload was decoded to, as it is now; None if it is the payload itself."""
        if row in self._texts:
            return self._texts[row]
        values = {name: self._source.columns.get(name) for name in ("value", "raw")}
        value, raw = (None if column is None else _cell(column, row) for column in values.values())
        if row in self.edits or self._frame is None:
            return None
        decoded = isinstance(value, str) and isinstance(raw, bytes) and value.encode() != raw
        return str(value) if decoded else None

    def encoded(self, row: int, text: str) -> bytes | None:
        """Return the payload for an edited text, in the format and with the schema of its row.

        Raises:
            BrokerError: It does not fit; the text of the error has the path.
        """
        item = plan_of(_with_value(self._frame, row, text), "messages", None, None).items(0, 1)[0]
        if isinstance(item, BrokerError):
            raise ConfigError(str(item).removeprefix("row 0, "))
        return item.data

    def keep_text(self, row: int, text: str | None) -> None:
        """Remember what the payload of an edited row was encoded from; None forgets it."""
        self._texts.pop(row, None)
        if text is not None:
            self._texts[row] = text

    def differences(self, row: int, item: Item) -> list[str]:
        """Return the differences of a message's partition and time."""
        placed, placement = self._placed.rows, self._placement
        if placement is None or not isinstance(placed, PlacedRows):
            return []
        found = [placed.move(row, item), self._belongs_elsewhere(placed, row, item)]
        return [text for text in found if text is not None] + [
            text for what, text in placement.told if what != "moves"
        ]

    def _belongs_elsewhere(self, placed: PlacedRows, row: int, item: Item) -> str | None:
        """Return a note if an edited key does not belong in the partition that the message keeps."""
        if row not in self.edits or isinstance(item, BrokerError) or not item.key or item.partition is None:
            return None
        old = self._given.items(row, row + 1)[0]
        place = placed.place_of(item.key)
        if place in (None, item.partition) or (not isinstance(old, BrokerError) and old.key == item.key):
            return None
        return (
            f"it goes to partition {item.partition}, and messages of its new key to {place}: "
            'partitions="key" lets the key decide'
        )


def _cell(column: Column, row: int) -> Any:
    cell = column[row]
    return cell.as_py() if isinstance(cell, pa.Scalar) else cell


def _with_value(frame: Any, row: int, text: str) -> Any:
    """Return one row of a frame with another value."""
    if is_pandas(frame):
        one = frame.iloc[[row]].copy()
        one["value"] = pd.Series([text], one.index, dtype=one["value"].dtype)
        one.attrs = frame.attrs
        return one
    table = table_of(frame).slice(row, 1)
    place = table.schema.get_field_index("value")
    return table.set_column(
        place, table.schema.field(place), pa.array([text], table.schema.field(place).type)
    )


def drafts_of_frame(frame: Any, kind: Kind | None = None, key: str | None = None) -> Drafts:
    """Return each row of a frame as a message, as `publish_frame` would send it."""
    return Drafts(plan_of(frame, kind, key, None), frame)


def drafts_of(message: Any, frame: Any, file: Any, kind: Kind | None, key_column: str | None) -> Drafts:
    """Return the messages of a frame or a file, or one message.

    Raises:
        ConfigError: There is no message in it, or it cannot be used.
    """
    if frame is not None:
        made = drafts_of_frame(frame, kind, key_column)
    elif file is not None:
        made = drafts_of_file(file, kind, key_column)
    else:
        return drafts_of_message(message)
    if not len(made):
        raise ConfigError("there is no message in it")
    return made


def moment_of(value: Any) -> Any:
    """Return a time, also from ISO text.

    Raises:
        ConfigError: The text is not a time.
    """
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise ConfigError(f"publish_time= must be a datetime, or one as ISO text: {error}") from error


def drafts_of_message(message: Any) -> Drafts:
    """Return drafts from an `OutboundMessage`, a `Message` or `Record`, or a frame of one row."""
    if isinstance(message, OutboundMessage):
        return Drafts(Outbound("messages", _Given([message])))
    if hasattr(message, "columns"):
        if len(message) != 1:
            raise ConfigError(f"message= needs one row, not {len(message)}: use frame= for several")
        made = drafts_of_frame(message, "messages")
        if isinstance(item := made[0], BrokerError):
            raise item
        return made
    if hasattr(message, "attributes") and hasattr(message, "key"):
        data = message.data if hasattr(message, "data") else message.value
        given = OutboundMessage(data, message.key, message.attributes)
        values = {name: getattr(message, name, None) for name in ("topic", "partition", "publish_time")}
        found: dict[str, Column] = {name: [value] for name, value in values.items() if value is not None}
        return Drafts(Outbound("messages", _Given([given]), found))
    raise ConfigError(
        "message= needs a row of a frame, a Message, a Record or an OutboundMessage, "
        f"not {type(message).__name__}"
    )


def drafts_of_file(path: Any, kind: Kind | None = None, key: str | None = None) -> Drafts:
    """Read CSV with a header line, JSON lines (each line is a payload, as it is), or Parquet."""
    file = Path(path)
    suffix = file.suffix.lower()
    try:
        if suffix in (".jsonl", ".ndjson"):
            lines = file.read_bytes().split(b"\n")
            made = [OutboundMessage(line.rstrip(b"\r")) for line in lines if line.strip()]
            return Drafts(Outbound("messages", _Given(made)))
        if suffix == ".csv":
            return drafts_of_frame(_csv(file), kind, key)
        if suffix in (".parquet", ".pq"):
            return drafts_of_frame(pyarrow.parquet.read_table(file), kind, key)
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    raise ConfigError(f"{file.name} has an unknown kind: expected .csv, .jsonl, .ndjson or .parquet")


def _csv(file: Path) -> pa.Table:
    """Read text; a column is numbers only if all of it is written as JSON writes numbers: 007 stays text."""
    with pyarrow.csv.open_csv(file) as reader:
        names = reader.schema.names
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=True, null_values=[""]
    )
    table = pyarrow.csv.read_csv(file, convert_options=options)
    return pa.table([_typed(table.column(name)) for name in names], names=names)


def _typed(column: ChunkedArray) -> ChunkedArray:
    for pattern, kind in ((_INTEGER, pa.int64()), (_NUMBER, pa.float64()), (r"^(true|false)$", pa.bool_())):
        if column.null_count < len(column) and pc.all(pc.match_substring_regex(column, pattern)).as_py():
            try:
                return column.cast(kind)
            except pa.ArrowInvalid:
                return column
    return column
