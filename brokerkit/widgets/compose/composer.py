"""The widget to write, check and send messages: ``s.compose("orders")``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.display.markup import block, bullets, heading, lines, pairs
from brokerkit.display.sanitize import plain
from brokerkit.frames.attributes import pair_of, parts_of

from ..confirming import needs_name, refusal_of
from ..editing import name_to_text, text_to_name, to_bytes, to_text
from ..panel import Panel, PanelDisplayed
from ..row_view import bytes_text, size_text
from .model import Composition

EDITABLE_BYTES = 200_000
"""A longer value is not put into the text field; it is still sent whole."""
RECEIPTS = 50


class Composer(Composition, PanelDisplayed):
    """A widget with one message, or those of a frame or file, to check and send. Made by `Session.compose`.

    `value`, `key`, `attributes`, `topic`, `to`, `row`, `json` and `schema` may be set. `dry_run` shows
    exactly what would be sent, `send` sends it, and `outcome` has the receipts.

    Messages that were read keep their partition and time as in `publish_frame`, with the same `partitions`
    and `times`. `partition` and `publish_time` (a datetime or ISO text) are for a message that starts with
    `value`.
    """

    # Messages from the browser.

    def receive(self, message: Mapping[str, Any]) -> None:
        """Handle a message of the view about what the user typed or clicked. Errors are shown."""
        try:
            self._act(message)
        except (BrokerError, TypeError, ValueError) as error:
            self._said = plain(f"{type(error).__name__}: {error}", 400)
            self._show()

    def _act(self, message: Mapping[str, Any]) -> None:
        kind = message["type"]
        if kind == "edit":
            self._edit(message)
        elif kind == "topic":
            self.topic = text_to_name(str(message["text"]))
        elif kind == "to":
            self.to = self._sessions[int(message["index"])]
        elif kind == "row":
            self.row = int(message["row"])
        elif kind == "dry run":
            self._plan = [_planned(line) for line in self.dry_run().head(RECEIPTS).to_dict("records")]
            self._said = f"dry run: nothing was sent; {len(self):,} to {plain(self._topic, 80)}"
            self._show()
        elif kind == "send":
            confirm = message.get("confirm")
            self.send(confirm=text_to_name(confirm) if isinstance(confirm, str) else None)
        elif kind == "hello":
            self._show()

    def _edit(self, message: Mapping[str, Any]) -> None:
        try:
            changes: dict[str, Any] = {}
            if "value" in message:
                changes["data"] = to_bytes(*message["value"])
            if "key" in message:
                changes["key"] = to_bytes(*message["key"])
            if "attributes" in message:
                changes["attributes"] = [
                    pair_of(text_to_name(str(name)), None if kind == "null" else to_bytes(mode, text), kind)
                    for name, mode, text, kind in message["attributes"]
                ]
            self._replace(**changes)
        except (BrokerError, TypeError, ValueError, KeyError) as error:
            self._typed_wrong = plain(f"not sent as it is typed: {error}", 300)
            self._show()

    # Display.

    def _show(self) -> None:
        if self._panel is not None:
            self._panel.show(self._state())

    def _state(self) -> dict[str, Any]:
        item = self._drafts[self._row]
        message = OutboundMessage(b"") if isinstance(item, BrokerError) else item
        problems = self.problems
        large = len(message.data or b"") > EDITABLE_BYTES
        refused = refusal_of(self._to)
        receipts = [] if self.outcome is None else self.outcome.head(RECEIPTS).fillna("").to_dict("records")
        return {
            "topic": name_to_text(self._topic),
            "sessions": [plain(each.name, 80) for each in self._sessions],
            "marks": self._to.marks,
            "to": next(index for index, each in enumerate(self._sessions) if each is self._to),
            "count": len(self),
            "row": self._row,
            "key": to_text(message.key, one_line=True),
            "value": ("text", "") if large else to_text(message.data),
            "large": f"{size_text(len(message.data or b''))} are too long to edit here: set value in code"
            if large
            else "",
            "size": size_text(None if message.data is None else len(message.data)),
            "attributes": [_attribute(pair) for pair in message.attributes],
            "types": sorted(self._to.capabilities.attribute_types),
            "problems": [list(each) for each in problems],
            "checked": "" if problems else "ready to send",
            "schema": self._schema is not None,
            "refused": refused or "",
            "confirm": needs_name(self._to),
            "effect": f"Sending adds {len(self):,} message{'s' if len(self) > 1 else ''} to "
            f"{plain(self._topic, 80)} on {plain(self._to.name, 80)}; this cannot be taken back.",
            "said": self._said,
            "plan": self._plan,
            "receipts": [{name: plain(str(value), 200) for name, value in line.items()} for line in receipts],
            "call": self.call,
        }

    def _new_panel(self) -> Panel:
        return Panel(["compose.js"], self._state(), self.receive)

    def _title(self) -> str:
        many = f"{len(self):,} messages" if len(self) > 1 else "a message"
        return f"Composer of {many} to {plain(self._topic, 120)} on {self._to.label}"

    def __repr__(self) -> str:
        return f"<{self._title()}>"

    def _repr_html_(self) -> str:
        item = self._drafts[self._row]
        shown = (
            {}
            if isinstance(item, BrokerError)
            else _planned({"key": item.key, "value": item.data, "attributes": list(item.attributes)})
        )
        return block(
            heading(self._title()),
            pairs(shown),
            bullets([each.text for each in self.problems] or ["ready to send"]),
            lines(self.call),
        )


def _attribute(pair: Any) -> list[str]:
    name, data, kind = parts_of(pair)
    mode, text = to_text(data, one_line=True)
    return [name_to_text(name), mode, text, kind]


def _planned(line: Mapping[Any, Any]) -> dict[str, str]:
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
