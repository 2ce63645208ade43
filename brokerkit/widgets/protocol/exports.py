"""What a topic browser and its view say about rows as files and on the clipboard."""

from __future__ import annotations

from typing import Literal, TypedDict

ExportRows = Literal["chosen", "shown", "matching"]
ExportForm = Literal["csv", "jsonl", "parquet"]
CopyForm = Literal["json", "python", "command"]


class Export(TypedDict):
    """Rows to write to a path of the kernel's machine, or to download where that is None."""

    type: Literal["export"]
    rows: ExportRows
    form: ExportForm
    path: str | None
    overwrite: bool


class CopyRows(TypedDict):
    """For the clipboard: the chosen rows as JSON or as Python calls, or the query as a command line."""

    type: Literal["copy_rows"]
    form: CopyForm


class Exporting(TypedDict):
    """An export has begun, or failed with a problem."""

    type: Literal["exporting"]
    problem: str


class Exported(TypedDict):
    """What was exported, and the Python call for it; `data` is a file to download, in base64."""

    type: Literal["exported"]
    text: str
    call: str
    name: str
    data: str


class CopiedRows(TypedDict):
    """The chosen rows, or the query, for the clipboard."""

    type: Literal["copied_rows"]
    text: str
