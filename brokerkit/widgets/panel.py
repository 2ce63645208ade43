"""The part of a widget that lives in the browser: a small state out, small messages in and out.

Only `state` is a synchronised attribute, so a saved notebook contains nothing else of it. Rows travel as
messages, which no notebook keeps.
"""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.resources import files
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.freed import freed
from brokerkit.display.markup import Displayed

from .notebook_cells import cells

if TYPE_CHECKING:
    import anywidget

INSTALL = "pip install 'brokerkit-notebook[widgets]'"
UNSEEN_SECONDS = 60.0
"""Seconds after the last sign of a viewer until nothing more is sent to it."""
UNSEEN_SECONDS_BUSY = 1_800.0
"""The same while a cell is running, when no sign can arrive."""
NUMBER_LENGTH = 60
"""The most characters of the number of a message, which names its view."""

State = dict[str, Any]


class Panel:
    """A view in the browser that shows a state, and sends and receives messages. Any thread may call it.

    Args:
        scripts: The names of its JavaScript files in the folder ``static``; style sheets of the same names
            are used as well.
        state: What it shows first.
        on_message: Called with each message of the view.
        outlet: Where it is shown, if not as a widget of a notebook.

    Raises:
        ConfigError: The widget libraries are not installed.
    """

    def __init__(
        self,
        scripts: Sequence[str],
        state: Mapping[str, object],
        on_message: Callable[[State], None],
        outlet: Outlet | None = None,
    ) -> None:
        self.widget: Any = outlet if outlet is not None else _widget_class(tuple(scripts))()
        self.widget.state = _plain(state)
        self._lock = RLock()
        self._cells = cells()
        self._seen = time.monotonic()
        self._on_message = on_message
        self.widget.on_msg(self._receive)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let other threads wait: what is computed inside is shown before anything newer is."""
        with freed(self._lock), self._lock:
            yield

    def show(self, state: Callable[[], Mapping[str, object]]) -> None:
        """Show in the browser the state that a function returns now."""
        with self.in_turn():
            if self.attended and self.widget.comm is not None:
                self.widget.state = _plain(state())

    def send(self, message: Mapping[str, object]) -> None:
        """Send a message to the browser once; without a viewer, do nothing."""
        with freed(self._lock), self._lock:
            if self.attended and self.widget.comm is not None:
                self.widget.send(_plain(message))

    @property
    def attended(self) -> bool:
        """Whether there has been a viewer lately, as far as is known."""
        busy = self._cells is not None and self._cells.busy
        return time.monotonic() - self._seen < (UNSEEN_SECONDS_BUSY if busy else UNSEEN_SECONDS)

    def turn_to(self, on_message: Callable[[State], None]) -> None:
        """Give the messages of the view to another function from now on: it is to show another screen."""
        with self.in_turn():
            self._on_message = on_message

    def mimebundle(self) -> dict[str, Any]:
        """Return the bundle that displays it."""
        made = self.widget._repr_mimebundle_()
        data = made[0] if isinstance(made, tuple) else made
        return dict(data or {})

    def close(self) -> None:
        """Remove it from the browser."""
        with freed(self._lock), self._lock:
            self.widget.close()

    def _receive(self, _: Any, content: Any, __: Any = None) -> None:
        self._seen = time.monotonic()
        if isinstance(content, dict) and isinstance(content.get("type"), str):
            try:
                self._on_message(content)
            finally:
                # many clicks change nothing that is shown: the view would take the kernel for silent
                self.send({"type": "here", **_number_of(content)})


class Outlet(Protocol):
    """What shows a panel: the part of a widget that it needs."""

    state: State
    comm: object
    """None once it is closed."""

    def send(self, message: State) -> None:
        """Send a message to each viewer."""

    def on_msg(self, receive: Callable[..., None]) -> None:
        """Call a function with the outlet and each message of a viewer."""

    def close(self) -> None:
        """Show nothing more."""


def _number_of(content: State) -> State:
    """Return the number that a view gave its message, and that its answer bears."""
    nth = content.get("nth")
    return {"nth": nth} if isinstance(nth, str) and len(nth) <= NUMBER_LENGTH else {}


def _plain(content: Mapping[str, Any]) -> State:
    """Return the same content of JSON's own types.

    Notebooks encode other types in their own ways: marimo shows a subclass of `str` as an object.
    """
    made: State = json.loads(json.dumps(dict(content)))
    return made


class Channel(Protocol):
    """Where a view is shown: a panel, or a part of another one."""

    @property
    def attended(self) -> bool:
        """Whether there has been a viewer lately, as far as is known."""
        ...

    def in_turn(self) -> AbstractContextManager[None]:
        """Let other threads wait: what is computed inside is shown before anything newer is."""
        ...

    def show(self, state: Callable[[], Mapping[str, object]]) -> None:
        """Show the state that a function returns now."""

    def send(self, message: Mapping[str, object]) -> None:
        """Send a message to the browser once."""


class PanelView(Protocol):
    """A view that lives in a panel."""

    @property
    def panel(self) -> Panel:
        """The panel that it fills."""
        ...

    def receive(self, message: State) -> None:
        """Handle a message of the panel."""


FIRST_SCREEN = 0.5
"""Seconds that the HTML for a notebook without a kernel waits for what is being read."""


class PanelDisplayed(Displayed):
    """An object that is shown as a panel, and as HTML where the widget libraries are missing."""

    _view: PanelView | None = None
    _outlet: Outlet | None = None
    """Where it is shown, if not as a widget of a notebook."""
    _leads_to: tuple[str, ...] = ()
    """Its properties by which a notebook gets at other things that calls name."""

    @abstractmethod
    def _new_view(self) -> PanelView:
        """Return the view, which is made when the object is shown for the first time."""

    def _show_at(self, outlet: Outlet) -> None:
        """Show it somewhere else than in a notebook, where it was not shown yet."""
        self._outlet = outlet
        self._shown_view()

    @property
    def widget(self) -> Any:
        """The widget, to be put beside others.

        Raises:
            ConfigError: The widget libraries are not installed.
        """
        return self._shown_view().panel.widget

    def _shown_view(self) -> PanelView:
        if self._view is None:
            self._view = self._new_view()
        return self._view

    def _display_(self) -> Any:
        """Return the widget for marimo, which would otherwise show the HTML for a saved notebook."""
        return self.widget if available() else None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = self._shown_view().panel.mimebundle() if available() else {}
        return {**bundle, **super()._repr_mimebundle_()}


@cache
def _widget_class(scripts: tuple[str, ...]) -> type[anywidget.AnyWidget]:
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise ConfigError(f"the widgets need anywidget and ipywidgets: {INSTALL}") from error

    folder = files("brokerkit.widgets") / "static"
    own = scripts[-1].removesuffix(".js")

    sheets = [folder / name.replace(".js", ".css") for name in scripts]

    class PanelWidget(anywidget.AnyWidget):
        _esm = "".join((folder / name).read_text("utf-8") for name in scripts)
        _css = "".join(sheet.read_text("utf-8") for sheet in sheets if sheet.is_file())
        state = traitlets.Dict().tag(sync=True)

    # a style sheet belongs to the name of its class: a class of the same name would replace it
    PanelWidget.__name__ = PanelWidget.__qualname__ = f"PanelWidget_{own}"
    return PanelWidget


@cache
def module_text(name: str) -> str:
    """Return the source of a part of the front end that is sent when it is needed."""
    return (files("brokerkit.widgets") / "static" / name).read_text("utf-8")


def available() -> bool:
    """Return whether the widget libraries are installed."""
    try:
        _widget_class(("tail.js",))
    except ConfigError:
        return False
    return True
