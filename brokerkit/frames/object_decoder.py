"""Decoders of formats that need no schema: every payload is MessagePack, or every payload is CBOR."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from .arrow import ArrowType
from .auto.declared import Declared
from .auto.reading import Peeled, read_inside
from .decoded import Decoded, PayloadFailure, Payloads

NAMES = ("msgpack", "cbor")


@dataclass(frozen=True)
class ObjectDecoder:
    """A decoder of payloads that are all of one format, ``msgpack`` or ``cbor``, whatever value they hold.

    `value` is exact JSON text and `raw` keeps every payload. A payload of another format is a failure.
    """

    name: str

    @property
    def type(self) -> ArrowType:
        return pa.large_string()

    @property
    def keeps_raw(self) -> bool:
        return True

    def decode(self, payloads: Payloads) -> Decoded:
        declared = Declared(format=self.name)
        texts: list[str | None] = []
        failures: list[PayloadFailure] = []
        for row, payload in enumerate(payloads.objects()):
            if payload is None:
                texts.append(None)
                continue
            found = read_inside(Peeled((), payload), declared, strict=True)
            texts.append(found.text)
            if found.problem is not None:
                failures.append(PayloadFailure(row, *found.problem))
        return Decoded(pa.array(texts, self.type), payloads.data, failures, format_name=self.name)
