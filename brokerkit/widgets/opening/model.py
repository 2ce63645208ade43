"""The state of the first screen: what is listed, what is checked, and what is being opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, Cancelled, ConfigError
from brokerkit.core.vocabulary.secrets import Secret
from brokerkit.display.sanitize import plain
from brokerkit.saved import delete_connection, save_connection
from brokerkit.saved.recent import note_use
from brokerkit.session.diagnosis import Step, examine
from brokerkit.session.session import DataSession

from ..call_text import call_text
from ..latest_only_worker import LatestOnlyWorker
from ..protocol.opening import SavedLine
from .listed import saved_lines
from .typed import IMPORTS, TypedConnection

STEPS = ("address", "client library", "network", "connect", "list topics")
"""What is shown of the diagnosis."""


class Connect(Protocol):
    """The function that opens a session."""

    def __call__(self, target: Any, **options: Any) -> DataSession:
        """Return an open session."""
        ...


class OpeningModel:
    """The first screen, without a widget. Any thread may call it.

    Args:
        connect: Opens a session.
        opened: Called with each session, in the thread that opened it.

    Attributes:
        lines: The saved connections.
        steps: What the diagnosis found so far.
        checking: Whether it is at work.
        wrong: What is wrong with what is typed.
        opening: What is being opened; empty for nothing.
        saved: The name under which a connection was saved last.
        problem: Why something could not be opened, saved or listed.
        call: The call that opens what was typed or chosen last.
        code: The cell that does the same and opens the workbench.
        on_change: Called after each change.
    """

    def __init__(self, connect: Connect, opened: Callable[[DataSession], None]) -> None:
        self._connect, self._opened = connect, opened
        self.lines: list[SavedLine] = []
        self.steps: tuple[Step, ...] = ()
        self.checking = False
        self.wrong = self.opening = self.saved = self.problem = ""
        self.on_change: Callable[[], None] | None = None
        self._workers = {name: LatestOnlyWorker(f"{name} of the first screen") for name in ("check", "open")}
        self.call = self.code = ""
        self._show_call("bk.open")
        self.load()

    def load(self) -> None:
        """Load the saved connections."""
        try:
            self.lines = saved_lines()
        except ConfigError as error:
            self.problem = str(error)
        self._tell()

    # What is typed.

    def check(self, typed: TypedConnection, *, connecting: bool) -> None:
        """Try what is typed, step by step, in a thread.

        Args:
            typed: The form.
            connecting: Whether to sign in: a password that is half typed would be refused, and an account
                may be locked after some of these. Without a secret, it is connected always.
        """
        self.steps, self.wrong, self.saved = (), "", ""
        tried = typed if connecting else typed.without_sign_in()
        try:
            target, options = tried.target()
            self.call, self.code = typed.call(), typed.code()
        except ConfigError as error:
            self.wrong = str(error) if typed.servers else ""
            self.checking = False
            self._workers["check"].stop()
            return self._tell()
        self.checking = True

        def job(cancellation: Cancellation) -> None:
            def told(steps: list[Step]) -> None:
                cancellation.raise_if_cancelled()
                self.steps = tuple(step for step in steps if step.name in STEPS)
                self._tell()

            try:
                examine(
                    target,
                    options,
                    told,
                    connecting=connecting or not typed.signs_in,
                    signs_in=typed.signs_in,
                )
            except Cancelled:
                raise
            except Exception as error:
                # the screen would wait for ever
                self.wrong = _said(error)
            cancellation.raise_if_cancelled()
            self.checking = False
            self._tell()

        self._workers["check"].run(job)
        return self._tell()

    def save(self, typed: TypedConnection, name: str) -> None:
        """Save what is typed under a name."""
        self.problem = self.saved = ""
        try:
            url, where, options = typed.to_save()
            save_connection(name, url, secret=where, **options)  # type: ignore[arg-type]
        except BrokerError as error:
            return self._failed(error)
        self.saved = name
        return self.load()

    def delete(self, name: str) -> None:
        """Delete a saved connection, and what the keyring keeps for it."""
        self.problem = self.saved = ""
        self.call = call_text("bk.delete_connection", name)
        self.code = f"{IMPORTS}\n{self.call}"
        try:
            delete_connection(name)
        except BrokerError as error:
            return self._failed(error)
        return self.load()

    # Opening.

    def show(self, name: str) -> None:
        """Show the calls of a saved connection."""
        self._show_call("bk.connect", name)
        self._tell()

    def open_typed(self, typed: TypedConnection) -> None:
        """Open what is typed."""
        try:
            target, options = typed.target()
            self.call, self.code = typed.call(), typed.code()
        except ConfigError as error:
            return self._failed(error)
        return self._open("what is typed", target, options)

    def open_saved(self, name: str) -> None:
        """Open a saved connection, and note that it was used."""
        self._show_call("bk.connect", name)
        self._open(name, name, {}, used=name)

    def open_sandbox(self, name: str) -> None:
        """Start a private server with example data, and open it."""
        self._show_call("bk.connect", f"sandbox+{name}://", demo=True)
        self._open(f"a private server of {name}", f"sandbox+{name}://", {"demo": True})

    def _open(
        self, what: str, target: str | Secret, options: Mapping[str, Any], *, used: str | None = None
    ) -> None:
        if self.opening:
            return
        self.opening, self.problem = what, ""
        self._workers["check"].stop()

        def job(cancellation: Cancellation) -> None:
            try:
                session = self._connect(target, **options)
            except Exception as error:
                # the screen would wait for ever
                self.opening = ""
                return self._failed(error)
            if used is not None:
                self._note_use(used)
            self.opening = ""
            return self._opened(session)

        self._workers["open"].run(job)
        self._tell()

    def _note_use(self, name: str) -> None:
        try:
            note_use(name)
        except BrokerError as error:
            # it is open; only its place in the list is that of before
            self.problem = plain(str(error), 600)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being checked or opened; return whether that is so."""
        return all(worker.wait(timeout) for worker in self._workers.values())

    def stop(self, why: str = "it was closed") -> None:
        """Stop checking."""
        self._workers["check"].stop()

    def _show_call(self, function: str, *arguments: str, **options: Any) -> None:
        assigned = "" if function == "bk.open" else "s = "
        self.call = assigned + call_text(function, *arguments, **options)
        self.code = "\n".join([IMPORTS, self.call, *(["s.browse()"] if assigned else [])])

    def _failed(self, error: BaseException) -> None:
        self.problem = _said(error)
        self._tell()

    def _tell(self) -> None:
        if self.on_change is not None:
            self.on_change()


def _said(error: BaseException) -> str:
    """Return an error as the screen shows it; one that is not of a broker bears its kind."""
    text = str(error) or "no answer in time"
    known = isinstance(error, (BrokerError, TimeoutError))
    return plain(text if known else f"{type(error).__name__}: {text}", 600)
