"""Message attributes (headers, properties): ordered pairs that may repeat a name."""

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
"""The attribute of a message whose key or attributes the client library cannot return. Its value says why."""


def type_name(value: object) -> str:
    """Return the name of the type of a value, as `Capabilities.attribute_types` and frames use it.

    Raises:
        TypeError: No system can carry a value of this type. It is never converted to a string.
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

    Args:
        pairs: A mapping, (name, value) pairs, another `Attributes`, or None for no attributes.

    Raises:
        TypeError: A name is not a str, or a value has a type that no system can carry.
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
        """Wrap pairs that a driver read from a broker, without checking them again."""
        if not pairs:
            return NO_ATTRIBUTES
        made = cls.__new__(cls)
        made._pairs = tuple(pairs)
        return made

    @classmethod
    def trusted_parts(cls, pairs: Sequence[Pair], ends: Sequence[int]) -> list[Attributes]:
        """Wrap consecutive parts of pairs like `trusted`.

        Args:
            pairs: All pairs.
            ends: Where each part ends; the first begins at 0.
        """
        found: list[Attributes] = []
        begin = 0
        for end in ends:
            if begin == end:
                found.append(NO_ATTRIBUTES)
                continue
            made = cls.__new__(cls)
            made._pairs = tuple(pairs[begin:end])
            found.append(made)
            begin = end
        return found

    @staticmethod
    def lists(many: Iterable[Attributes]) -> list[list[Pair]]:
        """Return the pairs of each of many `Attributes`."""
        return [list(each._pairs) for each in many]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the last value of a name, or `default` if there is none."""
        for key, value in reversed(self._pairs):
            if key == name:
                return value
        return default

    def get_all(self, name: str) -> tuple[AttributeValue, ...]:
        """Return every value of a name, in order."""
        return tuple(value for key, value in self._pairs if key == name)

    def text(self, name: str) -> str | None:
        """Return the last value of a name as text, with bytes decoded as UTF-8. None if missing or null."""
        value = self.get(name)
        if value is None:
            return None
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def names(self) -> tuple[str, ...]:
        """Return every name once, in the order of their first appearance."""
        return tuple(dict.fromkeys(name for name, _ in self._pairs))

    def to_dict(self) -> dict[str, AttributeValue]:
        """Return a dict. For a name that repeats it has the last value."""
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
        """Compare names, values and their order. True is not equal to 1, nor 1 to 1.0."""
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
"""The attributes of a message without attributes."""
