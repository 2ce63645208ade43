"""The clicks and keys of a browser's view as calls of its model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING, get_args

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.freed import freed

from ..editing import text_to_name
from ..protocol.browse import Tab
from ..protocol.messages import Form
from ..side_effects import choices_of
from .action_clicks import ActionClicks
from .condition_clicks import ConditionClicks
from .fields import act_on_field, follow_header
from .filter_clicks import FilterClicks
from .form import changes_of
from .letter_clicks import LetterClicks
from .looking import Looking, Message, Shower, number_in
from .meaning import meant_range
from .query import Query
from .state import newest_on_top
from .table import PAGE
from .topic_clicks import TopicClicks

if TYPE_CHECKING:
    from .model import BrowserModel

UNASKED = (
    "hello",
    "here",
    "topics",
    "branch",
    "rows",
    "payload",
    "try",
    "try_change",
    "fields",
    "lag",
    "range",
    "open",
    "companion",
    "filters",
)
"""What a view sends by itself: an error stays in view."""


class Clicks(ActionClicks, ConditionClicks, LetterClicks, FilterClicks, TopicClicks):
    """The actions of a user. Messages of the view are no more to be trusted than payloads."""

    def __init__(self, model: BrowserModel, view: Shower, looking: Looking) -> None:
        self._model, self._view, self._looking = model, view, looking
        self._taken = set()
        self._lock = RLock()

    def receive(self, message: Message) -> None:
        """Handle a message of the view: `hello`, `here`, or an action of the user.

        Several viewers may send at once: their messages are handled one by one.
        """
        with freed(self._lock), self._lock:
            self._handle(message)

    def _handle(self, message: Message) -> None:
        act = getattr(self, f"_on_{message['type']}", None)
        if act is None:
            return
        problem = None if message["type"] in UNASKED else self._model.problem
        try:
            if problem is not None:
                self._model.problem = None
            act(message)
        except (BrokerError, TimeoutError) as error:
            self._model._failed(error)
        else:
            if problem is not None:
                self._view.show()

    def _on_hello(self, message: Message) -> None:
        self._view.show(
            "topics",
            "rows",
            "detail",
            "histogram",
            "description",
            "subscriptions",
            "schema",
            "letters",
            "change",
        )
        self._view.greet()

    def _on_refresh(self, message: Message) -> None:
        self._model.topics.backlogs.clear()
        self._model.refresh()
        self._load_tab(key=self._model.facts.schema.key, again=True)

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
        self._remember(message)

    def _query(self) -> Query:
        found = self._model.query
        if found is None:
            raise ConfigError("choose a topic first")
        return found

    def _on_back(self, message: Message) -> None:
        self._view.go_back()

    def _on_stop(self, message: Message) -> None:
        self._model.stop_reading()

    def _on_continue(self, message: Message) -> None:
        search = self._model.search
        rest = search.rest if search is not None and message.get("all") else 0
        self._model.go_on(rest)

    def _on_rows(self, message: Message) -> None:
        self._looking.rows = number_in(message, "first"), min(PAGE, number_in(message, "count", 60))
        self._view.show("rows")

    def _on_sort(self, message: Message) -> None:
        rows, index = self._model.rows, number_in(message, "column")
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
                [names[each] for each in wanted if type(each) is int and 0 <= each < len(names)]
            )

    def _on_expand(self, message: Message) -> None:
        self._model.ask_without_effect(self._query().but(expand=bool(message.get("on"))))

    def _on_select(self, message: Message) -> None:
        identity, how = message.get("id"), str(message.get("how", "one"))
        if isinstance(identity, str):
            # more rows may have been found since the click: the place may be that of another one
            self._model.rows.choose_clicked(identity, how)
        else:
            self._model.rows.choose(self._view.turned(number_in(message, "place")), how)
        self._looking.turn = str(message.get("turn", ""))
        self._view.show("selection", "detail")

    def _on_unselect(self, message: Message) -> None:
        self._model.select(None)

    def _on_payload(self, message: Message) -> None:
        if self._model.rows.message is None:
            return
        look = self._looking
        look.form = _form(message)
        self._view.send_payload(number_in(message, "first"), _path(message))

    def _on_step(self, message: Message) -> None:
        by, along = (-1 if message.get("by") == -1 else 1), str(message.get("along", "rows"))
        if along == "rows" and newest_on_top(self._model, self._model.rows.snapshot()):
            by = -by
        self._looking.turn = ""
        place, shown = message.get("header"), self._model.rows.message
        name = None
        if shown is not None and isinstance(place, int) and 0 <= place < len(shown.attributes):
            name = str(shown.attributes[place]["name"])
        self._model.step(by, along, name)

    def _on_header(self, message: Message) -> None:
        follow_header(self._model, number_in(message, "place"))
        self._take("header")

    def _on_histogram(self, message: Message) -> None:
        self._model.count("rows" if message.get("of") == "rows" else "topic")

    def _on_window(self, message: Message) -> None:
        start, end = _moment(message, "start"), _moment(message, "end")
        query = self._query()
        if start is None and not query.backwards:
            start = "earliest"
        newest = True if query.backwards and start is not None else None
        self._model.ask_without_effect(query.but(start=start, end=end, newest=newest))

    def _on_range(self, message: Message) -> None:
        start, end = meant_range(str(message.get("start", "")), str(message.get("end", "")))
        asked = message.get("asked")
        self._view.send(
            {"type": "meant", "asked": asked if isinstance(asked, int) else 0, "start": start, "end": end}
        )

    def _on_again(self, message: Message) -> None:
        self._model.refresh()
        if self._model.query is not None:
            self._model.ask_without_effect(self._model.query)

    def _on_open(self, message: Message) -> None:
        tab: Tab | None = next((each for each in get_args(Tab) if each == message.get("tab")), None)
        if tab is None:
            return
        self._looking.tab = tab
        self._load_tab(key=bool(message.get("key")))
        self._view.show("call")

    def _load_tab(self, *, key: bool, again: bool = False) -> None:
        """Load what the open tab shows; dead letters that are there only to read them `again`."""
        query = self._model.query
        if self._looking.tab == "subscriptions":
            self._model.facts.load_readers()
        elif self._looking.tab == "schema":
            self._model.facts.load_schema(key=key)
        elif self._looking.tab == "letters" and query is not None:
            letters = self._model.letters
            # those that were taken are taken again only by their own click
            if letters.missing(query) or (again and not letters.found.give_back):
                letters.load(query)

    def _on_subscription(self, message: Message) -> None:
        place = message.get("place")
        self._model.facts.choose_reader(number_in(message, "place") if isinstance(place, int) else None)

    def _on_lag(self, message: Message) -> None:
        if self._looking.tab == "subscriptions" and not self._model.session.connection.closed:
            self._model.facts.look_at_lag()

    def _on_field(self, message: Message) -> None:
        path = act_on_field(self._model, _path(message) or [], str(message.get("what")))
        if message.get("what") == "filter":
            self._take("where")
        if path:
            self._view.send({"type": "copied", "text": path, "call": path})


def _form(message: Message) -> Form:
    return next((each for each in get_args(Form) if each == message.get("form")), "text")


def _path(message: Message) -> list[int] | None:
    path = message.get("path")
    return [each for each in path if isinstance(each, int)] if isinstance(path, list) else None


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
