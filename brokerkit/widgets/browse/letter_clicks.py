"""The clicks on dead letters, and on plans that change messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from brokerkit.core.vocabulary.errors import ConfigError

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
        topic = self._model.topic
        if topic is None:
            raise ConfigError("choose a topic first")
        self._view.changing.outdate()
        taking = bool(message.get("give_back")) and self._model.session.capabilities.slices == "never"
        self._model.letters.load(topic, naming=str(message.get("naming", "")), give_back=taking)

    def _on_letters_by(self, message: Message) -> None:
        by: LettersBy | None = next((e for e in get_args(LettersBy) if e == message.get("by")), None)
        self._model.letters.group(by or "reason")

    def _on_letters_of(self, message: Message) -> None:
        self._model.letters.list(_place(message, "group"), number_in(message, "first"))

    def _on_choose_letters(self, message: Message) -> None:
        group, row = _place(message, "group"), _place(message, "row")
        self._view.changing.outdate()
        self._model.letters.choose(group=group, row=row, on=bool(message.get("on")))

    def _on_letter(self, message: Message) -> None:
        self._model.letters.show(_place(message, "row"))

    def _on_edit_letter(self, message: Message) -> None:
        text: Any = message.get("text")
        self._view.changing.outdate()
        self._model.letters.edit(number_in(message, "row"), text if isinstance(text, str) else None)

    def _on_plan_change(self, message: Message) -> None:
        self._view.changing.plan(Order.of_message(self._model, message))

    def _on_carry_out_change(self, message: Message) -> None:
        confirm = message.get("confirm")
        typed = text_to_name(confirm) if isinstance(confirm, str) else None
        self._view.changing.carry_out(typed, again=bool(message.get("again")))

    def _on_stop_change(self, message: Message) -> None:
        self._view.changing.stop()

    def _on_forget_change(self, message: Message) -> None:
        self._view.changing.forget()


def _place(message: Message, name: str) -> int | None:
    return number_in(message, name) if isinstance(message.get(name), int) else None
