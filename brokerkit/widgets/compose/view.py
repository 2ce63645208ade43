"""The view of a composer in a panel: the message as text fields, and what the user types and clicks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from brokerkit.core.vocabulary.attribute_bytes import pair_of, parts_of
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.display.sanitize import plain

from ..confirming import needs_name, refusal_of
from ..editing import name_to_text, text_to_name, to_bytes, to_text
from ..indenting import indented
from ..latest_only_worker import LatestOnlyWorker
from ..panel import Channel, Outlet, Panel, module_text
from ..protocol.compose import ComposeState, Mark, TypedHeader
from ..row_view import bytes_text, size_text
from .bulk.clicks import BulkClicks
from .bulk.view import bulk_shown
from .calls import composer_call
from .known_fields import known_fields
from .marks import marks_of
from .model import ComposerModel

EDITABLE_BYTES = 200_000
"""A longer value is not put into the text field; it is still sent whole."""
RECEIPTS = 50
FIELDS = ("key", "value", "attributes")
"""What is typed."""


class ComposerView:
    """A view of a `ComposerModel` in a channel."""

    def __init__(self, model: ComposerModel, channel: Channel) -> None:
        self._model = model
        self.channel = channel
        self._bulk = BulkClicks(model, channel.send)
        self._refused: dict[str, Any] = {}
        self._fields = LatestOnlyWorker("fields of a composer")
        model.on_change.append(self.show)

    def show(self) -> None:
        """Show the state."""
        self.channel.show(partial(state_of, self._model))

    def _send_fields(self, cancellation: Cancellation) -> None:
        """Send the fields that a value may have, from a thread: the broker may not answer for long."""
        fields = known_fields(self._model)
        if not cancellation.cancelled:
            self.channel.send({"type": "fields_known", "fields": fields})

    def close(self) -> None:
        """Follow the model no more."""
        self._fields.stop()
        if self.show in self._model.on_change:
            self._model.on_change.remove(self.show)

    def receive(self, message: Mapping[str, Any]) -> None:
        """Handle a message of the view about what the user typed or clicked. Errors are shown."""
        try:
            self._act(message)
        except (BrokerError, TypeError, ValueError) as error:
            self._model.said = plain(f"{type(error).__name__}: {error}", 400)
            self.show()

    def _act(self, message: Mapping[str, Any]) -> None:
        model, kind = self._model, message["type"]
        if self._bulk.act(message):
            self.show()
        elif kind == "edit":
            self._edit(message)
        elif kind == "topic":
            model.publish_to(model.to, text_to_name(str(message["text"])))
        elif kind == "to":
            model.publish_to(model.sessions[int(message["index"])], model.topic)
        elif kind == "row":
            model.show_row(int(message["row"]))
        elif kind == "dry run":
            model.plan = [planned(line) for line in model.dry_run().head(RECEIPTS).to_dict("records")]
            model.said = f"dry run: nothing was sent; {len(model):,} to {plain(model.topic, 80)}"
            self.show()
        elif kind == "send":
            confirm = message.get("confirm")
            model.send(confirm=text_to_name(confirm) if isinstance(confirm, str) else None)
        elif kind == "module":
            self.channel.send({"type": "module", "text": module_text("editor.js")})
        elif kind == "format":
            self._format()
        elif kind == "fields":
            self._fields.run(self._send_fields)
        elif kind == "hello":
            self.show()

    def _format(self) -> None:
        """Give each member of a JSON value a line; numbers and texts stay as they are."""
        model, item = self._model, self._model.item
        data = None if isinstance(item, BrokerError) else item.data
        mode, text = to_text(data) if model.text is None else ("text", model.text)
        made = indented(text, EDITABLE_BYTES) if mode == "text" else None
        if made is None:
            raise ConfigError("the value is no JSON object or array that can be formatted")
        if model.text is None:
            model.edit(data=made.encode())
        else:
            model.edit_text(made)

    def _edit(self, message: Mapping[str, Any]) -> None:
        if self._model.typed_wrong is not None:
            # what was typed beside something wrong was not taken, and stays in sight
            message = {**self._refused, **message}
        try:
            changes: dict[str, Any] = {}
            if "value" in message:
                data = to_bytes(*message["value"])
                if data is None or self._model.text is None:
                    changes["data"] = data
                else:
                    self._model.edit_text(data.decode())
            if "key" in message:
                changes["key"] = to_bytes(*message["key"])
            if "attributes" in message:
                changes["attributes"] = [
                    pair_of(text_to_name(str(name)), None if kind == "null" else to_bytes(mode, text), kind)
                    for name, mode, text, kind in message["attributes"]
                ]
            if changes:
                self._model.edit(**changes)
        except (BrokerError, TypeError, ValueError, KeyError) as error:
            self._refused = {name: message[name] for name in FIELDS if name in message}
            self._model.refuse_typed(plain(f"not sent as it is typed: {error}", 300))


class ComposerPanel(ComposerView):
    """A view of a `ComposerModel` in a panel of its own."""

    def __init__(self, model: ComposerModel, outlet: Outlet | None = None) -> None:
        self.panel = Panel(["compose.js"], state_of(model), self.receive, outlet)
        super().__init__(model, self.panel)


def state_of(model: ComposerModel) -> ComposeState:
    """Return the state of a composer as its view shows it."""
    item = model.item
    message = OutboundMessage(b"") if isinstance(item, BrokerError) else item
    problems = model.problems()
    text = model.text
    shown = message.data if text is None else text.encode()
    large = len(shown or b"") > EDITABLE_BYTES
    refused = refusal_of(model.to)
    receipts = [] if model.outcome is None else model.outcome.head(RECEIPTS).fillna("").to_dict("records")
    return {
        "topic": name_to_text(model.topic),
        "sessions": [plain(each.name, 80) for each in model.sessions],
        "marks": model.to.marks,
        "to": next(index for index, each in enumerate(model.sessions) if each is model.to),
        "count": len(model),
        "row": model.row,
        "key": to_text(message.key, one_line=True),
        "value": ("text", "") if large else to_text(shown),
        "large": f"{size_text(len(message.data or b''))} are too long to edit here: set value in code"
        if large
        else "",
        "size": size_text(None if message.data is None else len(message.data)),
        "attributes": [_attribute(pair) for pair in message.attributes],
        "types": sorted(model.to.capabilities.attribute_types),
        "typed_wrong": model.typed_wrong is not None,
        "problems": [(level, text) for level, text in problems],
        "placed": [] if large else _placed(model, shown),
        "checked": "" if problems else verdict_of(model),
        "schema": model.schema is not None,
        "refused": refused or "",
        "confirm": needs_name(model.to),
        "effect": f"Sending adds {_count(model)} to "
        f"{plain(model.topic, 80)} on {plain(model.to.name, 80)}; this cannot be taken back.",
        "unsent": model.unsent or model.bulk.unsent,
        "sent": model.sent,
        "said": model.said,
        "plan": model.plan,
        "receipts": [
            {str(name): plain(str(value), 200) for name, value in line.items()} for line in receipts
        ],
        "call": composer_call(model),
        "bulk": bulk_shown(model) if model.many else None,
    }


def verdict_of(model: ComposerModel) -> str:
    """Return what is said of messages in which no problem was found."""
    if model.sent:
        return "all of it was sent"
    return "ready to send" if refusal_of(model.to) is None else "nothing wrong was found in it"


def _placed(model: ComposerModel, shown: bytes | None) -> list[Mark]:
    """Return where in the text of the value its problems are."""
    mode, text = to_text(shown)
    json = model.json is not False and (model.json or text.lstrip()[:1] in ("{", "["))
    broken = model.checks.broken(text) if mode == "text" else []
    return marks_of(text, broken, json=mode == "text" and (json or bool(broken)))


def _count(model: ComposerModel) -> str:
    count = model.bulk.now.left if model.many else len(model)
    return f"{count:,} message{'' if count == 1 else 's'}"


def _attribute(pair: Any) -> TypedHeader:
    name, data, kind = parts_of(pair)
    mode, text = to_text(data, one_line=True)
    return name_to_text(name), mode, text, kind


def planned(line: Mapping[Any, Any]) -> dict[str, str]:
    """Return a line of a dry run as short texts; bytes that are not text are escaped."""
    return {name: plain(_plain_value(value), 240) for name, value in line.items()}


def _plain_value(value: Any) -> str:
    if value is None or value != value:
        return "none"
    if isinstance(value, bytes):
        return bytes_text(value[:2_000])
    if isinstance(value, list):
        return ", ".join(
            f"{name}={bytes_text(one) if isinstance(one, bytes) else one}" for name, one in value
        )
    return str(value)
