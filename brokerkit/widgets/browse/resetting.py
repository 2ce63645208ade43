"""Moving a subscription from its tab: a plan first, then the same with a confirmation, then receipts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.display.sanitize import plain

from ..call_text import call_text, variable_of
from ..confirming import needs_name, refusal_of
from ..protocol.topic_tabs import ResetLine, ResetShown
from .form import position

if TYPE_CHECKING:
    from .model import BrowserModel

SHOWN_AT_ONCE = 200


@dataclass(frozen=True)
class Reset:
    """The plan of a reset, or its receipts.

    Attributes:
        topic: The topic.
        subscription: The subscription to move.
        to: Where to, as it was typed.
        running: Whether it is being planned or carried out.
        frame: The plan, or the receipts.
        done: Whether these are receipts.
        problem: Why there are none.
    """

    topic: str = ""
    subscription: str = ""
    to: str = ""
    running: bool = False
    frame: pd.DataFrame | None = None
    done: bool = False
    problem: str = ""


class Resetting:
    """Resets of the subscriptions of a browser's topic."""

    def __init__(self, model: BrowserModel) -> None:
        self._model = model
        self.shown = Reset()

    def plan(self, to: str) -> None:
        """Plan to move the chosen subscription; nothing is changed.

        Raises:
            ConfigError: No subscription is chosen, or it is no position.
        """
        facts = self._model.facts
        chosen = facts.readers.chosen
        if facts.topic is None or chosen is None:
            raise ConfigError("choose a subscription first")
        if not to.strip():
            raise ConfigError("say where to move it: earliest, latest, -1h, a time or an offset")
        self._begin(Reset(facts.topic, chosen.info.name, to.strip(), running=True), confirm=None)

    def carry_out(self, confirm: str | None) -> None:
        """Carry out the plan that is shown.

        Args:
            confirm: The name of the subscription as it was typed, on production.

        Raises:
            ConfigError: There is no plan, or the name is wrong.
        """
        plan = self.shown
        if plan.frame is None or plan.done or plan.running:
            raise ConfigError("look at the plan first")
        if needs_name(self._model.session) and confirm != plan.subscription:
            raise ConfigError(f"to move it, type its name: {plain(plan.subscription, 120)}")
        self._begin(replace(plan, running=True), confirm=plan.subscription)

    def forget(self) -> None:
        """Drop a plan that is not of the chosen subscription."""
        chosen = self._model.facts.readers.chosen
        name = None if chosen is None else chosen.info.name
        if (self.shown.topic, self.shown.subscription) != (self._model.topic, name):
            self.shown = Reset()

    def _begin(self, begun: Reset, confirm: str | None) -> None:
        self.shown = begun
        self._model.tell("reset")

        def run(cancellation: Cancellation) -> None:
            done = replace(begun, running=False, done=confirm is not None)
            try:
                made = self._model.session.reset(
                    begun.topic,
                    begun.subscription,
                    position(begun.to, "Move to"),
                    dry_run=confirm is None,
                    confirm=confirm,
                )
                done = replace(done, frame=made)
            except (BrokerError, TimeoutError) as error:
                done = replace(done, frame=None, done=False, problem=str(error) or "no answer in time")
            if self.shown is begun:
                self.shown = done
                self._model.tell("reset")
            if done.done:
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
    before, after = frame["lag_before"], frame["lag_after"]
    if before.isna().any() or after.isna().any():
        return ""
    difference = int(after.sum()) - int(before.sum())
    lag = f"the lag {'is' if done else 'becomes'} {int(after.sum()):,}"
    if difference == 0:
        return f"{lag}, as it was"
    moved = f"{abs(difference):,} {'are' if abs(difference) != 1 else 'is'}"
    return f"{moved} {'read again' if difference > 0 else 'skipped'}; {lag}"


def _call(model: BrowserModel, reset: Reset) -> str:
    if not reset.subscription:
        return ""
    name = f"{variable_of(model.session, 's')}.reset"
    to = position(reset.to, "Move to")
    last: dict[str, Any] = {"confirm": reset.subscription} if reset.done else {"dry_run": True}
    return call_text(name, reset.topic, reset.subscription, to, **last)


def _text(value: Any) -> str:
    return "" if value is None or value is pd.NA or value != value else plain(str(value), 120)


def _counted(value: Any) -> str:
    text = _text(value)
    return f"{int(value):,}" if text else ""


def _difference(after: Any, before: Any) -> str:
    if not _text(after) or not _text(before):
        return ""
    return f"{int(after) - int(before):+,}"
