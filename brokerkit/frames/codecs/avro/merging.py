"""One schema that holds the values of several: the union of what they have."""

from __future__ import annotations

from functools import reduce
from typing import TypeAlias

from .schema import Array, Enum, Field, Fixed, Map, Primitive, Record, Type, Union, type_name

_Named: TypeAlias = Record | Enum | Fixed | Field
_NULL = Primitive("null")
_HELD = {("int", "long"): "long", ("int", "double"): "double", ("float", "double"): "double"}
"""What holds each value of two kinds of numbers exactly."""


def merged(types: list[Type]) -> Type:
    """Return a type that holds the values of all of them, exactly; the last one decides on the order.

    A field that some do not have may be null. Values of two types that have no common one become a union.
    Where two types of one name cannot be united, the later one counts.
    """
    return reduce(lambda older, newer: _Merging().merged(older, newer), types)


class _Merging:
    def __init__(self) -> None:
        self._records: dict[tuple[int, int], Record] = {}

    def merged(self, older: Type, newer: Type) -> Type:
        if older is newer:
            return newer
        if isinstance(older, Union) or isinstance(newer, Union):
            branches = [
                *(older.branches if isinstance(older, Union) else [older]),
                *(newer.branches if isinstance(newer, Union) else [newer]),
            ]
            return self._union(branches)
        return self._same(older, newer) or self._union([older, newer])

    def _same(self, older: Type, newer: Type) -> Type | None:
        """Return one type for two that are alike, or None."""
        if isinstance(older, Record) and isinstance(newer, Record) and _named(older, newer):
            return self._record(older, newer)
        if isinstance(older, Array) and isinstance(newer, Array):
            return Array(self.merged(older.items, newer.items))
        if isinstance(older, Map) and isinstance(newer, Map):
            return Map(self.merged(older.values, newer.values))
        if isinstance(older, Enum) and isinstance(newer, Enum) and _named(older, newer):
            symbols = tuple(dict.fromkeys([*newer.symbols, *older.symbols]))
            return Enum(newer.name, symbols, newer.default, _aliases(older, newer))
        if isinstance(older, Fixed) and isinstance(newer, Fixed) and _named(older, newer):
            if older.size != newer.size:
                return newer
            return Fixed(newer.name, newer.size, *_logical(older, newer), aliases=_aliases(older, newer))
        if isinstance(older, Primitive) and isinstance(newer, Primitive):
            return _primitive(older, newer)
        return None

    def _record(self, older: Record, newer: Record) -> Record:
        pair = (id(older), id(newer))
        if pair in self._records:
            return self._records[pair]
        record = self._records[pair] = Record(newer.name, aliases=_aliases(older, newer))
        left = {field.name: field for field in older.fields}
        for field in newer.fields:
            former = next((name for name in (field.name, *field.aliases) if name in left), None)
            if former is None:
                record.fields.append(_optional(field))
            else:
                other = left.pop(former)
                type, aliases = self.merged(other.type, field.type), _aliases(other, field)
                both = Field(field.name, type, field.default, aliases)
                # an earlier schema may not have had it
                record.fields.append(_optional(both) if other.default is None else both)
        record.fields.extend(_optional(field) for field in left.values())
        return record

    def _union(self, branches: list[Type]) -> Type:
        found: list[Type] = []
        for branch in branches:
            for number, other in enumerate(found):
                same = self._same(other, branch)
                if same is not None:
                    found[number] = same
                    break
            else:
                found.append(branch)
        # what two were united to may be what a third one is
        names = {type_name(branch): branch for branch in found}
        if len(names) == 1:
            return found[-1]
        # an int is read as the first branch that holds it, and not each as a float
        return Union(tuple(sorted(names.values(), key=lambda branch: type_name(branch) == "float")))


def _optional(field: Field) -> Field:
    """Return a field that may be missing, which is no value and not what one of the schemas says."""
    return Field(field.name, _nullable(field.type), None, field.aliases)


def _nullable(type: Type) -> Type:
    if isinstance(type, Union):
        return type if _NULL in type.branches else Union((_NULL, *type.branches))
    return type if type == _NULL else Union((_NULL, type))


def _named(older: Record | Enum | Fixed, newer: Record | Enum | Fixed) -> bool:
    same = older.name.rpartition(".")[2] == newer.name.rpartition(".")[2]
    return same or older.name in newer.aliases


def _aliases(older: _Named, newer: _Named) -> tuple[str, ...]:
    """Return all former names, so that what was renamed several times is found by each of them."""
    names = dict.fromkeys((*newer.aliases, *older.aliases, older.name))
    return tuple(name for name in names if name != newer.name)


def _primitive(older: Primitive, newer: Primitive) -> Primitive | None:
    if older.kind == newer.kind:
        return Primitive(newer.kind, *_logical(older, newer))
    kinds = (older.kind, newer.kind)
    held = _HELD.get(kinds) or _HELD.get(kinds[::-1])
    if held is None:
        return None
    # a logical type of the narrower kind is none of the wider
    return Primitive(held, newer.logical if newer.kind == held else older.logical)


def _logical(older: Primitive | Fixed, newer: Primitive | Fixed) -> tuple[str | None, int, int]:
    """Return the logical type, the precision and the scale that hold the values of both."""
    if older.logical == newer.logical == "decimal":
        scale = max(older.scale, newer.scale)
        whole = max(older.precision - older.scale, newer.precision - newer.scale)
        return "decimal", min(whole + scale, 76), scale
    units = ("millis", "micros", "nanos")
    if older.logical and newer.logical and older.logical != newer.logical:
        (kind, _, unit), (other, _, finer) = older.logical.rpartition("-"), newer.logical.rpartition("-")
        if kind == other and unit in units and finer in units:
            return f"{kind}-{max(unit, finer, key=units.index)}", 0, 0
    return newer.logical, newer.precision, newer.scale
