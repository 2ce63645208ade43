"""Texts searched by the detectors of a mask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from .actions import HIDDEN, Action, Writer, strongest
from .detectors import DETECTORS, MAY_HOLD, may_hold_in_bytes
from .encoded import Exhausted, encoded_spans

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")


class Searching:
    """The detectors of a mask, each with what happens to what it finds.

    Args:
        detectors: The action by the name of the detector.
        writer: Writes what stands in its place.
    """

    def __init__(self, detectors: Mapping[str, Action], writer: Writer) -> None:
        self._detectors = detectors
        self._writer = writer
        needed = re.compile("|".join([r"\\", *(MAY_HOLD[name] for name in detectors)]))
        self._holds_any = needed.search
        self._may_hold = may_hold_in_bytes(detectors)

    def __bool__(self) -> bool:
        return bool(self._detectors)

    def may_find(self, text: str) -> bool:
        """Return whether a detector may find something in a text, or in the parts of it."""
        if not self._detectors:
            return False
        if self._holds_any(text) is not None:
            return True
        try:
            return next(self._encoded(text), None) is not None
        except Exhausted:
            return True

    def masked(self, text: str) -> str | None:
        """Return the text without what the detectors find; None if they find nothing.

        Base64 of a text in which they find something is hidden whole, and so is a text in which there is more
        than can be looked into.
        """
        if not self._detectors:
            return None
        try:
            encoded = list(self._encoded(text))
            return self._masked(text, encoded) if encoded or self._holds_any(text) is not None else None
        except Exhausted:
            return HIDDEN

    def _masked(self, text: str, encoded: Iterable[tuple[int, int]]) -> str | None:
        spans = self._spans(text, encoded)
        if "\\" in text:
            # a text within the text, such as JSON in a string of JSON: its places are not those of the text
            plain = _ESCAPE.sub(lambda escape: chr(int(escape[1] or escape[2], 16)), text)
            if plain != text and self._spans(plain, self._encoded(plain)) != spans:
                return HIDDEN
        if not spans:
            return None
        pieces: list[str] = []
        at = 0
        for start, end, action in spans:
            pieces += [text[at:start], self._writer.written(action, text[start:end])]
            at = end
        return "".join([*pieces, text[at:]])

    def masked_number(self, text: str) -> str | None:
        """Return what stands in the place of a number that is a card's; None for any other number."""
        action = self._detectors.get("card")
        if action is None or not text.isdigit() or next(DETECTORS["card"](text), None) != (0, len(text)):
            return None
        return self._writer.written(action, text)

    def _holds(self, data: bytes) -> bool:
        """Return whether the detectors find something in bytes, which may be text or have some in them."""
        if self._holds_any(data.decode("latin-1")) is None:
            return False
        text = data.decode(errors="replace")
        plain = _ESCAPE.sub(lambda escape: chr(int(escape[1] or escape[2], 16)), text)
        return any(next(DETECTORS[name](each), None) for each in {text, plain} for name in self._detectors)

    def _encoded(self, text: str) -> Iterator[tuple[int, int]]:
        return encoded_spans(text, self._may_hold, self._holds)

    def _spans(self, text: str, encoded: Iterable[tuple[int, int]]) -> list[tuple[int, int, Action]]:
        """Return what is found, in order; what overlaps is one."""
        found: list[tuple[int, int, Action]] = [
            (start, end, action)
            for name, action in self._detectors.items()
            for start, end in DETECTORS[name](text)
        ]
        found += [(start, end, "hide") for start, end in encoded]
        merged: list[tuple[int, int, Action]] = []
        for start, end, action in sorted(found):
            if merged and start < merged[-1][1]:
                before = merged[-1]
                both = strongest((action, before[2])) or action
                merged[-1] = (before[0], max(end, before[1]), both)
            else:
                merged.append((start, end, action))
        return merged
