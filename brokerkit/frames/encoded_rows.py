"""Rows of a frame as payloads of one schema."""

from __future__ import annotations

from typing import Any

from brokerkit.core.contract.garbage_collection import uncollected
from brokerkit.core.vocabulary.attributes import NO_ATTRIBUTES, Attributes
from brokerkit.core.vocabulary.outbound_rows import Item, OutboundRows

from .codecs.framing import names_encoding
from .codecs.payload_writers import PayloadWriter
from .keys import Keys
from .message_rows import attribute_values, row_errors
from .tabular import Column


class EncodedRows:
    """Rows whose columns are the fields of a schema, or whose column `value` has the values.

    Args:
        columns: The columns that are written; for messages this is `value` alone.
        attributes: The attributes of the messages; None for rows that are not messages.
        whole: Whether the column `value` has whole values.
    """

    def __init__(
        self,
        columns: dict[str, Column],
        length: int,
        keys: Keys,
        writer: PayloadWriter,
        *,
        attributes: Column | None = None,
        whole: bool = False,
    ) -> None:
        self._columns = columns
        self._length = length
        self._keys = keys
        self._writer = writer
        self._attributes = attributes
        self._whole = whole
        self._own = Attributes(writer.attributes) if writer.attributes else NO_ATTRIBUTES

    def __len__(self) -> int:
        return self._length

    def items(self, start: int, stop: int) -> list[Item]:
        """Return the rows from `start` up to but excluding `stop`, one item each."""
        return uncollected(list, self.batch(start, stop))

    def batch(self, start: int, stop: int) -> OutboundRows:
        """Return the same rows as columns."""
        return uncollected(self._batch, start, stop)

    def _batch(self, start: int, stop: int) -> OutboundRows:
        some = {name: column[start:stop] for name, column in self._columns.items()}
        if self._whole:
            bodies, failures = self._writer.values.values(some["value"])
        else:
            bodies, failures = self._writer.values.columns(some, stop - start)
        wrong = {
            row: f"{failure.path}: {failure.reason}" if failure.path else failure.reason
            for row, failure in failures.items()
        }
        wrong = {row: f"it does not fit {self._writer.label}: {reason}" for row, reason in wrong.items()}
        keys, errors = self._keys.values(start, stop)
        wrong = errors | wrong
        attributes, errors = self._attribute_values(start, stop)
        wrong = {row: f"column 'attributes': {reason}" for row, reason in errors.items()} | wrong
        return OutboundRows(list(self._writer.framed(bodies)), keys, attributes, row_errors(wrong, start))

    def _attribute_values(self, start: int, stop: int) -> tuple[list[Any], dict[int, str]]:
        if self._attributes is None:
            return [self._own] * (stop - start), {}
        given, errors = attribute_values(self._attributes, start, stop)
        return [with_schema(each, self._own) for each in given], errors


def with_schema(given: Attributes, own: Attributes) -> Attributes:
    """Return the attributes of a message without those that name another schema, and with its own."""
    kept = [pair for pair in given if not names_encoding(pair[0])]
    return given if len(kept) == len(given) and not own else Attributes([*kept, *own])
