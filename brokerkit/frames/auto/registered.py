"""Payloads that name their schema in a registry: the schema is found, and the body must be used up by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, Unavailable
from brokerkit.core.vocabulary.schemas import ANY_BYTES
from brokerkit.registry import RegisteredSchema, SchemaRef, SchemaSource

from ..arrays import flags
from ..arrow import Array
from ..codecs.bodies import Bodies, BodyReader, Gathered, Rows, Target
from ..codecs.compression import decompress
from ..codecs.extras import MissingExtra
from ..codecs.framed_rows import framed_rows
from ..codecs.framing import Framing, Part, declares, framings
from ..codecs.registered import Texts
from ..codecs.row_failure import RowFailure
from ..decoded import ERROR_LENGTH, Payloads, objects_of
from .framed_batch import Framed, FramedBatch
from .unknown_ids import note_of_unknown_ids

MOST_UNKNOWN = 100
"""How many ids of one kind that the registry does not have are asked for within `FORGOTTEN_SECONDS`."""
FORGOTTEN_SECONDS = 60.0
"""How long an id that the registry does not have is not asked for again by one read."""
LARGEST_ID = 2**32
"""Ids are given out one by one: a larger number in eight bytes is an id of four bytes and its body."""
MOST_READERS = 1_000


class RegisteredPayloads:
    """A reader of payloads that name a schema of a source. May be used from any thread.

    Args:
        source: Where the schemas are.
        target: What the payloads become; None is JSON text.
    """

    def __init__(self, source: SchemaSource, target: Target | None = None) -> None:
        self.source = source
        self._target = target or Texts()
        self._readers: dict[RegisteredSchema, BodyReader] = {}
        self._refusals: dict[RegisteredSchema, str] = {}
        self._found: dict[SchemaRef, RegisteredSchema] = {}
        self._unknown: dict[str, dict[SchemaRef, str]] = {}
        self._since = 0.0
        self._seen: set[tuple[Any, ...]] = set()
        self._told = False

    def declared(self, payloads: Payloads) -> list[int]:
        """Return the rows whose attributes name a schema."""
        return list(_declared_framings(payloads, self.source.kinds))

    def read(self, payloads: Payloads, skip: list[int] | None = None) -> Framed:
        """Read a batch.

        Args:
            skip: Rows that are not looked at.
        """
        batch = FramedBatch(len(payloads), self._target.type, payloads.topic)
        if time.monotonic() - self._since > FORGOTTEN_SECONDS:
            self._unknown, self._found, self._since = {}, {}, time.monotonic()
        looked = flags(payloads.data.is_valid())
        looked[skip or []] = False
        for framing, rows in _groups(payloads, looked, self.source.kinds):
            self._read_group(batch, payloads, framing, rows)
        found = batch.framed(self._seen)
        if not self._told and not self._seen:
            self._told = note_of_unknown_ids(self.source, payloads, batch.unknown)
        return found

    def _read_group(self, batch: FramedBatch, payloads: Payloads, framing: Framing, rows: Rows) -> None:
        schema, reader = None, None
        try:
            schema = self._resolved(framing.ref)
            if schema.type == ANY_BYTES.type or batch.has_read(schema, framing, rows):
                return
            reader = self._reader(schema)
        except NotFound as error:
            if schema is None:
                batch.unknown.append((framing, rows, _cut(error)))
            else:
                batch.refused(framing, rows, schema.type.lower(), _cut(error))
            return
        except (BrokerError, MissingExtra) as error:
            down = isinstance(error, Unavailable) and error.retryable
            if schema is None or down:
                batch.unanswered(framing, rows, _cut(error), surely=down)
            else:
                batch.refused(framing, rows, schema.type.lower(), _cut(error))
            return
        # rows are ascending and each is there once, so that as many are all of them
        index: Any = None if len(rows) == len(payloads) else pa.array(rows)
        data = payloads.data if index is None else payloads.data.take(index)
        texts, failures = _read(reader, data, framing)
        batch.put(framing, rows, reader.format, texts, failures)

    def _resolved(self, ref: SchemaRef) -> RegisteredSchema:
        """Find a schema. An unknown one is asked for once, and not too many of them."""
        unknown = self._unknown.setdefault(ref.kind, {})
        if ref in unknown:
            raise NotFound(unknown[ref])
        if len(unknown) >= MOST_UNKNOWN:
            raise NotFound(
                f"{ref} was not asked for, since {MOST_UNKNOWN} others are not in {self.source.name}; "
                "read again to ask for it"
            )
        try:
            if ref not in self._found:
                self._found[ref] = self.source.resolve(ref)
            return self._found[ref]
        except NotFound as error:
            unknown[ref] = f"{ref} is not in {self.source.name}: {error}"
            raise NotFound(unknown[ref]) from error

    def _reader(self, schema: RegisteredSchema) -> BodyReader:
        found = self._readers.get(schema)
        if found is not None:
            return found
        if schema in self._refusals:
            raise ConfigError(self._refusals[schema])
        references = self.source.with_references(schema)
        if len(self._readers) + len(self._refusals) >= MOST_READERS:
            self._readers.clear()
            self._refusals.clear()
        try:
            found = self._readers[schema] = self._target.reader(schema, references)
        except ConfigError as error:
            self._refusals[schema] = str(error)
            raise
        return found


def _read(reader: BodyReader, payloads: Array, framing: Framing) -> Bodies:
    if not framing.compressed:
        return reader.read(payloads, framing)
    bodies: list[bytes | None] = []
    failures: dict[int, RowFailure] = {}
    for row, payload in enumerate(objects_of(payloads)):
        body = None
        try:
            body = decompress("zlib", payload[framing.start :])
        except ValueError as error:
            failures[row] = RowFailure(None, "", str(error)[:ERROR_LENGTH])
        bodies.append(body)
    rows: Any = pa.array([row for row, body in enumerate(bodies) if body is not None], pa.int64())
    inner = pa.array([body for body in bodies if body is not None], pa.large_binary())
    found = reader.read(inner, replace(framing, start=0, compressed=False))
    for place, one in found.failures.items():
        failures[rows[place].as_py()] = one
    values = Gathered(len(payloads), found.texts.type)
    values.put(rows.to_numpy(), found.texts)
    return Bodies(values.values(), failures)


def _part(payloads: Payloads) -> Part:
    return "key" if payloads.is_key else "value"


def _groups(payloads: Payloads, looked: Any, kinds: frozenset[str]) -> Iterator[tuple[Framing, Rows]]:
    """Yield each framing that payloads may have, with the rows. What attributes declare counts alone."""
    declared: dict[Framing, list[int]] = {}
    for row, framing in _declared_framings(payloads, kinds).items():
        if looked[row]:
            declared.setdefault(framing, []).append(row)
            looked[row] = False
    for framing, some in declared.items():
        yield framing, np.array(some, np.int64)
    for framing, rows in framed_rows(payloads.data, kinds, LARGEST_ID):
        if framing.ref.kind not in kinds:
            continue
        left = rows[looked[rows]]
        if len(left):
            yield framing, left


def _declared_framings(payloads: Payloads, kinds: frozenset[str]) -> dict[int, Framing]:
    """Return the framings that attributes declare, by row, if their schemas are of one of these kinds."""
    attributes, part = payloads.attributes, _part(payloads)
    if attributes is None or attributes.null_count == len(payloads):
        return {}
    lists: Any = attributes
    flat = lists.flatten()
    if not len(flat):
        return {}
    names, values, _ = flat.flatten()
    wanted = [name for name in pc.unique(names).to_pylist() if declares(name or "", part, kinds)]
    if not wanted:
        return {}
    here = pc.indices_nonzero(pc.is_in(names, pa.array(wanted, pa.string())))
    rows = pc.list_parent_indices(lists).take(here).to_pylist()
    told: dict[int, dict[str, bytes]] = {}
    for row, name, value in zip(
        rows, names.take(here).to_pylist(), objects_of(values.take(here)), strict=True
    ):
        told.setdefault(row, {}).setdefault(name, value or b"")
    known: dict[frozenset[tuple[str, bytes]], Framing | None] = {}
    found: dict[int, Framing] = {}
    for row, each in told.items():
        key = frozenset(each.items())
        if key not in known:
            known[key] = next(iter(framings(b"", each, part)), None)
        framing = known[key]
        if framing is not None and framing.ref.kind in kinds:
            found[row] = framing
    return found


def _cut(error: Exception) -> str:
    return str(error)[:ERROR_LENGTH]
