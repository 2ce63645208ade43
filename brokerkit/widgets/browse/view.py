"""The browser's panel: the model as small states and messages, and clicks as calls of its methods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.display.sanitize import plain
from brokerkit.session.filters import Filter
from brokerkit.session.overlooked import Overlooked

from .. import panel
from ..editing import text_to_name
from ..side_effects import choices_of
from .calls import message_call
from .compare import compared_view
from .form import changes_of
from .predicate import Predicate
from .query import Query
from .state import state_of
from .table import PAGE
from .topics import description_view

if TYPE_CHECKING:
    from .model import BrowserModel

SCRIPTS = (
    "virtual_list.js",
    "topic_list.js",
    "query_form.js",
    "histogram.js",
    "message_table.js",
    "message_view.js",
    "browse.js",
)
TRIED = 2_000
TRIED_BYTES = 4_000_000
"""A filter is tried on so many rows, and so many bytes, while it is typed."""
_END = 2**53
BACKLOGS = 40
"""The backlogs of so many topics in view are loaded at once."""
Message = dict[str, Any]


class BrowserView:
    """A view of a `BrowserModel` in a panel; any thread may call `show`."""

    def __init__(self, model: BrowserModel) -> None:
        self._model = model
        self._find: Message = {}
        self._rows = (0, 60)
        self._turn = ""
        self.begin()
        self._panel = panel.Panel(SCRIPTS, state_of(self._model), self.receive)
        self._widget: Any = None

    @property
    def widget(self) -> Any:
        """The panel, and below it the composer or the tail that was opened from it."""
        if self._widget is None:
            import ipywidgets

            self._widget = ipywidgets.VBox([self._panel.widget])
        return self._widget

    def show(self, *what: str) -> None:
        """Update the panel; `what` names the parts to send as messages."""
        self._panel.show(state_of(self._model))
        for part in what:
            getattr(self, f"_send_{part}")()

    def begin(self) -> None:
        """Show the page of a new query at its end, where the newest messages are, or at its beginning."""
        query = self._model.query
        self._rows = _END if query is not None and query.backwards else 0, self._rows[1]

    # Sending.

    def _send_topics(self) -> None:
        find, topics = self._find, self._model.topics
        numbers = topics.find(
            str(find.get("text", "")), str(find.get("sort", "name")), bool(find.get("internal"))
        )
        first = _number(find, "first")
        shown = numbers[first : first + min(PAGE, _number(find, "count", 60))]
        rows = topics.rows(shown, self._model.topic)
        self._panel.send(
            {
                "type": "topics",
                "first": first,
                "total": len(numbers),
                "all": len(topics),
                "generation": topics.generation,
                "rows": rows,
                "asked": find.get("asked"),
            }
        )

    def _send_rows(self) -> None:
        first, count = self._rows
        shown = self._model.rows.snapshot()
        first = max(0, min(first, len(shown.result) - count))
        rows = shown.result.page(first, count, shown.columns)
        for row in rows:
            row["marked"] = row.pop("id") in shown.marked
        self._panel.send(
            {
                "type": "rows",
                "first": first,
                "total": len(shown.result),
                "version": shown.version,
                "rows": rows,
                "columns": [plain(name, 80) for name in shown.columns],
            }
        )

    def _send_selection(self) -> None:
        place = self._model.rows.snapshot().place
        self._panel.send({"type": "selection", "place": place, "turn": self._turn})
        self._send_rows()

    def _send_detail(self, form: str | None = None) -> None:
        message = self._model.rows.message
        self._panel.send(
            {
                "type": "detail",
                "message": None if message is None else message.view(form),
                "call": "" if message is None else message_call(self._model),
            }
        )

    def _send_histogram(self) -> None:
        found = self._model.histogram
        self._panel.send({"type": "histogram", "histogram": None if found is None else found.view()})

    def _send_companions(self) -> None:
        self.widget.children = (self._panel.widget, *self._model.companions.widgets)

    def _send_description(self) -> None:
        described = self._model.description
        shown = None if described is None else description_view(described)
        self._panel.send({"type": "described", "topic": shown})

    # Receiving.

    def receive(self, message: Message) -> None:
        """Handle a message of the view: `hello`, `here`, or an action of the user."""
        act = getattr(self, f"_on_{message['type']}", None)
        if act is None:
            return
        try:
            act(message)
        except (BrokerError, TimeoutError) as error:
            self._model._failed(error)

    def _on_hello(self, message: Message) -> None:
        self.show("topics", "rows", "detail", "histogram", "description")

    def _on_topics(self, message: Message) -> None:
        self._find = message
        self._send_topics()
        if message.get("backlogs"):
            topics = self._model.topics
            numbers = topics.find(
                str(message.get("text", "")), str(message.get("sort", "name")), bool(message.get("internal"))
            )
            first = _number(message, "first")
            self._model.load_backlogs([topics.name(number) for number in numbers[first : first + BACKLOGS]])

    def _on_refresh(self, message: Message) -> None:
        self._model.topics.backlogs.clear()
        self._model.refresh()

    def _on_topic(self, message: Message) -> None:
        topics, number = self._model.topics, _number(message, "n")
        if message.get("generation") == topics.generation and number < len(topics):
            before = self._model.query
            kept = {} if before is None else {"limit": before.limit, "decode": before.decode}
            self._model.ask(Query(topics.name(number), **kept))

    def _on_query(self, message: Message) -> None:
        before = self._query()
        changes = changes_of(message)
        if message.get("kept"):
            # keep a function that was set in code: it cannot be typed
            changes["where"] = before.where
        changes["side_effects"] = message.get("effect") or None
        changes["subscription"] = message.get("subscription") or None
        if changes["side_effects"] is not None:
            changes |= dict.fromkeys(("end", "newest", "partitions", "key", "header", "where"))
            changes["start"] = (
                changes["start"] if changes["side_effects"] == "temporary subscription" else None
            )
        elif choices_of(self._model.session.capabilities):
            raise ConfigError("choose a side effect first: this system cannot be read without one")
        confirm = message.get("confirm")
        self._model.ask(
            before.but(**changes), confirm=text_to_name(confirm) if isinstance(confirm, str) else None
        )

    def _query(self) -> Query:
        found = self._model.query
        if found is None:
            raise ConfigError("choose a topic first")
        return found

    def _on_stop(self, message: Message) -> None:
        self._model.stop_reading()

    def _on_continue(self, message: Message) -> None:
        self._model.go_on()

    def _on_rows(self, message: Message) -> None:
        self._rows = _number(message, "first"), min(PAGE, _number(message, "count", 60))
        self._send_rows()

    def _on_sort(self, message: Message) -> None:
        rows, index = self._model.rows, _number(message, "column")
        if index >= len(rows.columns):
            return
        name, sort = rows.columns[index], rows.result.sort
        # ascending, descending, unsorted
        self._model.sort_by(
            (name, True) if sort is None or sort[0] != name else (name, False) if sort[1] else None
        )

    def _on_columns(self, message: Message) -> None:
        names = self._model.rows.result.names
        wanted = message.get("shown")
        if wanted is None:
            self._model.choose_columns(None)
        elif isinstance(wanted, list):
            self._model.choose_columns(
                [names[each] for each in wanted if isinstance(each, int) and each < len(names)]
            )

    def _on_expand(self, message: Message) -> None:
        self._model.ask(self._query().but(expand=bool(message.get("on"))))

    def _on_select(self, message: Message) -> None:
        self._model.rows.choose(_number(message, "place"), str(message.get("how", "one")))
        self._turn = str(message.get("turn", ""))
        self.show("selection", "detail")

    def _on_unselect(self, message: Message) -> None:
        self._model.select(None)

    def _on_payload(self, message: Message) -> None:
        shown = self._model.rows.message
        if shown is None:
            return
        path = message.get("path")
        steps = [each for each in path if isinstance(each, int)] if isinstance(path, list) else None
        try:
            part = shown.part(str(message.get("form")), first=_number(message, "first"), path=steps)
        except IndexError:
            return
        self._panel.send({"type": "payload", "payload": part})

    def _on_step(self, message: Message) -> None:
        self._model.step(-1 if message.get("by") == -1 else 1, str(message.get("along", "rows")))

    def _on_copy(self, message: Message) -> None:
        shown = self._model.rows.message
        if shown is not None:
            text = shown.copied()
            self._panel.send({"type": "copied", "text": text, "call": message_call(self._model)})

    def _on_compare(self, message: Message) -> None:
        self._panel.send({"type": "compared", "rows": compared_view(self._model.rows.compared())})

    def _on_histogram(self, message: Message) -> None:
        self._model.count("rows" if message.get("of") == "rows" else "topic")

    def _on_window(self, message: Message) -> None:
        start, end = _moment(message, "from"), _moment(message, "to")
        query = self._query()
        if start is None and not query.backwards:
            start = "earliest"
        newest = True if query.backwards and start is not None else None
        self._model.ask(query.but(start=start, end=end, newest=newest))

    def _on_try(self, message: Message) -> None:
        self._panel.send(
            {"type": "tried", "text": self._tried(str(message.get("where", "")), message.get("mode"))}
        )

    def _tried(self, typed: str, mode: Any) -> str:
        if not typed.strip():
            return ""
        rows = _sample(self._model.rows.result.rows).combine_chunks()
        try:
            wanted = Filter(None, Predicate(typed) if mode == "python" else typed)
        except ConfigError as error:
            return plain(f"✕ {error}", 300)
        overlooked = Overlooked()
        matched = sum(wanted.batch(batch, overlooked).num_rows for batch in rows.to_batches())
        errors = f"; {overlooked.text(name='it')}" if overlooked.total else ""
        return plain(f"matches {matched:,} of {rows.num_rows:,} rows shown now{errors}", 300)

    def _on_compose(self, message: Message) -> None:
        self._model.compose()

    def _on_follow(self, message: Message) -> None:
        self._model.follow()

    def _on_put_away(self, message: Message) -> None:
        self._model.put_away()


def _sample(rows: pa.Table) -> pa.Table:
    """Return the first rows, few enough that trying a filter on them causes no pause."""
    count = min(TRIED, int(rows.num_rows))
    while count > 1 and rows.slice(0, count).nbytes > TRIED_BYTES:
        count //= 2
    return rows.slice(0, count)


def _number(message: Message, name: str, otherwise: int = 0) -> int:
    value = message.get(name, otherwise)
    return max(0, value) if isinstance(value, int) else otherwise


def _moment(message: Message, name: str) -> str | None:
    """Return milliseconds since 1970 as a time that `peek` takes."""
    value = message.get(name)
    if not isinstance(value, int | float):
        return None
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    except OverflowError as error:
        raise ConfigError(f"{name}: {value} is beyond the calendar") from error
    return moment.isoformat().replace("+00:00", "Z")
