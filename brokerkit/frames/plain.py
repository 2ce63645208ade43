"""Frames as columns of text and numbers, for file formats that have no other types; each value exactly."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import ChunkedArray, is_bytes, is_text, row_numbers, value_type
from .dataframe import to_pandas
from .decoded import objects_of
from .jsonable import json_values
from .schema import ATTRIBUTES
from .tabular import columns_of, index_names, is_pandas, table_of

if TYPE_CHECKING:
    import pandas as pd

Form: TypeAlias = Literal["csv", "json", "excel"]

FORMS = ("csv", "json", "excel")
TEXT = pa.large_string()
CELL = 32_767
"""How many UTF-16 units a cell of Excel holds."""
EXACT_IN_EXCEL = 10**15

# text that a spreadsheet runs, and "" and ', so that removing one ' restores every text
_RUN = r"^$|^['=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
_GUARDED = {
    "csv": _RUN,
    # the libraries that write the files turn these into links, array formulas and errors
    "excel": rf"(?i){_RUN}|^#|^\{{=|^(?:https?|ftp|file|mailto|internal|external):",
}
_NOT_IN_EXCEL = r"[\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]|_x[0-9A-Fa-f]{4}_"


def plain(frame: Any, form: Form) -> pd.DataFrame:
    """Return a frame of text and numbers that can be written as CSV, JSON or Excel without any loss::

        bk.plain(df, "csv").to_csv("orders.csv", index=False)

    Bytes become base64, times ISO 8601, nested values JSON. `attributes` becomes a JSON list of objects with
    "name", "value" and "type", and "base64" instead of "value" where it is not UTF-8. A column of numbers
    that the file would round becomes text. An index that is not just a row number becomes columns.

    For "csv" and "excel", a text that a spreadsheet would run or follow as a link gets a ' in front. So does
    an empty text and one that begins with a '. Remove one ' to get the text back; an empty cell is NA.

    Args:
        frame: A DataFrame or any other frame.
        form: The format to be written: "csv", "json" or "excel".

    Raises:
        ConfigError: The file cannot hold a value. In Excel these are cells above 32,767 characters and
            control characters.
    """
    if form not in FORMS:
        raise ConfigError(f"form={form!r} cannot be used; expected one of {', '.join(map(repr, FORMS))}")
    index = None
    if is_pandas(frame):
        if index_names(frame):
            frame = frame.reset_index()
        else:
            index = frame.index
    columns_of(frame.iloc[:0] if is_pandas(frame) else frame)  # refuses names that are no unique text
    table = table_of(frame)
    columns = [_plain_column(name, table.column(name), form) for name in table.column_names]
    titles: list[Any] = _guarded(pa.chunked_array([table.column_names], TEXT), form).to_pylist()
    result = to_pandas(pa.table(columns, names=titles))
    if index is not None:
        result.index = index
    return result


def _plain_column(name: str, column: ChunkedArray, form: Form) -> ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(value_type(column.type))
    kind = column.type
    if pa.types.is_boolean(kind):
        return column
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and _exact(column, form):
        return column
    text = _guarded(_text(name, column), form)
    if form == "excel":
        _check_cells(name, text)
    return text


def _text(name: str, column: ChunkedArray) -> ChunkedArray:
    kind = column.type
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    if is_text(kind) or any(test(kind) for test in numbers):
        return column.cast(TEXT)
    if is_bytes(kind):
        return _texts([None if data is None else b64encode(data).decode() for data in objects_of(column)])
    if kind == ATTRIBUTES:
        return _texts([None if pairs is None else _attributes(pairs) for pairs in column.to_pylist()])
    if pa.types.is_duration(kind):
        return _texts([None if value is None else value.isoformat() for value in _durations(column)])
    values, wrong = json_values(column)
    for row, reason in wrong.items():
        raise ConfigError(f"column {name!r}, row {row}: {reason}")
    texts = [None if value is None else orjson.dumps(value).decode() for value in values]
    nested = pa.types.is_nested(kind)
    return _texts([text if nested or text is None else text.strip('"') for text in texts])


def _texts(values: list[str | None]) -> ChunkedArray:
    return pa.chunked_array([pa.array(values, TEXT)])


def _durations(column: ChunkedArray) -> list[Any]:
    import pandas as pd

    unit = column.type.unit
    return [
        None if count is None else pd.Timedelta(count, unit) for count in column.cast(pa.int64()).to_pylist()
    ]


def _attributes(pairs: list[dict[str, Any]]) -> str:
    return json.dumps([_attribute(**pair) for pair in pairs], ensure_ascii=False)


def _attribute(name: str, value: bytes | None, type: str) -> dict[str, str | None]:
    try:
        return {"name": name, "value": None if value is None else value.decode(), "type": type}
    except UnicodeDecodeError:
        return {"name": name, "base64": b64encode(value or b"").decode(), "type": type}


def _exact(column: ChunkedArray, form: Form) -> bool:
    """Return whether pandas writes these numbers, and the readers of the file read them, unchanged."""
    if form == "csv":
        return True
    if form == "excel":
        if pa.types.is_floating(column.type):
            # both libraries that write Excel files write 16 digits
            return all(
                value == value and float(f"{value:.16g}") == value for value in column.drop_null().to_pylist()
            )
        bounds: Any = pc.min_max(column).as_py()
        return bounds["min"] is None or -EXACT_IN_EXCEL < bounds["min"] <= bounds["max"] < EXACT_IN_EXCEL
    import pandas as pd

    series: Any = pd.Series(pd.arrays.ArrowExtensionArray(column))
    values = [None if value != value else value for value in column.to_pylist()]
    return bool(json.loads(series.to_json(orient="values")) == values)


def _guarded(texts: ChunkedArray, form: Form) -> ChunkedArray:
    if form == "json":
        return texts
    run = pc.match_substring_regex(texts, _GUARDED[form])
    quote, nothing = pa.scalar("'", TEXT), pa.scalar("", TEXT)
    quoted: Any = texts
    quoted = pc.binary_join_element_wise(quote, quoted, nothing)
    guarded: ChunkedArray = pc.if_else(run, quoted, texts)
    return guarded


def _check_cells(name: str, texts: ChunkedArray) -> None:
    strange = row_numbers(pc.match_substring_regex(texts, _NOT_IN_EXCEL))
    if strange:
        raise ConfigError(
            f"column {name!r}, row {strange[0]}: a control character, or what Excel takes for one "
            f"({len(strange)} rows); replace it, leave the column out, or write CSV or JSON"
        )
    suspects = row_numbers(pc.greater(pc.utf8_length(texts), pa.scalar(CELL // 2)))
    long = [row for row in suspects if _units(texts[row]) > CELL]
    if long:
        raise ConfigError(
            f"column {name!r}, row {long[0]}: a cell of Excel holds {CELL:,} characters, and this is "
            f"{_units(texts[long[0]]):,} ({len(long)} rows); cut it, leave it out, or write CSV or JSON"
        )


def _units(text: pa.Scalar[Any]) -> int:
    return len(text.as_py().encode("utf-16-le")) // 2
