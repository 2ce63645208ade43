"""The clicks that do something with rows or with a subscription: copy, export, compose, follow, reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from ..editing import text_to_name
from ..protocol.browse import Kept
from ..protocol.companions import Which
from ..protocol.exports import CopiedRows, CopyForm
from . import export
from .calls import message_call
from .compare import compared_view
from .copied_rows import copied_rows
from .looking import Message, Shower

if TYPE_CHECKING:
    from .model import BrowserModel


class ActionClicks:
    """Actions with rows and subscriptions. Messages of the view are no more to be trusted than payloads."""

    _model: BrowserModel
    _view: Shower

    def _on_copy(self, message: Message) -> None:
        shown = self._model.rows.message
        if shown is not None:
            text = shown.copied()
            self._view.send({"type": "copied", "text": text, "call": message_call(self._model)})

    def _on_compare(self, message: Message) -> None:
        self._view.send({"type": "compared", "rows": compared_view(self._model.compared())})

    def _on_copy_rows(self, message: Message) -> None:
        form: CopyForm | None = next((e for e in get_args(CopyForm) if e == message.get("form")), None)
        shown: CopiedRows = {"type": "copied_rows", "text": copied_rows(self._model, form or "json")}
        self._view.send(shown)

    def _on_export(self, message: Message) -> None:
        export.begin(self._model, message, self._view.send)

    def _on_plan_reset(self, message: Message) -> None:
        self._view.resetting.plan(str(message.get("to", "")))

    def _on_carry_out_reset(self, message: Message) -> None:
        confirm = message.get("confirm")
        self._view.resetting.carry_out(text_to_name(confirm) if isinstance(confirm, str) else None)

    def _on_compose(self, message: Message) -> None:
        what: Kept = "new" if message.get("what") == "new" else "edit"
        if not message.get("replace") and self._model.companions.keep(what):
            return self._view.show()
        self._model.compose(new=what == "new")

    def _on_companion(self, message: Message) -> None:
        self._view.pass_on(message.get("which"), message.get("number"), message.get("message"))

    def _on_follow(self, message: Message) -> None:
        self._model.follow()

    def _on_put_away(self, message: Message) -> None:
        which: Which = "live" if message.get("which") == "live" else "compose"
        if which == "compose" and not message.get("replace") and self._model.companions.keep("close"):
            return self._view.show()
        self._model.put_away(which)
