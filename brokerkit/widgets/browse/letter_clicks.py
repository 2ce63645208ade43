"""The clicks on dead letters, and on plans that change messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from brokerkit.core.vocabulary.errors import ConfigError

from ..confirming import check_confirmed
from ..editing import text_to_name
from ..protocol.letters import LettersBy
from .looking import Message, Shower, number_in
from .orders import Order

if TYPE_CHECKING:
    from .model import BrowserModel


class LetterClicks:
    """Actions with dead letters and changes. Messages of the view are no more to be trusted than payloads."""

    _model: BrowserModel
    _view: Shower

    def _on_letters(self, message: Message) -> None:
        query, session = self._model.query, self._model.session
        if query is None:
            raise ConfigError("choose a topic first")
        taking = bool(message.get("give_back")) and session.capabilities.slices == "never"
        if taking:
            check_confirmed(session, query.topic, _typed(message), "look with side effects")
        self._view.changing.outdate()
        self._model.letters.load(query, naming=str(message.get("naming", "")), give_back=taking)

    def _on_letters_by(self, message: Message) -> None:
        by: LettersBy | None = next((e for e in get_args(LettersBy) if e == message.get("by")), None)
        self._model.letters.group(by or "reason")

    def _on_letters_of(self, message: Message) -> None:
        self._model.letters.list(_place(message, "group"), number_in(message, "first"))

    def _on_choose_letters(self, message: Message) -> None:
        group, row = _place(message, "group"), _place(message, "row")
        generation, on = message.get("generation"), bool(message.get("on"))
        if self._model.letters.choose(generation, group=group, row=row, on=on):
            self._view.changing.outdate()

    def _on_letter(self, message: Message) -> None:
        self._model.letters.show(message.get("generation"), _place(message, "row"))

    def _on_edit_letter(self, message: Message) -> None:
        text: Any = message.get("text")
        edited = text if isinstance(text, str) else None
        if self._model.letters.edit(message.get("generation"), number_in(message, "row"), edited):
            self._view.changing.outdate()

    def _on_plan_change(self, message: Message) -> None:
        self._view.changing.plan(Order.of_message(self._model, message))

    def _on_carry_out_change(self, message: Message) -> None:
        again, number = bool(message.get("again")), message.get("number")
        self._view.changing.carry_out(_typed(message), number=number, again=again)

    def _on_stop_change(self, message: Message) -> None:
        self._view.changing.stop()

    def _on_forget_change(self, message: Message) -> None:
        self._view.changing.forget()


def _typed(message: Message) -> str | None:
    confirm = message.get("confirm")
    return text_to_name(confirm) if isinstance(confirm, str) else None


def _place(message: Message, name: str) -> int | None:
    return number_in(message, name) if isinstance(message.get(name), int) else None
