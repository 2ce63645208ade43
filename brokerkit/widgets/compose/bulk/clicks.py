"""What the user drops, chooses and clicks for many messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.display.sanitize import plain

from ...editing import text_to_name
from .model import BulkModel
from .view import HEADER_WORDS, SUBJECT, frame_named, roles_for, saved_bad

if TYPE_CHECKING:
    from ..model import ComposerModel


class BulkClicks:
    """What the user drops, chooses and clicks; `say` sends a message to the view."""

    def __init__(self, model: ComposerModel, say: Any) -> None:
        self._model = model
        self._say = say

    def act(self, message: Mapping[str, Any]) -> bool:
        """Handle a message, if it is one about many messages; errors are raised."""
        kind, model = str(message["type"]), self._model
        if kind == "mode":
            model.write_many(message["many"] is True)
        elif not kind.startswith("bulk "):
            return False
        else:
            self._act(kind, message, model.bulk)
        return True

    def _act(self, kind: str, message: Mapping[str, Any], bulk: BulkModel) -> None:
        if kind == "bulk file":
            number = int(message["number"])
            try:
                bulk.begin_upload(number, str(message["name"]), int(message["size"]))
            except BrokerError:
                self._received(number, -1)
                raise
            self._received(number, 0)
        elif kind == "bulk part":
            number = int(message["number"])
            try:
                at = bulk.add_part(number, int(message["at"]), str(message["data"]))
            except BrokerError:
                self._received(number, -1)
                raise
            self._received(number, at)
        elif kind == "bulk frame":
            bulk.take(frame_named(str(message["name"])))
        elif kind == "bulk set":
            self._choose(message, bulk)
        elif kind == "bulk row":
            bulk.show_row(int(message["row"]))
        elif kind == "bulk dry run":
            bulk.try_dry()
        elif kind == "bulk send":
            confirm = message.get("confirm")
            named = text_to_name(confirm) if isinstance(confirm, str) else None
            bulk.send(confirm=named, again=message["again"] is True)
        elif kind == "bulk stop":
            bulk.stop()
        elif kind == "bulk forget":
            bulk.forget()
        elif kind == "bulk cancel":
            bulk.cancel_upload()
        elif kind == "bulk save bad":
            now = bulk.now
            if now.checked is not None:
                self._say(saved_bad(now.checked.rows, now.checked.wrong))

    def _choose(self, message: Mapping[str, Any], bulk: BulkModel) -> None:
        if "column" in message:
            changes = {name: message[name] for name in ("role", "kind", "name") if name in message}
            bulk.choose(int(message["column"]), roles_for(self._model), **changes)
        options: dict[str, Any] = {}
        if "delimiter" in message:
            options["delimiter"] = str(message["delimiter"]) or None
        if "header" in message:
            options["header"] = next(
                value for value, word in HEADER_WORDS.items() if word == message["header"]
            )
        if options:
            bulk.read_again(roles_for(self._model), **options)
        if "rate" in message:
            text = str(message["rate"]).strip()
            try:
                rate = float(text.replace(",", ".")) if text else None
            except ValueError as error:
                raise ConfigError(f"{text!r:.40} is no number of messages a second") from error
            bulk.set_rate(rate)
        if "journal" in message:
            bulk.set_journal(str(message["journal"]))
        if "subject" in message:
            self._choose_schema(str(message["subject"]), message.get("version"), bulk)

    def _choose_schema(self, shown: str, version: object, bulk: BulkModel) -> None:
        subject = next((each for each in bulk.now.offered.subjects if plain(each, SUBJECT) == shown), "")
        if shown and not subject:
            raise ConfigError(f"the registry has no subject {shown!r:.80}")
        number = version if isinstance(version, int) and version in bulk.now.versions else None
        bulk.choose_schema(subject, number)

    def _received(self, number: int, at: int) -> None:
        self._say({"type": "bulk received", "number": number, "at": at})
