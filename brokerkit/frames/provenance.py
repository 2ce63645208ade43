"""The origin that a frame remembers: plain JSON in `df.attrs["brokerkit"]`, below 4 kB."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.topics import Slice

from .decoded import PayloadDecoder
from .masking.marks import MASKED
from .schema import KEY_DECODER_KEY, decoder_name_of

if TYPE_CHECKING:
    import pandas as pd

    from .build import FrameBuilder

ATTRS_KEY = "brokerkit"
LIMIT = 4_000
"""At most so many bytes of JSON are kept with a frame."""

_TEXT = 200
_ALWAYS = frozenset({"source", "read_at", "decoder", "key_decoder", "counts", MASKED})


def provenance(
    builder: FrameBuilder,
    *,
    source: str,
    slices: Sequence[Slice] = (),
    read_at: datetime | None = None,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the facts to keep with a frame that `builder` made.

    Args:
        builder: The builder of the frame.
        source: The address, without secrets.
        slices: The slices that were read.
        read_at: When they were read; None is now.
        details: Further facts, as plain JSON.
    """
    moment = (read_at or datetime.now(UTC)).astimezone(UTC)
    return fitted(
        {
            "source": source,
            "read_at": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "decoder": builder.decoder.name,
            **_key_decoder_of(builder),
            **({} if builder.mask is None else {MASKED: str(builder.mask)}),
            **(_schemas_of(builder.decoder) or _schemas_of(builder.key_decoder)),
            "counts": builder.counts.to_dict(),
            **(details or {}),
            "slices": [part.plain[:4] for part in slices],
            "failures": [asdict(failure) for failure in builder.failures.samples],
        }
    )


def _schemas_of(decoder: PayloadDecoder) -> dict[str, Any]:
    source = getattr(decoder, "schemas", None)
    if source is None:
        return {}
    return {"schemas": source.name, **({"validated": True} if getattr(decoder, "validates", False) else {})}


def _key_decoder_of(builder: FrameBuilder) -> dict[str, str]:
    name = builder.key_decoder.name
    return {} if name == "auto" else {"key_decoder": name}


def fitted(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with texts and lists cut until it is below `LIMIT`, and how much was left out."""
    whole: dict[str, Any] = {name: _cut(value) for name, value in content.items()}
    while _size(whole) > LIMIT:
        lists = {name: value for name, value in whole.items() if isinstance(value, list) and value}
        if lists:
            name = max(lists, key=lambda one: _size(lists[one]))
            kept = lists[name][: len(lists[name]) // 2]
            left_out = f"{name}_left_out"
            whole[left_out] = whole.get(left_out, 0) + len(lists[name]) - len(kept)
            whole[name] = kept
        else:
            del whole[max(whole.keys() - _ALWAYS, key=lambda one: _size(whole[one]))]
    return whole


def attach(df: pd.DataFrame, content: Mapping[str, Any]) -> pd.DataFrame:
    """Add the content to the facts that the frame remembers, and return the frame."""
    df.attrs[ATTRS_KEY] = fitted({**(provenance_of(df) or {}), **content})
    return df


def provenance_of(df: pd.DataFrame) -> dict[str, Any] | None:
    """Return the facts that the frame remembers; None if there are none."""
    found = df.attrs.get(ATTRS_KEY)
    return found if isinstance(found, dict) else None


def source_of(frame: Any) -> str | None:
    """Return the address that the rows were read from; None if the frame does not say it."""
    found = provenance_of(frame) if isinstance(getattr(frame, "attrs", None), dict) else None
    source = (found or {}).get("source")
    return source if isinstance(source, str) else None


def writer_of(frame: Any) -> str | None:
    """Return the decoder that filled `value`, from attrs or a table's metadata; None if that was lost."""
    if isinstance(getattr(frame, "attrs", None), dict):
        name = (provenance_of(frame) or {}).get("decoder")
        return name if isinstance(name, str) else None
    schema: Any = getattr(frame, "schema", None)
    return decoder_name_of(schema) if hasattr(schema, "metadata") else None


def key_writer_of(frame: Any) -> str | None:
    """Return the decoder that filled `key`, from attrs or a table's metadata; None for "auto", or if lost."""
    if isinstance(getattr(frame, "attrs", None), dict):
        name = (provenance_of(frame) or {}).get("key_decoder")
        return name if isinstance(name, str) else None
    schema: Any = getattr(frame, "schema", None)
    return decoder_name_of(schema, KEY_DECODER_KEY) if hasattr(schema, "metadata") else None


def _size(content: Any) -> int:
    return len(json.dumps(content))


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        text = value.encode("utf-8", "backslashreplace").decode()
        return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
    if isinstance(value, Mapping):
        return {_cut(str(name)): _cut(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(item) for item in value]
    return value
