"""Whole texts as a mask shows them: payloads, keys and attributes, whatever is in them."""

from __future__ import annotations

import pyarrow as pa

from ..arrow import Array
from ..decoded import objects_of
from .actions import HIDDEN, Action, strongest
from .documents import DocumentMask
from .shapes import ShapedMask

_JSON_CONTAINERS = ("{", "[")


class TextMask:
    """What a mask does to texts. Text that is not JSON has no fields: with rules for fields, it is hidden.

    Args:
        document: What it does to JSON.
        keys: What happens to keys that have no fields; None searches them by the detectors.
    """

    def __init__(self, document: DocumentMask, keys: Action | None) -> None:
        self._document = document
        self._shapes = ShapedMask(document)
        self._keys = keys

    def payload(self, text: str) -> str:
        """Return a payload as the mask shows it."""
        if not self._document.has_rules and not self._document.searching.may_find(text):
            return text
        found = self._json(text)
        if found is not None:
            return found
        return HIDDEN if self._document.has_rules else self._searched(text)

    def key(self, text: str) -> str:
        """Return a key as the mask shows it."""
        found = self._json(text) if text.lstrip().startswith(_JSON_CONTAINERS) else None
        if found is not None:
            return found
        if self._keys is None:
            return self._searched(text)
        return self._document.writer.written(self._keys, text)

    def raw_key(self, data: bytes) -> str:
        """Return what stands in the place of a key that is not text."""
        return self._document.writer.written(self._keys or "hide", data)

    def attribute(self, name: str, data: bytes) -> bytes | None:
        """Return the value of an attribute as the mask shows it; None if it stays."""
        root = self._document.rules.root
        place, lower = root.below(name), root.below(name.lower())
        # names of attributes are written in any case
        action = strongest(each for each in (place.action, lower.action) if each is not None)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return HIDDEN.encode()
        if not place.allowed:
            return HIDDEN.encode()
        if action is not None:
            return self._document.writer.written(action, text).encode()
        found = self._json(text) if text.lstrip().startswith(_JSON_CONTAINERS) else None
        if found is None:
            found = self._searched(text)
        return None if found == text else found.encode()

    def payloads(self, value: Array, raw: Array) -> Array:
        """Return the payloads of a batch: those that are text, and those of which there are only bytes."""
        known: dict[str, str] = {}
        found: list[str | None] = []
        for row, text in enumerate(value.to_pylist()):
            if text is None:
                found.append(HIDDEN if raw[row].is_valid else None)
            else:
                if (shown := known.get(text)) is None:
                    shown = known[text] = self.payload(text)
                found.append(shown)
        shown_values: Array = pa.array(found, value.type)
        return shown_values

    def keys(self, key: Array, raw_key: Array) -> Array:
        """Return the keys of a batch, likewise."""
        datas = objects_of(raw_key)
        found = [
            self.key(text) if text is not None else None if data is None else self.raw_key(data)
            for text, data in zip(key.to_pylist(), datas, strict=True)
        ]
        shown: Array = pa.array(found, key.type)
        return shown

    def _json(self, text: str) -> str | None:
        """Return a text as the mask shows it if it is JSON, otherwise None."""
        try:
            return self._shapes.masked(text)
        except ValueError:
            return None

    def _searched(self, text: str) -> str:
        found = self._document.searching.masked(text)
        return text if found is None else found
