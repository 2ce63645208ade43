"""Pairs of a key and a value in one payload: each with its length in front, as Pulsar writes them inline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from ..arrow import Array
from ..decoded import objects_of
from ..json_kinds import json_text
from .bodies import TEXT, Bodies, BodyReader
from .framing import Framing
from .row_failure import RowFailure

_PARTS = ("key", "value")


class Pairs:
    """A reader of pairs: JSON objects with a ``key`` and a ``value``, each read by its own schema.

    Args:
        key, value: The readers of the parts.
    """

    def __init__(self, key: BodyReader, value: BodyReader) -> None:
        self._readers = (key, value)

    def read(self, payloads: Array, framing: Framing) -> Bodies:
        """Read a batch of payloads."""
        parts: tuple[list[bytes | None], list[bytes | None]] = ([], [])
        places: list[tuple[int, int]] = []
        failures: dict[int, RowFailure] = {}
        for row, payload in enumerate(objects_of(payloads)):
            key, value, where = None, None, (0, 0)
            try:
                key, value, where = _split(payload, framing.start)
            except ValueError as error:
                failures[row] = RowFailure(framing.start, "", str(error))
            parts[0].append(key)
            parts[1].append(value)
            places.append(where)
        bare = replace(framing, start=0)
        texts = [
            self._texts(number, parts[number], bare, places, failures) for number in range(len(self._readers))
        ]
        pairs = [
            None if row in failures else f'{{"key":{key},"value":{value}}}'
            for row, (key, value) in enumerate(zip(*texts, strict=True))
        ]
        return Bodies(pa.array(pairs, TEXT), failures)

    def _texts(
        self,
        number: int,
        bodies: list[bytes | None],
        framing: Framing,
        places: list[tuple[int, int]],
        failures: dict[int, RowFailure],
    ) -> list[str]:
        """Return the JSON text of one part of each pair; what fails is added to the failures."""
        reader = self._readers[number]
        rows = [row for row, body in enumerate(bodies) if body is not None]
        found = reader.read(pa.array([bodies[row] for row in rows], pa.large_binary()), framing)
        texts = ["null"] * len(bodies)
        some: list[Any] = found.texts.to_pylist()
        for place, row in enumerate(rows):
            wrong = found.failures.get(place)
            if wrong is not None:
                offset = None if wrong.offset is None else wrong.offset + places[row][number]
                path = ".".join(filter(None, (_PARTS[number], wrong.path)))
                failures.setdefault(row, RowFailure(offset, path, wrong.reason))
            else:
                texts[row] = some[place] if reader.is_json else json_text(some[place])
        return texts


def _split(payload: bytes, start: int) -> tuple[bytes | None, bytes | None, tuple[int, int]]:
    """Return the key, the value, and where they begin. A part with the length -1 is null."""
    key, value_at = _part(payload, start, "key")
    value, end = _part(payload, value_at, "value")
    if end != len(payload):
        raise ValueError(f"{len(payload) - end} bytes are left behind the value")
    return key, value, (start + 4, value_at + 4)


def _part(payload: bytes, place: int, name: str) -> tuple[bytes | None, int]:
    begin = place + 4
    length = int.from_bytes(payload[place:begin], "big", signed=True)
    if begin > len(payload) or length < -1 or begin + length > len(payload):
        raise ValueError(f"byte {place}: the length of the {name} runs past the end")
    return (None, begin) if length == -1 else (payload[begin : begin + length], begin + length)
