"""The clicks on the list of topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .looking import Looking, Message, Shower, number_in
from .query import Query
from .topics import Finding

if TYPE_CHECKING:
    from .model import BrowserModel

BACKLOGS = 40
"""The backlogs of so many topics are loaded at once."""


class TopicClicks:
    """Actions with topics. Messages of the view are no more to be trusted than payloads."""

    _model: BrowserModel
    _view: Shower
    _looking: Looking

    def _on_topics(self, message: Message) -> None:
        look, topics = self._looking, self._model.topics
        finding = Finding.of(message)
        if finding.text != Finding.of(look.find).text:
            look.branches.forget_closed()
        look.find = message
        self._view.show("topics")
        if message.get("backlogs"):
            first = number_in(message, "first")
            shown = topics.lines(finding, look.branches)[first : first + BACKLOGS]
            self._model.facts.load_backlogs([topics.name(each.number) for each in shown if not each.branch])

    def _on_branch(self, message: Message) -> None:
        topics, number, length = self._model.topics, number_in(message, "n"), number_in(message, "branch")
        if message.get("generation") == topics.generation and number < len(topics) and length:
            self._looking.branches.turn(topics.name(number)[:length], on=bool(message.get("open")))
            self._view.show("topics")

    def _on_topic(self, message: Message) -> None:
        topics, number = self._model.topics, number_in(message, "n")
        if message.get("generation") == topics.generation and number < len(topics):
            before = self._model.query
            kept = {} if before is None else {"limit": before.limit, "decode": before.decode}
            self._model.ask(Query(topics.name(number), **kept))
