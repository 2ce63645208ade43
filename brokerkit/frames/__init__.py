"""Frames of messages: from columns to Arrow to pandas, decoding, and from frames back to messages.

It imports `brokerkit.core` only. pandas is imported when a function that needs it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.outbound_rows import Item

from .attribute import attr
from .auto import AutoDecoder
from .auto.explaining import Explanation
from .build import Counts, Failure, Failures, FrameBuilder
from .codecs.own import Codec, codec
from .dataframe import from_pandas, to_pandas
from .decoded import Decoded, PayloadDecoder, PayloadFailure, Payloads
from .decoding import Decode, Decoder, as_decoder, decoder
from .expand import expand
from .failures import failures
from .outbound import Kind, Outbound, messages_from_frame
from .plain import plain
from .provenance import attach, provenance, provenance_of
from .schema import ATTRIBUTES, SCHEMA, schema_for
from .text import TextDecoder
from .typed import TypedDecoder, avro, protobuf

if TYPE_CHECKING:
    from .outcome import OutcomeFrame, outcome_frame

__all__ = [
    "ATTRIBUTES",
    "SCHEMA",
    "AutoDecoder",
    "Codec",
    "Counts",
    "Decode",
    "Decoded",
    "Decoder",
    "Explanation",
    "Failure",
    "Failures",
    "FrameBuilder",
    "Item",
    "Kind",
    "Outbound",
    "OutcomeFrame",
    "PayloadDecoder",
    "PayloadFailure",
    "Payloads",
    "TextDecoder",
    "TypedDecoder",
    "as_decoder",
    "attach",
    "attr",
    "avro",
    "codec",
    "decoder",
    "expand",
    "failures",
    "from_pandas",
    "messages_from_frame",
    "outcome_frame",
    "plain",
    "protobuf",
    "provenance",
    "provenance_of",
    "schema_for",
    "to_pandas",
]


def __getattr__(name: str) -> Any:
    """Import `OutcomeFrame` on first use: it is a DataFrame, so this imports pandas."""
    if name in ("OutcomeFrame", "outcome_frame"):
        from . import outcome

        return getattr(outcome, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
