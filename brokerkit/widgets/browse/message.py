"""One message in full: its fields, and its payload as tree, text, hex or decoded value."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pyarrow as pa

from brokerkit.display.sanitize import plain, plain_lines
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.decoded import Payloads
from brokerkit.frames.explain import explained_row
from brokerkit.frames.json_exact import read
from brokerkit.registry import SchemaSource

from ..indenting import indented
from ..protocol.messages import Form, MessageShown, Payload
from ..row_view import bytes_text, size_text, texts_or_bytes
from . import tree

TEXT_PAGE = 20_000
HEX_LINE = 16
"""Bytes a line; a view that has less room breaks it in two."""
HEX_PAGE = 2_048
SHOWN_ATTRIBUTES = 200
COPIED = 1_000_000
"""At most so many bytes go to the clipboard; for more, the Python call is copied."""


class MessageView:
    """One row, split into its fields.

    Args:
        row: The row.
        builder: The builder that decoded it.
        source: Where the schemas are that it may name; None if there is no source.
        stepped_over: What was stepped over to come to it, in words.
    """

    def __init__(
        self,
        row: pa.Table,
        builder: FrameBuilder,
        source: SchemaSource | None = None,
        stepped_over: str = "",
    ) -> None:
        self.row = row
        self.topic: str = self.get("topic")
        self.partition: int | None = self.get("partition")
        self.offset: int | None = self.get("offset")
        self.identity: str | None = self.get("id")
        raw_key: bytes | None = self.get("raw_key")
        self.key = _bytes_of(self.get("key"), None) if raw_key is None else raw_key
        self.attributes: list[dict[str, Any]] = self.get("attributes") or []
        self._builder = builder
        self._source = source
        self._stepped_over = stepped_over

    def get(self, column: str) -> Any:
        return self.row.column(column)[0].as_py()

    @cached_property
    def payload(self) -> bytes | None:
        """The bytes as they are on the broker."""
        raw: bytes | None = self.get("raw")
        return raw if raw is not None else _bytes_of(self.get("value"), None)

    @cached_property
    def text(self) -> str | None:
        """What was decoded as text, otherwise the payload as UTF-8; None if it is not text."""
        value = self.get("value")
        if isinstance(value, str) or self._builder.decoder.name == "auto":
            return value if isinstance(value, str) else None
        try:
            return None if self.payload is None else self.payload.decode()
        except UnicodeDecodeError:
            return None

    @cached_property
    def json(self) -> Any:
        """The payload as a tree.

        Raises:
            ValueError: The payload is not JSON; the error says why.
        """
        if self.text is None:
            raise ValueError("it is null" if self.payload is None else "it is not text")
        return tree.parsed(self.text)

    @property
    def failure(self) -> str:
        """Why the payload could not be decoded; empty if it was."""
        if self.payload is None or self._builder.mask is not None:
            return ""
        attributes = self.row.column("attributes").combine_chunks()
        given = Payloads(pa.array([self.payload], pa.large_binary()), attributes=attributes, topic=self.topic)
        found = self._builder.decoder.decode(given).failures
        return found[0].text if found else ""

    def view(self, form: Form | None = None) -> MessageShown:
        """Return the fields for the view, with the payload in the given form, or the one that suits it."""
        size = None if self.payload is None else len(self.payload)
        kind = "null" if self.payload is None else "text" if self.text is not None else "bytes"
        return {
            "id": self.identity,
            "title": plain(self.place),
            "fields": self._fields(),
            "attributes": [_attribute(pair) for pair in self.attributes[:SHOWN_ATTRIBUTES]],
            "more_attributes": max(0, len(self.attributes) - SHOWN_ATTRIBUTES),
            "kind": kind,
            "size": size_text(size),
            "decoder": self._decoder_text(),
            "format": plain(self._format(), 60),
            "failure": plain(self.failure, 400),
            "payload": self.part(self._fitting(form)),
        }

    @property
    def place(self) -> str:
        """Where the message is, in words."""
        known = [f"{name} {self.get(name)}" for name in ("partition", "offset") if self.get(name) is not None]
        return ", ".join(known) or f"id {self.identity}"

    def _fields(self) -> list[tuple[str, str]]:
        (key,) = texts_or_bytes(self.row.column("key"), self.row.column("raw_key"), 1_000)
        shown = [("key", "none" if key is None else key), ("position", plain(self.place, 200))]
        if self._stepped_over:
            shown.append(("stepped over", plain(self._stepped_over, 300)))
        if self.get("schema") is not None:
            shown.append(("schema", plain(self.get("schema"), 200)))
        for name in ("id", "publish_time", "ingestion_time", "delivery_count"):
            value = self.get(name)
            if value is not None:
                text = f"{value:%Y-%m-%d %H:%M:%S.%f} UTC" if name.endswith("time") else plain(str(value))
                shown.append((name.replace("_", " "), text))
        return shown

    def _format(self) -> str:
        known = self.get("format") if "format" in self.row.column_names else None
        return str(known or "")

    def _decoder_text(self) -> str:
        name = self._builder.decoder.name
        if self.payload is None:
            return "null payload: nothing to decode"
        if name != "auto":
            return f"decoded by {plain(name, 60)}"
        format = plain(self.get("format") or "", 100)
        if self.text is None or format.endswith("bytes"):
            return f"auto: {'bytes' if format in ('', 'bytes') else format}, kept in raw"
        try:
            kind = tree.kind_of(self.json)
            leniency = read(self.text).leniency
        except ValueError as error:
            around = "" if format in ("", "text") else f"{format}: "
            return f"auto: {around}text ({plain(str(error), 200)})"
        around = "" if format in ("", "json") else f"{format}: "
        return f"auto: {around}JSON {kind}" + (f", read leniently: it has {leniency}" if leniency else "")

    def _fitting(self, wanted: Form | None) -> Form:
        """Return the wanted form where the payload has it, otherwise the usual one."""
        usual = self._usual_form()
        if wanted is None or (wanted == "tree" and usual != "tree"):
            return usual
        return usual if wanted == "text" and self.text is None and self.payload is not None else wanted

    def _usual_form(self) -> Form:
        if self.payload is None:
            return "text"
        if self.text is None:
            return "hex"
        try:
            return "tree" if tree.is_nested(self.json) else "text"
        except ValueError:
            return "text"

    def part(self, form: Form, *, first: int = 0, path: list[int] | None = None) -> Payload:
        """Return a part of the payload in one form, starting at a character, byte or member."""
        if form == "tree":
            try:
                root = self.json
            except ValueError as error:
                return {"form": form, "problem": plain(f"There is no tree: {error}.", 300)}
            if path is None:
                opened = tree.children(root, []) if tree.is_nested(root) else None
                return {"form": form, "root": tree.whole(root), "children": opened}
            return {"form": form, "children": tree.children(root, path, first)}
        if form == "hex":
            return self._hex(first)
        if form == "layers":
            return self._layers()
        return self._text(first)

    def _text(self, first: int) -> Payload:
        if self.payload is None:
            return {"form": "text", "text": "null", "first": 0, "next": None, "total": 0}
        # if it is not text, count bytes instead of characters
        whole: str | bytes = self.payload if self.text is None else self.text
        piece = whole[first : first + TEXT_PAGE]
        part = bytes_text(piece) if isinstance(piece, bytes) else piece
        pretty = indented(part) if self.text is not None and len(piece) == len(whole) else None
        after = first + len(piece)
        return {
            "form": "text",
            "text": plain_lines(pretty or part),
            "first": first,
            "next": after if after < len(whole) else None,
            "total": len(whole),
            "bytes": isinstance(piece, bytes),
        }

    def _hex(self, first: int) -> Payload:
        data = self.payload or b""
        part = data[first : first + HEX_PAGE]
        lines = []
        for start in range(0, len(part), HEX_LINE):
            line = part[start : start + HEX_LINE]
            letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
            lines.append(f"{first + start:08x}  {line.hex(' '):<{3 * HEX_LINE - 1}}  {letters}")
        after = first + len(part)
        return {
            "form": "hex",
            "text": "\n".join(lines),
            "first": first,
            "next": after if after < len(data) else None,
            "total": len(data),
        }

    def _layers(self) -> Payload:
        """Return how the payload was read, and why: its layers, what was rejected, and the result."""
        shown: Payload = {"form": "layers", "text": self._decoded()}
        if self._builder.decoder.name != "auto":
            return shown
        found = explained_row(self.row, self._source)
        shown["layers"] = [
            (plain(each.name, 60), f"{each.bytes:,}", plain(each.evidence, 400)) for each in found.layers
        ]
        shown["rejected"] = [(plain(name, 60), plain(reason, 400)) for name, reason in found.rejected]
        return shown

    def _decoded(self) -> str:
        value, failure = self.get("value"), self.failure
        if failure:
            return plain(f"{self._decoder_text()}, which failed: {failure}", 600)
        kind = self.row.column("value").type
        if value is None:
            return f"{self._decoder_text()}; the column value is NA, the bytes are in raw"
        shown = value if isinstance(value, str) else repr(value)
        return f"{self._decoder_text()}, type {kind}\n\n{plain_lines(shown[:TEXT_PAGE])}"

    def copied(self) -> str | None:
        """Return the payload for the clipboard, as text or as hex; None if it is too long."""
        data = self.payload or b""
        if len(data) > COPIED:
            return None
        return data.hex(" ") if self.text is None else self.text


def _bytes_of(text: Any, data: bytes | None) -> bytes | None:
    """Return the bytes from the column of texts, otherwise from that of bytes."""
    return text.encode() if isinstance(text, str) else data


def _attribute(pair: dict[str, Any]) -> tuple[str, str, str]:
    data = pair["value"]
    return (
        plain(pair["name"]),
        "null" if data is None else plain(bytes_text(data[:4_000]), 1_000),
        pair["type"],
    )
