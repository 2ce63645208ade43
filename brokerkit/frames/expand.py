"""Fields of JSON objects as columns of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias

import pyarrow as pa

from brokerkit.core.contract.garbage_collection import uncollected
from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import Array, ChunkedArray, chunked
from .decoded import objects_of
from .json_exact import may_be_inexact
from .json_kinds import Part, joined, part_like, part_of
from .json_objects import EMPTY, parse_objects, restore_numbers
from .schema import expanded_in, with_expanded, with_step
from .tabular import columns_of, describe_columns, is_pandas, table_of

Path: TypeAlias = tuple[str, ...]

MAX_FIELDS = 2_000
"""More fields than this are refused: objects used as maps would make a column for each key."""

_ROWS = 2_048
_MAY_HOLD_FLOATS = frozenset({float, dict, list})


def expand(frame: Any, column: str = "value", fields: Sequence[str] | None = None, depth: int = 1) -> Any:
    """Add a column `value.field` for each field of the JSON objects in a text column, or of a struct column.

    The fields of a struct keep their types. Of JSON objects:

    Null and missing are both NA. Numbers are exact:

    - Whole numbers are int64, otherwise uint64, otherwise a decimal of up to 76 digits.
    - Other numbers are float64. If a float64 would change one of them, all rows are decimals of up to 76
      digits.
    - Numbers that fit none of these are kept as text, with all their digits.

    A field with values of different kinds holds JSON text. If an object repeats a name, the last one counts.
    A column name that is taken gets "#2" behind it.

    Rows that are not a JSON object stay, with NA in the new columns; ``attrs["brokerkit"]`` counts them and
    `failures` lists them. NaN, infinity, a byte-order mark and the like are accepted, and counted there as
    "lenient".

    Args:
        frame: A DataFrame, or any other frame.
        column: The column with the JSON text.
        fields: Only these fields, in this order. None adds every field, in order of appearance.
        depth: 1 keeps nested objects as their JSON text; more flattens them so many levels deep.

    Returns:
        A DataFrame for a DataFrame, otherwise an Arrow table, with all other columns unchanged.

    Raises:
        ConfigError: The column is missing or not text, or has more than 2000 fields.
    """
    if isinstance(fields, str):
        raise ConfigError(f"fields={fields!r} is one text; expected a list of field names, [{fields!r}]")
    if depth < 1:
        raise ConfigError(f"depth={depth} cannot be used; expected 1 or more")
    values = _values_of(frame, column)
    failures: list[tuple[int, str]] = []
    lenient = 0
    if pa.types.is_struct(values.type):
        added = struct_columns(values, fields=fields, depth=depth)
    else:
        added, failures, lenient = expand_column(values, fields=fields, depth=depth)
    taken = frame.columns if is_pandas(frame) else table_of(frame).column_names
    titles = _titles(column, list(added), set(map(str, taken)))
    titled = dict(zip(titles, added.values(), strict=True))
    if is_pandas(frame):
        return _with_columns(frame, column, titled, len(failures), lenient)
    result = table_of(frame)
    for title, values in titled.items():
        result = result.append_column(title, values)
    steps = with_step(expanded_in(result.schema), column, len(failures), lenient)
    return result.replace_schema_metadata(with_expanded(result.schema, steps))


def struct_columns(
    values: ChunkedArray, *, fields: Sequence[str] | None = None, depth: int = 1
) -> dict[Path, ChunkedArray]:
    """Split a column of structs into columns by path; a field that the struct does not have is null."""
    kind: Any = values.type
    found: dict[Path, ChunkedArray] = {}
    parts = dict(zip((kind.field(n).name for n in range(kind.num_fields)), values.flatten(), strict=True))
    for name in parts if fields is None else dict.fromkeys(fields):
        inner = parts.get(name, chunked([pa.nulls(len(values), pa.large_string())], pa.large_string()))
        if depth > 1 and pa.types.is_struct(inner.type):
            deeper = struct_columns(inner, depth=depth - 1)
            found |= {(name, *path): column for path, column in deeper.items()}
        else:
            found[name,] = inner
    return found


def expand_column(
    texts: ChunkedArray, *, fields: Sequence[str] | None = None, depth: int = 1
) -> tuple[dict[Path, ChunkedArray], list[tuple[int, str]], int]:
    """Split the JSON objects of a column into columns by path.

    Returns:
        The columns by path; the rows that hold no object, with the reason; and the number of rows that were
        read leniently.
    """
    collected = _Fields(fields, depth)
    failures = _collect(collected, texts)
    return collected.columns(), failures, collected.lenient


def field_parts(texts: ChunkedArray, fields: Sequence[str], depth: int) -> dict[Path, list[Part]]:
    """Return the values of fields of JSON objects by path, each in its own kind, run by run.

    A path that no object has is missing.
    """
    collected = _Fields(fields, depth)
    _collect(collected, texts)
    return collected.parts()


def _collect(collected: _Fields, texts: ChunkedArray) -> list[tuple[int, str]]:
    failures: list[tuple[int, str]] = []
    done = 0
    for items, arrays in _runs(texts):
        wrong = uncollected(collected.add, items, arrays)
        failures.extend((done + row, reason) for row, reason in wrong)
        done += len(items)
    return failures


class _Fields:
    """The columns found so far, a part of each per run of rows."""

    def __init__(self, fields: Sequence[str] | None, depth: int) -> None:
        self._only = None if fields is None else list(dict.fromkeys(fields))
        self._depth = depth
        self._parts: dict[Path, dict[int, Part]] = {}
        self._kinds: dict[Path, str | None] = {}
        self._lengths: list[int] = []
        self.lenient = 0
        if self._only is not None and depth == 1:
            self._parts = {(name,): {} for name in self._only}

    def add(self, items: list[Any], arrays: list[Array]) -> list[tuple[int, str]]:
        objects = parse_objects(items)
        failures = objects.failures
        self.lenient += len(objects.lenient)
        names, columns = _fields_of(objects.values, self._only)
        run = len(self._lengths)
        self._lengths.append(len(items))
        unseen = []
        for name, values in zip(names, columns, strict=True):
            part = part_like(values, self._kinds.get((name,), ""))
            if part is None:
                unseen.append((name, values, set(map(type, values))))
            else:
                self._parts.setdefault((name,), {})[run] = part
        if any(kinds & _MAY_HOLD_FLOATS for _, _, kinds in unseen) and any(map(may_be_inexact, arrays)):
            failures = sorted(failures + restore_numbers(items, objects))
            names, columns = _fields_of(objects.values, self._only)
            unseen = [(name, each, set(map(type, each))) for name, each in zip(names, columns, strict=True)]
        for name, values, kinds in unseen:
            self._put(run, (name,), values, kinds)
        return failures

    def columns(self) -> dict[Path, ChunkedArray]:
        return {path: joined(parts) for path, parts in self.parts().items()}

    def parts(self) -> dict[Path, list[Part]]:
        found = {}
        for path, parts in self._parts.items():
            empty = (Part(None, pa.nulls(length, pa.large_string())) for length in self._lengths)
            found[path] = [parts.get(run, part) for run, part in enumerate(empty)]
        return found

    def _put(self, run: int, path: Path, values: Sequence[Any], kinds: set[type]) -> None:
        if len(path) < self._depth and dict in kinds:
            nested = [value if type(value) is dict else EMPTY for value in values]
            for name, inner in zip(*_fields_of(nested, None), strict=True):
                self._put(run, (*path, name), inner, set(map(type, inner)))
            values = [None if type(value) is dict else value for value in values]
            kinds = kinds - {dict}
            if kinds <= {type(None)}:
                return
        part = part_of(values, kinds)
        self._parts.setdefault(path, {})[run] = part
        self._kinds[path] = part.kind
        if len(self._parts) > MAX_FIELDS:
            raise ConfigError(
                f"the objects have more than {MAX_FIELDS} different fields, as if keys were data; "
                'say which you want: fields=["a", "b"]'
            )


def _fields_of(objects: list[dict[str, Any]], only: list[str] | None) -> tuple[list[str], list[Any]]:
    """Return the names in order of first appearance, and the values of each; a missing value is None."""
    names = list(objects[0]) if only is None and objects else only or []
    if len(names) > 1 and sum(map(len, objects)) == len(names) * len(objects):
        try:
            return names, list(zip(*map(itemgetter(*names), objects), strict=True))
        except KeyError:
            pass  # some objects have other names; the general way below finds all
    if only is None:
        names = list(dict.fromkeys(chain.from_iterable(objects)))
        if len(names) > MAX_FIELDS:
            names = names[: MAX_FIELDS + 1]
    return names, [[one.get(name) for one in objects] for name in names]


def _runs(texts: ChunkedArray) -> Iterator[tuple[list[Any], list[Array]]]:
    """Yield the texts in runs of at least `_ROWS` rows (the last may be shorter), across chunks."""
    run: list[Any] = []
    arrays: list[Array] = []
    for chunk in texts.chunks:
        for start in range(0, len(chunk), _ROWS):
            arrays.append(chunk.slice(start, _ROWS).cast(pa.large_binary()))
            run.extend(objects_of(arrays[-1]))
            if len(run) >= _ROWS:
                yield run, arrays
                run, arrays = [], []
    if run:
        yield run, arrays


def _values_of(frame: Any, column: str) -> ChunkedArray:
    found = frame[[column]] if is_pandas(frame) and column in frame.columns else frame
    table = table_of(found)
    if column not in table.column_names:
        columns = describe_columns(columns_of(table))
        raise ConfigError(f"there is no column {column!r} to expand; the frame has {columns}")
    values = table.column(column)
    kind = values.type
    if pa.types.is_null(kind):
        return values.cast(pa.large_string())
    if pa.types.is_struct(kind):
        return values
    if not any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
                                       pa.types.is_binary, pa.types.is_large_binary)):  # fmt: skip
        raise ConfigError(
            f"the column {column!r} is {kind}; expected text that holds JSON objects, or structs"
        )
    return values


def _titles(column: str, paths: list[Path], taken: set[str]) -> list[str]:
    titles = []
    for path in paths:
        # Arrow allows no lone surrogate in a name
        name = ".".join(path).encode("utf-8", "backslashreplace").decode()
        title = base = f"{column}.{name}"
        number = 1
        while title in taken:
            number += 1
            title = f"{base}#{number}"
        taken.add(title)
        titles.append(title)
    return titles


def _with_columns(
    frame: Any, column: str, titled: dict[str, ChunkedArray], failures: int, lenient: int
) -> Any:
    import pandas as pd

    from .dataframe import to_pandas
    from .provenance import attach, provenance_of

    added = (
        to_pandas(pa.table(list(titled.values()), names=list(titled)))
        if titled
        else pd.DataFrame(index=pd.RangeIndex(len(frame)))
    )
    added.index = frame.index
    result = pd.concat([frame, added], axis=1)
    # pandas would change the type of the names
    result.columns = pd.Index([*frame.columns, *added.columns], dtype=frame.columns.dtype)
    result.attrs = dict(frame.attrs)
    known = provenance_of(frame) or {}
    steps = with_step(known.get("expanded", []), column, failures, lenient)
    return attach(result, {**known, "expanded": steps})
