"""Typed columns with some of their values replaced: text by what a mask writes, anything else by null."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..arrays import choose
from ..arrow import Array, is_text, nulls
from .actions import HIDDEN
from .documents import DocumentMask
from .places import Place


class TypedMask:
    """What a mask does to typed columns."""

    def __init__(self, document: DocumentMask) -> None:
        self._document = document

    def masked(self, column: Array) -> Array:
        """Return a column as the mask shows it, of the same type."""
        found: Array = self._at(column, self._document.rules.root)
        return found

    def _at(self, column: Any, place: Place) -> Any:
        kind = column.type
        if not len(column):
            return column
        if place.hopeless or place.action == "hide":
            return self._hidden(column)
        if pa.types.is_struct(kind):
            return self._struct(column, place)
        if pa.types.is_map(kind):
            return self._map(column, place)
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return self._list(column, place)
        if not is_text(kind):
            decided = place.action is not None or not place.allowed
            unknown = self._document.has_rules and not place.named
            # what a detector would have to search, but is not text
            nested = pa.types.is_nested(kind) or pa.types.is_dictionary(kind)
            if decided or unknown or nested or _binary(kind):
                return nulls(len(column), kind)
            return self._numbers(column)
        return self._texts(column, place)

    def _numbers(self, column: Any) -> Any:
        kind = column.type
        searching = self._document.searching
        if not searching or not (pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            return column
        found = [
            None if number is not None and searching.masked_number(str(number)) is not None else number
            for number in column.to_pylist()
        ]
        return pa.array(found, kind)

    def _hidden(self, column: Any) -> Any:
        if is_text(column.type):
            none = pa.scalar(None, column.type)
            return choose(column.is_valid(), pa.scalar(HIDDEN, column.type), none)
        return nulls(len(column), column.type)

    def _texts(self, column: Any, place: Place) -> Any:
        mask = self._document
        hidden = not place.allowed or (mask.has_rules and not place.named)
        if hidden:
            return self._hidden(column)
        if place.action is None and not mask.searching:
            return column
        found: list[str | None] = []
        for text in column.to_pylist():
            if text is None:
                found.append(None)
            elif place.action is not None:
                found.append(mask.writer.written(place.action, text))
            else:
                shown = mask.searching.masked(text)
                found.append(text if shown is None else shown)
        return pa.array(found, column.type)

    def _struct(self, column: Any, place: Place) -> Any:
        if place.action is not None:
            return nulls(len(column), column.type)
        kind = column.type
        fields = [kind.field(number) for number in range(kind.num_fields)]
        parts = [
            self._at(part, place.below(field.name))
            for field, part in zip(fields, column.flatten(), strict=True)
        ]
        if not fields:
            return column
        return pa.StructArray.from_arrays(parts, fields=fields, mask=column.is_null())

    def _list(self, column: Any, place: Place) -> Any:
        values = self._at(column.flatten(), place)
        kind = type(column)
        return kind.from_arrays(_offsets(column), values, type=column.type, mask=column.is_null())

    def _map(self, column: Any, place: Place) -> Any:
        if place.action is not None:
            return nulls(len(column), column.type)
        kind = column.type
        entries: Any = column.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
        names, items = entries.flatten().flatten()
        names, items = self._entries(names, items, place)
        made: Any = pa.MapArray
        return made.from_arrays(_offsets(entries), names, items, kind, mask=column.is_null())

    def _entries(self, names: Any, items: Any, place: Place) -> tuple[Any, Any]:
        """Return the names and values of maps as the mask shows them, one group of names after the other."""
        texts = [str(name) for name in names.to_pylist()]
        groups: dict[Place, list[int]] = {}
        for row, text in enumerate(texts):
            groups.setdefault(place.below(text), []).append(row)
        parts, order = [], []
        for below, rows in groups.items():
            parts.append(self._at(items.take(pa.array(rows, pa.int64())), below))
            order += rows
        if parts:
            items = pa.concat_arrays(parts).take(pa.array(np.argsort(np.array(order, np.int64))))
        if is_text(names.type):
            names = pa.array([self._name(text, place.below(text)) for text in texts], names.type)
        return names, items

    def _name(self, text: str, place: Place) -> str:
        if place.hopeless:
            return HIDDEN
        found = self._document.searching.masked(text)
        return text if found is None else found


def _binary(kind: Any) -> bool:
    return any(
        test(kind) for test in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    )


def _offsets(lists: Any) -> Any:
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    large = pa.types.is_large_list(lists.type)
    return pa.array(offsets, pa.int64() if large else pa.int32())
