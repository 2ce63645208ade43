"""Messages to be sent, from a message, a frame or a file, and the edits to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from brokerkit.core.errors import BrokerError, ConfigError
from brokerkit.core.messages import OutboundMessage
from brokerkit.frames.outbound import Item, Kind, Outbound
from brokerkit.session.publishing import plan_of

_INTEGER = r"^-?(0|[1-9][0-9]*)$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


class Drafts:
    """Messages by number; what was edited replaces what was there."""

    def __init__(self, source: Outbound | Sequence[Item]) -> None:
        self._source = source
        self.edits: dict[int, OutboundMessage] = {}

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, row: int) -> Item:
        if not 0 <= row < len(self):
            raise ConfigError(f"there is no message {row}: there are {len(self)}, counted from 0")
        return self.items(row, row + 1)[0]

    def items(self, start: int, stop: int) -> list[Item]:
        """The messages from `start` up to but excluding `stop`; what cannot be one is an error."""
        source = self._source
        found = source.items(start, stop) if isinstance(source, Outbound) else list(source[start:stop])
        return [self.edits.get(row, item) for row, item in enumerate(found, start)]


def drafts_of_frame(frame: Any, kind: Kind | None = None, key: str | None = None) -> Drafts:
    """Each row of a frame as a message, as `publish_frame` would send it."""
    return Drafts(plan_of(frame, kind, key, None))


def draft_of_message(message: Any) -> OutboundMessage:
    """A message to begin with: an `OutboundMessage`, a `Message` or `Record`, or a frame of one row."""
    if isinstance(message, OutboundMessage):
        return message
    if hasattr(message, "columns"):
        if len(message) != 1:
            raise ConfigError(f"message= needs one row, not {len(message)}: use frame= for several")
        item = plan_of(message, "messages", None, None).items(0, 1)[0]
        if isinstance(item, BrokerError):
            raise item
        return item
    if hasattr(message, "attributes") and hasattr(message, "key"):
        data = message.data if hasattr(message, "data") else message.value
        return OutboundMessage(data, message.key, message.attributes)
    raise ConfigError(
        "message= needs a row of a frame, a Message, a Record or an OutboundMessage, "
        f"not {type(message).__name__}"
    )


def drafts_of_file(path: Any, kind: Kind | None = None, key: str | None = None) -> Drafts:
    """CSV with a line of names, JSON lines (each line is a payload, as it is), or Parquet."""
    file = Path(path)
    suffix = file.suffix.lower()
    try:
        if suffix in (".jsonl", ".ndjson"):
            lines = file.read_bytes().split(b"\n")
            return Drafts([OutboundMessage(line.rstrip(b"\r")) for line in lines if line.strip()])
        if suffix == ".csv":
            return drafts_of_frame(_csv(file), kind, key)
        if suffix in (".parquet", ".pq"):
            return drafts_of_frame(pyarrow.parquet.read_table(file), kind, key)
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    raise ConfigError(f"{file.name} is of no kind known here: expected .csv, .jsonl, .ndjson or .parquet")


def _csv(file: Path) -> pa.Table:
    """Text, and numbers only where a whole column is written as JSON writes them: 007 stays text."""
    with pyarrow.csv.open_csv(file) as reader:
        names = reader.schema.names
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=True, null_values=[""]
    )
    table = pyarrow.csv.read_csv(file, convert_options=options)
    return pa.table({name: _typed(table.column(name)) for name in names})


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    for pattern, kind in ((_INTEGER, pa.int64()), (_NUMBER, pa.float64()), (r"^(true|false)$", pa.bool_())):
        if column.null_count < len(column) and pc.all(pc.match_substring_regex(column, pattern)).as_py():
            try:
                return column.cast(kind)
            except pa.ArrowInvalid:
                return column
    return column
