"""Rows as a file: in the browser's downloads, or at a path of the kernel's machine."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, Cancelled, ConfigError, NotFound
from brokerkit.display.sanitize import plain as one_line
from brokerkit.frames.plain import plain
from brokerkit.session.storing import into_place, storing

from ..call_text import literal, variable_of
from ..protocol.exports import ExportForm, Exporting, ExportRows
from ..row_view import size_text
from .calls import fixed_call

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .model import BrowserModel
    from .search import Search

DOWNLOADED = 64_000_000
"""A larger file is not sent through the notebook."""
SUFFIXES: dict[ExportForm, str] = {"csv": ".csv", "jsonl": ".jsonl", "parquet": ".parquet"}


class Order(NamedTuple):
    """What to export, and where to.

    Attributes:
        rows: The chosen rows, those shown, or all that match, for which the search goes on first.
        form: The format.
        path: The file; None for the browser's downloads.
        overwrite: Whether a file that exists is replaced.
    """

    rows: ExportRows
    form: ExportForm
    path: Path | None
    overwrite: bool

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Order:
        """Return the order that a message of the view holds.

        Raises:
            ConfigError: It is none, or there is no path.
        """
        rows = next((each for each in get_args(ExportRows) if each == message.get("rows")), None)
        form = next((each for each in get_args(ExportForm) if each == message.get("form")), None)
        if rows is None or form is None:
            raise ConfigError("an export needs rows (chosen, shown or matching) and a format")
        path = message.get("path")
        if path is not None and not (isinstance(path, str) and path.strip()):
            raise ConfigError("type the name of the file, such as orders.csv")
        named = None if path is None else _file_named(path.strip())
        return cls(rows, form, named, bool(message.get("overwrite")))


def _file_named(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"{text!r:.200} is no name of a file: {error}") from error


def begin(model: BrowserModel, message: Mapping[str, Any], told: Callable[[Any], None]) -> None:
    """Write the rows that a message of the view orders in a thread, and tell what became of it."""
    try:
        order = Order.of(message)
    except ConfigError as error:
        return told(_exporting(str(error)))
    search = model.search
    chosen = model.rows.selected() if order.rows == "chosen" else None

    def write(cancellation: Cancellation) -> None:
        try:
            told(export(model, order, search, chosen, cancellation))
        except Cancelled:
            raise
        except (BrokerError, TimeoutError) as error:
            told(_exporting(str(error) or "no answer in time"))
        except Exception as error:  # the view must not wait for ever
            told(_exporting(f"{type(error).__name__}: {error}"))

    told(_exporting(""))
    return model.run("export", write)


def _exporting(problem: str) -> Exporting:
    return {"type": "exporting", "problem": one_line(problem, 400)}


def export(
    model: BrowserModel,
    order: Order,
    search: Search | None,
    chosen: pa.Table | None,
    cancellation: Cancellation,
) -> dict[str, Any]:
    """Write the rows of a search, or those chosen, and return what is to be sent to the view.

    Raises:
        BrokerError: There are no rows, the file exists or cannot be written, the search did not end or is
            not the one shown any more, or too much matches.
    """
    if chosen is None and order.rows == "matching" and search is not None:
        _read_all(model, search, cancellation)
    frame = model.frame() if chosen is None else model.as_frame(chosen)
    call, topic = call_of(model, order), model.topic
    _check_same(model, search)
    if not len(frame):
        raise NotFound("there are no rows to export")
    data = file_of(frame, order.form)
    what = f"{len(frame):,} row{'' if len(frame) == 1 else 's'}, {size_text(len(data))}"
    if order.path is None:
        if len(data) > DOWNLOADED:
            raise ConfigError(
                f"{size_text(len(data))} are too much to download: write them to a path of the kernel"
            )
        text = base64.b64encode(data).decode()
        name = default_name(topic or "rows", order.form)
        return {"type": "exported", "text": what, "call": call, "name": name, "data": text}
    place = order.path.absolute()
    if place.exists() and not order.overwrite:
        raise ConfigError(f"{order.path} exists: choose another name, or overwrite it")
    with storing(place, "Then export again"):
        place.parent.mkdir(parents=True, exist_ok=True)
        into_place(place, lambda new: new.write_bytes(data))
    said = one_line(f"{what}, written to {place}", 400)
    return {"type": "exported", "text": said, "call": call, "name": "", "data": ""}


def _read_all(model: BrowserModel, search: Search, cancellation: Cancellation) -> None:
    """Let a search go on until all that match are found, as far as its `max_bytes` allow."""
    while search.running or search.resumable:
        cancellation.raise_if_cancelled()
        if not search.running:
            if search.status == "failed":
                break
            if search.status == "at max_bytes":
                names = variable_of(model.session, "s"), variable_of(model.owner(), "browser")
                raise ConfigError(
                    f"more than {size_text(search.query.max_bytes)} match: write them in parts with "
                    f"{search.query.scan_call(*names)}.to_parquet({literal(_stem(search.query.topic))})"
                )
            model.go_on(max(1, search.rest))
        model.wait_for("search", timeout=0.2)
        _check_same(model, search)
        if search.status == "stopped":
            raise BrokerError("the search was stopped before its end: nothing was exported")
    if search.problem is not None:
        raise search.problem


def _check_same(model: BrowserModel, search: Search | None) -> None:
    if search is not model.search:
        raise BrokerError("another search was begun: export again")


def file_of(frame: pd.DataFrame, form: ExportForm) -> bytes:
    """Return the content of a file: keys and headers as text, bytes as base64; Parquet keeps all types."""
    if form == "csv":
        return plain(frame, "csv").to_csv(index=False).encode()
    if form == "jsonl":
        text = plain(frame, "json").to_json(orient="records", lines=True, force_ascii=False)
        return f"{text.rstrip()}\n".encode()
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def call_of(model: BrowserModel, order: Order) -> str:
    """Return the Python call that writes the same file."""
    own = variable_of(model.owner(), "browser")
    rows = f"{own}.selected" if order.rows == "chosen" else fixed_call(model)
    name = literal(str(order.path or default_name(model.topic or "rows", order.form)))
    if order.form == "parquet":
        return f"{rows}.to_parquet({name}, index=False)"
    if order.form == "csv":
        return f"bk.plain({rows}, 'csv').to_csv({name}, index=False)"
    return f"bk.plain({rows}, 'json').to_json({name}, orient='records', lines=True, force_ascii=False)"


def default_name(topic: str, form: ExportForm) -> str:
    """Return the name of a file for the rows of a topic."""
    return _stem(topic) + SUFFIXES[form]


def _stem(topic: str) -> str:
    return re.sub(r"[^\w.-]+", "_", topic).strip("._")[:80] or "rows"
