"""Message attributes (headers, properties): ordered pairs, duplicates allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, overload
from uuid import UUID

AttributeValue: TypeAlias = "str | bytes | bool | int | float | datetime | UUID | None"
Pair: TypeAlias = "tuple[str, AttributeValue]"

_TYPES: dict[type, str] = {
    bytes: "bytes",
    str: "string",
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "float",
    datetime: "timestamp",
    UUID: "uuid",
}


UNREADABLE = "brokerkit.unreadable"
"""The attribute of a message whose key or attributes the client library cannot give; its value says why."""


def type_name(value: object) -> str:
    """The name that `Capabilities.attribute_types` and the frame use for a value's type.

    Raises TypeError for a type that no system carries; nothing is ever stringified.
    """
    try:
        return _TYPES[type(value)]
    except KeyError:
        raise TypeError(
            f"an attribute value cannot be {type(value).__name__}: expected str, bytes or None "
            "(on systems with typed attributes also bool, int, float, datetime, UUID); "
            "encode it yourself, for example with json.dumps"
        ) from None


class Attributes(Sequence[Pair]):
    """An immutable, ordered sequence of (name, value) pairs.

    Names may repeat (Kafka). `get` returns the last value of a name, `get_all` all of them.
    Accepts a mapping, pairs, another `Attributes`, or None for no attributes.
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Mapping[str, AttributeValue] | Iterable[Pair] | None = None) -> None:
        if isinstance(pairs, Attributes):
            self._pairs: tuple[Pair, ...] = pairs._pairs
            return
        items = pairs.items() if isinstance(pairs, Mapping) else () if pairs is None else pairs
        checked = []
        for pair in items:
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise TypeError(
                    f"attributes must be a mapping or (name, value) pairs, not {type(pair).__name__}"
                )
            name, value = pair
            if type(name) is not str:
                raise TypeError(f"an attribute name must be str, not {type(name).__name__}")
            type_name(value)
            checked.append((name, value))
        self._pairs = tuple(checked)

    @classmethod
    def trusted(cls, pairs: Sequence[Pair] | None) -> Attributes:
        """Wrap pairs that a driver read from a broker, without looking at each again."""
        if not pairs:
            return NO_ATTRIBUTES
        made = cls.__new__(cls)
        made._pairs = tuple(pairs)
        return made

    def get(self, name: str, default: Any = None) -> Any:
        """The last value under `name`, else `default`."""
        for key, value in reversed(self._pairs):
            if key == name:
                return value
        return default

    def get_all(self, name: str) -> tuple[AttributeValue, ...]:
        """Every value under `name`, in order."""
        return tuple(value for key, value in self._pairs if key == name)

    def text(self, name: str) -> str | None:
        """The last value under `name` as text, bytes read as UTF-8; None where it is missing or null."""
        value = self.get(name)
        if value is None:
            return None
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def names(self) -> tuple[str, ...]:
        """Every name once, in order of first appearance."""
        return tuple(dict.fromkeys(name for name, _ in self._pairs))

    def to_dict(self) -> dict[str, AttributeValue]:
        """A plain dict; of duplicates the last value stays."""
        return dict(self._pairs)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Pair, ...]: ...
    def __getitem__(self, index: int | slice) -> Pair | tuple[Pair, ...]:
        return self._pairs[index]

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        """Same names and values in the same order; True is not 1, and 1 is not 1.0."""
        if isinstance(other, Attributes):
            theirs = other._pairs
        elif isinstance(other, Mapping):
            theirs = tuple(other.items())
        else:
            return NotImplemented
        return self._pairs == theirs and all(
            type(mine[1]) is type(their[1]) for mine, their in zip(self._pairs, theirs, strict=True)
        )

    def __hash__(self) -> int:
        return hash(self._pairs)

    def __repr__(self) -> str:
        return f"Attributes({list(self._pairs)!r})"


NO_ATTRIBUTES = Attributes(())
"""The one empty value: what a message without attributes has."""
