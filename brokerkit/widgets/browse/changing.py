"""Changing messages from the workbench: a plan, the same with a confirmation, receipts, and going on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING

import pandas as pd

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotSupported
from brokerkit.core.vocabulary.freed import freed
from brokerkit.display.progress import counted_by
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.session.interrupted import Interrupted

from ..editing import name_to_text
from .orders import Order, keys_of

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

    from .model import BrowserModel

TOLD_SECONDS = 0.1
WORKER = "change"


@dataclass(frozen=True)
class Change:
    """The plan of a change, or its receipts.

    Attributes:
        number: The number of the plan.
        topic: The topic of the browser when it was planned.
        order: What is changed.
        running: Whether it is being planned or carried out.
        carried: Whether it is or was carried out.
        plan: The plan; None before it is made.
        counts: How many messages each topic of the plan has, as far as they are known.
        notes: What should be known before it is carried out.
        kept: Whether the originals stay in a log, and are remembered as sent again.
        receipts: The receipts of all messages that were tried; None before.
        done: How many were tried by the run that is going on.
        began: When the last run began.
        seconds: How long it took.
        problem: Why there is no plan, or why it ended early.
    """

    number: int
    topic: str
    order: Order
    running: bool = False
    carried: bool = False
    plan: pd.DataFrame | None = None
    counts: tuple[tuple[str, int | None], ...] = ()
    notes: tuple[str, ...] = ()
    kept: bool = False
    receipts: pd.DataFrame | None = None
    done: int = 0
    began: datetime | None = None
    seconds: float = 0.0
    problem: str = ""

    @property
    def finished(self) -> bool:
        """Whether these are receipts."""
        return self.carried and not self.running

    @property
    def left(self) -> int:
        """How many messages are left to be tried again."""
        if self.receipts is None:
            return len(self.order.frame) if self.finished else 0
        if self.order.verb != "send":
            return len(self.order.rest(self.receipts))
        return len(self.order.frame) - sum(self.order.settled(self.receipts))


class Changing:
    """Changes of the messages of a browser, one at a time. Any thread may call it."""

    def __init__(self, model: BrowserModel) -> None:
        self._model = model
        self._last: Change | None = None
        self._lock = RLock()
        self._numbers = count(1)

    @property
    def shown(self) -> Change | None:
        """The plan or the receipts of the topic that is shown; a plan of letters ends with their reading."""
        last = self._last
        if last is None or last.topic != self._model.topic:
            return None
        letters = last.order.letters
        if letters is None or last.carried or letters.reading == self._model.letters.found.reading:
            return last
        return None

    @property
    def target(self) -> DataSession:
        """The session that the change of the topic that is shown goes to, or that of the browser."""
        shown = self.shown
        return self._model.session if shown is None else shown.order.target

    @property
    def carrying(self) -> bool:
        """Whether a change is carried out now, of any topic."""
        last = self._last
        return last is not None and last.carried and last.running

    def plan(self, order: Order) -> None:
        """Plan a change; nothing is changed.

        Raises:
            ConfigError: Another one is carried out now.
        """
        topic = self._model.topic
        assert topic is not None
        with freed(self._lock), self._lock:
            last = self._last
            if last is not None and self.carrying:
                raise ConfigError(f"wait until {len(last.order.frame):,} messages are done, or stop it")
            begun = Change(next(self._numbers), topic, order, running=order.asked)
            self._last = begun
        if not order.asked:
            return self._model.tell("change")

        def make(cancellation: Cancellation) -> Change:
            plan = order.planned()
            notes, kept = _notes(order, plan)
            counts = tuple(self._counts(order, plan))
            return replace(begun, plan=plan, counts=counts, notes=notes, kept=kept)

        return self._begin(begun, make)

    def carry_out(self, confirm: str | None, *, number: object, again: bool) -> None:
        """Carry out the plan that is shown, or `again` what is left of it.

        Args:
            confirm: The name of the topic as it was typed, where it is asked for.
            number: The number of the plan that was looked at.
            again: Whether it was carried out before.

        Raises:
            ConfigError: There is no such plan, it is carried out already, or the name is wrong.
            NotSupported: The session may change nothing.
        """
        with freed(self._lock), self._lock:
            begun = self._last = self._confirmed(confirm, number=number, again=again)
        order = begun.order

        def make(cancellation: Cancellation) -> Change:
            before = time.monotonic()
            made: pd.DataFrame | None = None
            stopped = ""
            try:
                with counted_by(self._counter(begun, cancellation)):
                    made = order.carried_out(begun.receipts)
            except KeyboardInterrupt as stop:
                made = stop.frame if isinstance(stop, Interrupted) else None
                stopped = "it was stopped; what was not tried is as it was"
            told = {} if made is None else made.attrs.get("brokerkit") or {}
            said = stopped or told.get("stopped", "")
            seconds = time.monotonic() - before
            receipts = _together(begun.receipts, made, order)
            return replace(begun, receipts=receipts, seconds=seconds, problem=str(said or ""))

        self._begin(begun, make)

    def stop(self) -> None:
        """Stop what is carried out after the part that is on its way."""
        self._model.stop_reading(WORKER)

    def outdate(self) -> None:
        """Put away a plan of dead letters, because others are chosen or one is edited."""
        last = self._last
        if last is not None and last.order.of == "letters" and not last.carried:
            self.forget()

    def forget(self) -> None:
        """Put the plan or the receipts away; what is carried out now stays."""
        with freed(self._lock), self._lock:
            if self._last is None or self.carrying:
                return
            self._last = None
        self._model.tell("change")

    def _confirmed(self, confirm: str | None, *, number: object, again: bool) -> Change:
        """Return the plan that is shown as it is carried out; see `carry_out`."""
        shown = self.shown
        if shown is None or shown.running or shown.carried is not again or (shown.plan is None and not again):
            raise ConfigError("look at the plan first")
        if number != shown.number:
            raise ConfigError("another plan was made meanwhile: look at it first")
        order = shown.order
        if order.refused:
            raise NotSupported(order.refused)
        if order.needs_name and confirm != order.confirmed_by:
            raise ConfigError(
                f"to {order.verb} messages, type the topic's name: {name_to_text(order.confirmed_by)}"
            )
        return replace(shown, running=True, carried=True, done=0, began=datetime.now(UTC), problem="")

    def _counts(self, order: Order, plan: pd.DataFrame) -> list[tuple[str, int | None]]:
        """Return how many messages the topics have that others are sent to."""
        if order.verb == "delete":
            return []
        names = [order.to] if order.verb == "send" else list(plan["target"].dropna().unique())
        found: list[tuple[str, int | None]] = []
        for name in map(str, names[:5]):
            try:
                described = order.target.inspector.describe(name)
            except (BrokerError, TimeoutError):
                found.append((name, None))
                continue
            found.append((name, described.messages if described.counted == "exact" else None))
        return found

    def _counter(self, begun: Change, cancellation: Cancellation) -> Callable[[int], None]:
        told, done = time.monotonic(), 0

        def add(more: int) -> None:
            nonlocal told, done
            done += more
            # between two parts nothing is on its way
            if cancellation.cancelled:
                raise KeyboardInterrupt
            now = time.monotonic()
            if now - told > TOLD_SECONDS and self._put(begun, replace(begun, done=done)):
                told = now
                self._model.tell("change")

        return add

    def _put(self, begun: Change, made: Change) -> bool:
        """Show what became of a change; return False where another one was begun since."""
        with freed(self._lock), self._lock:
            last = self._last
            if last is None or last.order is not begun.order:
                return False
            self._last = made
            return True

    def _begin(self, begun: Change, make: Callable[[Cancellation], Change]) -> None:
        self._model.tell("change")

        def run(cancellation: Cancellation) -> None:
            try:
                made = make(cancellation)
            except (BrokerError, TimeoutError) as error:
                made = replace(begun, problem=str(error) or "no answer in time")
            except Exception as error:  # the view must not wait for ever
                made = replace(begun, problem=f"{type(error).__name__}: {error}")
            if self._put(begun, replace(made, running=False)):
                self._model.tell("change")
            if begun.carried:
                self._read_again(begun)

        self._model.run(WORKER, run)

    def _read_again(self, change: Change) -> None:
        """Show the messages and their counts as they are now."""
        model, query = self._model, self._model.query
        model.refresh()
        if query is None or query.topic != change.topic:
            return
        if change.order.of == "letters":
            model.letters.load(query)
        elif change.order.verb != "send" and query.side_effects is None:
            model.ask_without_effect(query)


def _notes(order: Order, plan: pd.DataFrame) -> tuple[tuple[str, ...], bool]:
    """Return what should be known before a plan is carried out, and whether the originals stay in a log."""
    known = plan.attrs.get("brokerkit") or {}
    notes, kept = [*known.get("notes", ()), *known.get("placing", {}).get("notes", ())], False
    if order.verb in ("redrive", "move"):
        connected = order.session.connection.dead_letters()
        places = [connected.place(str(name)) for name in plan["source"].dropna().unique()]
        notes += [each.caution for each in places if each.caution is not None]
        kept = any(each.removal == "position" for each in places)
    return tuple(map(str, notes)), kept


def _together(earlier: pd.DataFrame | None, made: pd.DataFrame | None, order: Order) -> pd.DataFrame | None:
    """Return the newest receipt of each message."""
    if made is None or earlier is None or order.verb == "send":
        return earlier if made is None else made
    new = set(keys_of(made))
    kept = earlier[[key not in new for key in keys_of(earlier)]]
    both = pd.concat([pd.DataFrame(kept), pd.DataFrame(made)], ignore_index=True)
    return OutcomeFrame(both) if isinstance(made, OutcomeFrame) else both
