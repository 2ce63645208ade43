"""Typed columns with some of their values replaced: text by what a mask writes, anything else by null."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..arrays import Field, choose, fields_of
from ..arrow import Array, is_bytes, is_text, nulls
from ..json_columns import HOLDS_JSON, IS_UNION, item_field
from .actions import HIDDEN
from .documents import DocumentMask
from .places import Place

_HIDDEN_JSON = f'"{HIDDEN}"'


class TypedMask:
    """What a mask does to typed columns."""

    def __init__(self, document: DocumentMask) -> None:
        self._document = document

    def masked(self, column: Array, field: Field | None = None) -> Array:
        """Return a column as the mask shows it, of the same type.

        Args:
            field: The field of the column, if its metadata says what is a union and what is JSON text.
        """
        given = pa.field("value", column.type) if field is None else field
        found: Array = self._at(column, given, self._document.rules.root)
        return found

    def _at(self, column: Any, field: Field, place: Place) -> Any:
        kind = column.type
        if not len(column):
            return column
        if isinstance(column, pa.ExtensionArray):
            return self._extension(column, place)
        if _has(field, HOLDS_JSON) and is_text(kind):
            return self._json(column, place)
        if place.hopeless or place.action == "hide":
            return self._hidden(column)
        if pa.types.is_struct(kind):
            return self._struct(column, field, place)
        if pa.types.is_map(kind):
            return self._map(column, item_field(field.type), place)
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return self._list(column, item_field(field.type), place)
        if not is_text(kind):
            decided = place.action is not None or not place.allowed
            unknown = self._document.has_rules and not place.named
            # what a detector would have to search, but is not text
            nested = pa.types.is_nested(kind) or pa.types.is_dictionary(kind)
            if decided or unknown or nested or is_bytes(kind):
                return nulls(len(column), kind)
            return self._numbers(column)
        return self._texts(column, place)

    def _extension(self, column: Any, place: Place) -> Any:
        kind = column.type
        metadata = {HOLDS_JSON: b"1"} if kind.extension_name == "arrow.json" else None
        stored = pa.field("value", kind.storage_type, metadata=metadata)
        return pa.ExtensionArray.from_storage(kind, self._at(column.storage, stored, place))

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

    def _json(self, column: Any, place: Place) -> Any:
        """Mask the values and names in JSON texts."""
        found: list[str | None] = []
        for text in column.to_pylist():
            try:
                found.append(None if text is None else self._document.masked_if_json(text, place))
            except ValueError:
                found.append(_HIDDEN_JSON)
        return pa.array(found, column.type)

    def _struct(self, column: Any, field: Field, place: Place) -> Any:
        is_union = _has(field, IS_UNION)
        if place.action is not None and not is_union:
            return nulls(len(column), column.type)
        fields = fields_of(field.type)
        parts = [
            self._at(part, each, place.within(each.name) if is_union else place.below(each.name))
            for each, part in zip(fields, column.flatten(), strict=True)
        ]
        if not fields:
            return column
        return pa.StructArray.from_arrays(parts, fields=fields, mask=column.is_null())

    def _list(self, column: Any, item: Field, place: Place) -> Any:
        values = self._at(column.flatten(), item, place)
        kind = type(column)
        return kind.from_arrays(_offsets(column), values, type=column.type, mask=column.is_null())

    def _map(self, column: Any, item: Field, place: Place) -> Any:
        if place.action is not None:
            return nulls(len(column), column.type)
        kind = column.type
        entries = _entries(column)
        names, items = entries.flatten().flatten()
        texts = _names(names)
        shown = [self._name(text, place.below(text), item) for text in texts]
        if is_text(names.type):
            names = pa.array(shown, names.type)
        elif is_bytes(names.type) or pa.types.is_nested(names.type) or shown != texts:
            # a name that is not text cannot be replaced, only left out with its map
            return nulls(len(column), kind)
        made: Any = pa.MapArray
        items = self._items(texts, items, item, place)
        return made.from_arrays(_offsets(entries), names, items, kind, mask=column.is_null())

    def _items(self, texts: list[str], items: Any, field: Field, place: Place) -> Any:
        """Return the values of maps as the mask shows them, one group of names after the other."""
        groups: dict[Place, list[int]] = {}
        for row, text in enumerate(texts):
            groups.setdefault(place.below(text), []).append(row)
        parts, order = [], []
        for below, rows in groups.items():
            parts.append(self._at(items.take(pa.array(rows, pa.int64())), field, below))
            order += rows
        if not parts:
            return items
        return pa.concat_arrays(parts).take(pa.array(np.argsort(np.array(order, np.int64))))

    def _name(self, text: str, place: Place, field: Field) -> str:
        if not self._may_show(field, place):
            return HIDDEN
        found = self._document.searching.masked(text)
        return text if found is None else found

    def _may_show(self, field: Field, place: Place) -> bool:
        """Return whether anything of a value is on the allow lists: otherwise its name is hidden, too."""
        if place.allowed or place.hopeless:
            return place.allowed
        kind: Any = field.type
        if pa.types.is_struct(kind):
            inside = place.within if _has(field, IS_UNION) else place.below
            return any(self._may_show(each, inside(each.name)) for each in fields_of(kind))
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return self._may_show(item_field(kind), place)
        # what is in maps and JSON text, only the rows say
        return pa.types.is_map(kind) or _has(field, HOLDS_JSON)


def _has(field: Field, key: bytes) -> bool:
    return key in (field.metadata or {})


def _entries(maps: Any) -> Any:
    kind = maps.type
    return maps.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))


def _names(names: Any) -> list[str]:
    """Return the names of maps as they are in JSON."""
    if pa.types.is_boolean(names.type):
        names = names.cast(pa.string())
    return [str(name) for name in names.to_pylist()]


def _offsets(lists: Any) -> Any:
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    large = pa.types.is_large_list(lists.type)
    return pa.array(offsets, pa.int64() if large else pa.int32())
