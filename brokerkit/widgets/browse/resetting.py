"""Moving a subscription from its tab: a plan first, then the same with a confirmation, then receipts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.display.sanitize import plain
from brokerkit.display.subscriptions import plan_frame, receipts_frame

from ..call_text import call_text, variable_of
from ..confirming import needs_name, refusal_of
from ..editing import name_to_text
from ..protocol.topic_tabs import ResetLine, ResetShown
from .form import position

if TYPE_CHECKING:
    from brokerkit.core.vocabulary.subscriptions import ResetPlan

    from .model import BrowserModel

SHOWN_AT_ONCE = 200


@dataclass(frozen=True)
class Reset:
    """The plan of a reset, or its receipts.

    Attributes:
        topic: The topic.
        subscription: The subscription to move.
        to: Where to, as it was typed.
        position: The same, parsed.
        running: Whether it is being planned or carried out.
        plan: The plan; None before it is made.
        carried: Whether it is or was carried out.
        frame: The plan, or the receipts, as a frame.
        problem: Why there are none.
    """

    topic: str = ""
    subscription: str = ""
    to: str = ""
    position: Any = None
    running: bool = False
    plan: ResetPlan | None = None
    carried: bool = False
    frame: pd.DataFrame | None = None
    problem: str = ""

    @property
    def done(self) -> bool:
        """Whether these are receipts."""
        return self.carried and not self.running and self.frame is not None


class Resetting:
    """Resets of the subscriptions of a browser's topic."""

    def __init__(self, model: BrowserModel) -> None:
        self._model = model
        self._last = Reset()

    @property
    def shown(self) -> Reset:
        """The plan or the receipts of the chosen subscription."""
        chosen = self._model.facts.readers.chosen
        name = None if chosen is None else chosen.info.name
        mine = (self._last.topic, self._last.subscription) == (self._model.topic, name)
        return self._last if mine else Reset()

    @property
    def carrying(self) -> bool:
        """Whether a subscription is moved now."""
        return self._last.carried and self._last.running

    def plan(self, to: str) -> None:
        """Plan to move the chosen subscription; nothing is changed.

        Raises:
            ConfigError: No subscription is chosen, it is no position, or another reset is carried out now.
        """
        facts = self._model.facts
        chosen = facts.readers.chosen
        if facts.topic is None or chosen is None:
            raise ConfigError("choose a subscription first")
        if self.carrying:
            raise ConfigError(f"wait until {plain(self._last.subscription, 120)} is moved")
        if not to.strip():
            raise ConfigError("say where to move it: earliest, latest, -1h, a time or an offset")
        place = position(to.strip(), "Move to")
        begun = Reset(facts.topic, chosen.info.name, to.strip(), place, running=True)
        operating = self._model.session.connection.subscriptions()

        def make() -> Reset:
            plan = operating.plan_reset(begun.topic, begun.subscription, place)
            return replace(begun, plan=plan, frame=plan_frame(plan))

        self._begin(begun, make)

    def carry_out(self, confirm: str | None) -> None:
        """Carry out the plan that is shown: that one, whatever has been published since.

        Args:
            confirm: The name of the subscription as it was typed, on production.

        Raises:
            ConfigError: There is no plan, or the name is wrong.
        """
        shown = self.shown
        plan = shown.plan
        if plan is None or shown.carried or shown.running:
            raise ConfigError("look at the plan first")
        if needs_name(self._model.session) and confirm != shown.subscription:
            raise ConfigError(f"to move it, type its name: {name_to_text(shown.subscription)}")
        operating = self._model.session.connection.subscriptions()
        begun = replace(shown, running=True, carried=True)
        self._begin(begun, lambda: replace(begun, frame=receipts_frame(plan, operating.reset(plan))))

    def forget(self) -> None:
        """Drop a plan that is not of the chosen subscription; receipts are kept for it."""
        if not self._last.carried:
            self._last = self.shown

    def _begin(self, begun: Reset, make: Callable[[], Reset]) -> None:
        self._last = begun
        self._model.tell("reset")

        def run(cancellation: Cancellation) -> None:
            try:
                made = make()
            except (BrokerError, TimeoutError) as error:
                made = replace(begun, frame=None, problem=str(error) or "no answer in time")
            except Exception as error:  # the view must not wait for ever
                made = replace(begun, frame=None, problem=f"{type(error).__name__}: {error}")
            if self._last is begun:
                self._last = replace(made, running=False)
                self._model.tell("reset")
            if begun.carried:
                self._model.facts.lag.moved(begun.subscription)
                self._model.facts.load_chosen_again()

        self._model.run("reset", run)


def reset_view(model: BrowserModel, resetting: Resetting) -> ResetShown:
    """Return the texts for a plan or receipts."""
    reset = resetting.shown
    frame = reset.frame
    rows = [] if frame is None else frame.head(SHOWN_AT_ONCE).to_dict("records")
    notes = [] if frame is None else frame.attrs["brokerkit"]["notes"]
    return {
        "type": "reset",
        "subscription": plain(reset.subscription, 120),
        "typed": name_to_text(reset.subscription),
        "to": plain(reset.to, 120),
        "running": reset.running,
        "done": reset.done,
        "rows": [_line(row) for row in rows],
        "summary": "" if frame is None else _summary(frame, reset.done),
        "notes": [plain(str(each), 400) for each in notes],
        "problem": plain(reset.problem, 400),
        "refused": plain(refusal_of(model.session) or "", 200),
        "confirm": needs_name(model.session),
        "call": _call(model, reset),
    }


def _line(row: Mapping[Any, Any]) -> ResetLine:
    return {
        "partition": _text(row["partition"]),
        "before": _text(row["before"]),
        "after": _text(row["after"]),
        "lag": _counted(row["lag_after"]),
        "again": _difference(row["lag_after"], row["lag_before"]),
        "status": _text(row.get("status")),
        "error": plain(_text(row.get("error")), 300),
    }


def _summary(frame: pd.DataFrame, done: bool) -> str:
    if done and not frame["status"].eq("done").all():
        counts = frame["status"].value_counts()
        return ", ".join(f"{count:,} {status}" for status, count in counts.items())
    before, after = frame["lag_before"], frame["lag_after"]
    if before.isna().any() or after.isna().any():
        return ""
    difference = int(after.sum()) - int(before.sum())
    lag = f"the lag becomes {int(after.sum()):,}"
    if difference == 0:
        return "as many are left as before" if done else f"{lag}, as it was"
    moved = f"{abs(difference):,} {'are' if abs(difference) != 1 else 'is'}"
    changed = f"{moved} {'read again' if difference > 0 else 'skipped'}"
    # messages may have come in since the plan, so receipts do not tell the lag
    return changed if done else f"{changed}; {lag}"


def _call(model: BrowserModel, reset: Reset) -> str:
    if not reset.subscription:
        return ""
    name = f"{variable_of(model.session, 's')}.reset"
    last: dict[str, Any] = {"confirm": reset.subscription} if reset.done else {"dry_run": True}
    return call_text(name, reset.topic, reset.subscription, reset.position, **last)


def _text(value: Any) -> str:
    return "" if value is None or value is pd.NA or value != value else plain(str(value), 120)


def _counted(value: Any) -> str:
    text = _text(value)
    return f"{int(value):,}" if text else ""


def _difference(after: Any, before: Any) -> str:
    if not _text(after) or not _text(before):
        return ""
    return f"{int(after) - int(before):+,}"
