"""The branch of each union in an Avro payload, which its JSON text does not say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .objects import Branches, Place
from .reader import number_at
from .schema import Array, Enum, Fixed, Map, Primitive, Record, Type, Union

_SIZES = {"null": 0, "boolean": 1, "float": 4, "double": 8}


def branches_of(type: Type, payload: bytes, start: int = 0) -> dict[Place, int]:
    """Return the branch of each union, by its place.

    Args:
        payload: Bytes that were read with this schema.
        start: Where the value begins.
    """
    found: dict[Place, int] = {}
    _Walk(payload, found).over(type, start, ())
    return found


class _Walk:
    def __init__(self, payload: bytes, found: dict[Place, int]) -> None:
        self._data = memoryview(payload)
        self._found = found

    def over(self, type: Type, at: int, place: Place) -> int:
        """Return where the next value begins."""
        if isinstance(type, Record):
            for field in type.fields:
                at = self.over(field.type, at, (*place, field.name))
            return at
        if isinstance(type, Union):
            number, at = self._number(at)
            self._found[place] = number
            return self.over(type.branches[number], at, place)
        if isinstance(type, Array):
            items = type.items
            return self._blocks(at, lambda index, start: self.over(items, start, (*place, index)))
        if isinstance(type, Map):
            values = type.values
            return self._blocks(at, lambda _, start: self._entry(values, start, place))
        if isinstance(type, Fixed):
            return at + type.size
        if isinstance(type, Enum):
            return self._number(at)[1]
        return self._primitive(type, at)

    def _primitive(self, type: Primitive, at: int) -> int:
        if type.kind in _SIZES:
            return at + _SIZES[type.kind]
        number, at = self._number(at)
        return at + number if type.kind in ("bytes", "string") else at

    def _number(self, at: int) -> tuple[int, int]:
        return number_at(self._data, at, len(self._data))

    def _entry(self, values: Type, at: int, place: Place) -> int:
        size, start = self._number(at)
        name = bytes(self._data[start : start + size]).decode()
        return self.over(values, start + size, (*place, name))

    def _blocks(self, at: int, over: Callable[[int, int], int]) -> int:
        index = 0
        while True:
            count, at = self._number(at)
            if not count:
                return at
            if count < 0:
                _, at = self._number(at)
            for _ in range(abs(count)):
                at = over(index, at)
                index += 1


def moved(branches: Branches, old: Any, new: Any) -> dict[Place, int]:
    """Return the branches by the places in an edited value.

    Where a list has more or fewer items than before, those at its beginning and its end that are equal to
    the old ones keep their branches.
    """
    found: dict[Place, int] = {}
    _follow(branches, found, old, new, (), ())
    return found


def _follow(
    branches: Branches, found: dict[Place, int], old: Any, new: Any, before: Place, after: Place
) -> None:
    if before in branches:
        found[after] = branches[before]
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in new.keys() & old.keys():
            _follow(branches, found, old[name], new[name], (*before, name), (*after, name))
    elif isinstance(old, list) and isinstance(new, list):
        for was, now in same_items(old, new):
            _follow(branches, found, old[was], new[now], (*before, was), (*after, now))


def same_items(old: list[Any], new: list[Any]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the items of an edited list, before and after, that are the same ones."""
    if len(old) == len(new):
        yield from ((number, number) for number in range(len(old)))
        return
    shorter = min(len(old), len(new))
    head = next((number for number in range(shorter) if old[number] != new[number]), shorter)
    yield from ((number, number) for number in range(head))
    for number in range(1, shorter - head + 1):
        if old[-number] != new[-number]:
            return
        yield len(old) - number, len(new) - number
