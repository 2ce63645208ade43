"""What the attributes of a message say about its payload: how it is encoded, and its media type."""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..arrow import Array
from ..decoded import Payloads, objects_of

_TYPES = frozenset({"contenttype", "cedatacontenttype", "datacontenttype"})
_ENCODINGS = frozenset({"contentencoding"})

_LAYERS = {
    "gzip": "gzip",
    "x-gzip": "gzip",
    "deflate": "deflate",
    "zlib": "zlib",
    "zstd": "zstd",
    "x-zstd": "zstd",
    "lz4": "lz4",
    "snappy": "snappy-block",
    "x-snappy": "snappy-block",
    "x-snappy-framed": "snappy",
    "base64": "base64",
}
_FORMATS = {
    "application/msgpack": "msgpack",
    "application/x-msgpack": "msgpack",
    "application/vnd.msgpack": "msgpack",
    "application/cbor": "cbor",
}


class Declared(NamedTuple):
    """What is declared of a payload.

    Attributes:
        layers: The encodings around it, the outer one first.
        format: The format inside, ``msgpack``, ``cbor`` or ``text``; empty if none of these is declared.
    """

    layers: tuple[str, ...] = ()
    format: str = ""


NOTHING = Declared()


def declared_of(payloads: Payloads) -> dict[int, Declared]:
    """Return what is declared of payloads, by row. Attributes declare nothing of keys."""
    return {} if payloads.is_key else declared_rows(payloads.attributes, len(payloads))


def declared_rows(attributes: Array | None, length: int) -> dict[int, Declared]:
    """Return what is declared, for the rows of which something is declared that changes how they are read.

    Args:
        attributes: The column of attributes; None if it was not read.
        length: How many rows there are.
    """
    found: dict[int, Declared] = {}
    if attributes is None or attributes.null_count == length:
        return found
    lists: Any = attributes
    if not len(lists.values):
        return found
    flat = lists.flatten()
    if not len(flat):
        return found
    names, values, _ = flat.flatten()
    wanted = {name: kind for name in pc.unique(names).to_pylist() if (kind := _kind(name))}
    if not wanted:
        return found
    here = pc.indices_nonzero(pc.is_in(names, pa.array(list(wanted), pa.string())))
    rows = pc.list_parent_indices(lists).take(here).to_pylist()
    told = zip(rows, names.take(here).to_pylist(), objects_of(values.take(here)), strict=True)
    known: dict[tuple[str, bytes | None], Declared] = {}
    for row, name, value in told:
        key = (wanted[name], value)
        if key not in known:
            known[key] = _read(*key)
        if known[key] != NOTHING:
            before = found.get(row, NOTHING)
            now = known[key]
            found[row] = Declared(before.layers or now.layers, before.format or now.format)
    return found


def _kind(name: str | None) -> str:
    plain = (name or "").lower().replace("-", "").replace("_", "").replace(":", "")
    return "type" if plain in _TYPES else "encoding" if plain in _ENCODINGS else ""


def _read(kind: str, value: bytes | None) -> Declared:
    text = (value or b"").decode("utf-8", "replace").lower()
    if kind == "encoding":
        names = [_LAYERS[name] for part in text.split(",") if (name := part.strip()) in _LAYERS]
        return Declared(tuple(reversed(names)))
    media = text.partition(";")[0].strip()
    if media.startswith("text/"):
        return Declared(format="text")
    return Declared(format=_FORMATS.get(media, ""))
