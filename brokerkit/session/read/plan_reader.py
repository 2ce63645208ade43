"""Reading what a plan of a scan asks for: only the columns that are needed, and fields with their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.decoded import PayloadDecoder
from brokerkit.frames.fields import Field, exact_fields, field_of, guessed, with_fields
from brokerkit.frames.masking.mask import Mask

from ..combined_filter import CombinedFilter
from ..expressions import fits
from ..filters import Filter, Header, wanted_rows
from ..options import ReadOptions
from .plan import Plan
from .slice_reader import Part, SliceReader

if TYPE_CHECKING:
    from ..base import BrokerSession

TYPE_ROWS = 1_000
"""How many rows say which type a field of JSON has in a stream."""
OF_ATTRIBUTES = frozenset({"attributes", "value", "raw", "format", "schema", "key", "raw_key"})
"""The columns that attributes have a part in: they may say how to decode."""


def reader_of(
    inspector: ConnectedInspector,
    plan: Plan,
    builder: FrameBuilder,
    fields: Sequence[Field],
    attributes: bool,
) -> SliceReader:
    """Return a reader of the slices of a plan.

    Args:
        inspector: The inspector of the broker.
        plan: The plan.
        builder: A builder of the columns that are needed.
        fields: The fields that filters look at, with their types.
        attributes: Whether headers are read if they are needed.
    """
    needs = plan.needs()
    return SliceReader(
        inspector,
        plan.slices,
        builder,
        wanted=CombinedFilter(plan.filters),
        limit=plan.limit,
        quotas=plan.quotas,
        steps=plan.steps,
        fields=fields,
        attributes=attributes and (needs is None or bool(needs & OF_ATTRIBUTES)),
    )


def shown(batch: pa.RecordBatch, plan: Plan, fields: Sequence[Field]) -> pa.RecordBatch:
    """Return the selected columns of rows that were read."""
    if plan.columns is None:
        return batch
    return (batch if plan.fields_first else with_fields(batch, fields)).select(list(plan.columns))


def _digest(parts: Sequence[object]) -> str:
    return sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


@dataclass(frozen=True)
class SliceWork:
    """What is done with each slice, the same in every process. It is picklable and has no secret.

    Attributes:
        decoder: The decoder of payloads.
        key_decoder: The decoder of keys.
        attributes: Whether the headers are read.
        mask: What is hidden; None hides nothing.
        plan: The filters and columns.
        fields: The selected fields with their types.
    """

    decoder: PayloadDecoder
    key_decoder: PayloadDecoder
    attributes: bool
    mask: Mask | None
    plan: Plan
    fields: tuple[Field, ...]

    def read(self, inspector: ConnectedInspector, slice_: Slice, quota: int | None) -> pa.Table:
        """Return the rows of a slice, at most `quota`."""
        quotas = None if quota is None else (quota,)
        return self._read(inspector, replace(self.plan, slices=(slice_,), quotas=quotas))

    def read_all(self, inspector: ConnectedInspector) -> pa.Table:
        """Return the rows of all slices of the plan."""
        return self._read(inspector, self.plan)

    def _read(self, inspector: ConnectedInspector, plan: Plan) -> pa.Table:
        builder = self._builder()
        fields = self.fields if plan.fields_first else ()
        reader = reader_of(inspector, plan, builder, fields, self.attributes)
        batches = [shown(part.batch, plan, self.fields) for part in reader.parts(progress=False)]
        reader.report.warn_of_filter()
        return pa.Table.from_batches(batches, self.empty().schema)

    def empty(self) -> pa.Table:
        """Return a table without rows."""
        batch = pa.RecordBatch.from_pylist([], self._builder().schema)
        if self.plan.fields_first:
            batch = with_fields(batch, self.fields)
        return pa.Table.from_batches([shown(batch, self.plan, self.fields)])

    def _builder(self) -> FrameBuilder:
        return FrameBuilder(
            self.decoder,
            self.attributes,
            key_decoder=self.key_decoder,
            mask=self.mask,
            only=self.plan.needs(),
        )


class PlanReader:
    """A reader of the rows of a plan.

    Attributes:
        whole: A builder of all columns, which reads nothing.
    """

    def __init__(self, session: BrokerSession, reading: ReadOptions, plan: Plan) -> None:
        self._session = session
        self._reading = reading
        self._plan = plan
        self.whole = reading.builder(session.schema_source, session.mask)

    def builder(self) -> FrameBuilder:
        """Return a new builder of the columns that are needed."""
        return self._reading.builder(self._session.schema_source, self._session.mask, self._plan.needs())

    @property
    def schema(self) -> pa.Schema:
        """The schema of the rows of a stream."""
        schema = self.whole.schema
        if self._plan.columns is None:
            return schema
        known = self._with_typed_fields(schema)
        metadata: dict[Any, Any] = schema.metadata
        return pa.schema([known.field(each) for each in self._plan.columns], metadata)

    def fields(self, columns: Sequence[str], types: Mapping[str, Any]) -> list[Field]:
        """Return the columns that are fields, with those that filters look at.

        Raises:
            ConfigError: There is no such column, or filters look at it with another type.
        """
        schema = self.whole.schema
        if given := [each for each in types if each in schema.names]:
            raise ConfigError(f"types= is for fields of JSON, and {given[0]!r} is a column")
        found = [field_of(each, schema, types.get(each)) for each in columns if each not in schema.names]
        kept = {each.name: each for each in self._plan.looked_at_fields}
        for each in found:
            known = kept.get(each.name)
            if known is not None and each.type is not None and not each.same_type(known):
                raise ConfigError(
                    f"types= gives {each.name!r} another type than the filter before has ({known.type}): "
                    "select it with this type before where"
                )
        return [*kept.values(), *(each for each in found if each.name not in kept)]

    def filter(self, where: Any, key: str | bytes | None = None, header: Header | None = None) -> Filter:
        """Return a filter over the columns, and over the fields of the plan. Raises ConfigError."""
        schema = self.whole.schema
        if isinstance(where, pc.Expression) and self._plan.fields and not fits(where, schema):
            schema = self._with_typed_fields(schema)
        return wanted_rows(key, header, where, schema, self._reading.attributes)

    @cached_property
    def typed_fields(self) -> list[Field]:
        """The selected fields with types, for which some rows are read if they are not known."""
        fields = self._plan.fields
        if all(each.type is not None for each in fields):
            return list(fields)
        roots = list(dict.fromkeys(each.root for each in fields))
        anything = replace(self._plan, filters=(), limit=None, quotas=None, steps=())
        looking = PlanReader(self._session, self._reading, anything.select(roots, ()).sample(TYPE_ROWS))
        builder = looking.builder()
        batches = [part.batch for part in looking.slices(builder).parts(progress=False)]
        return guessed(fields, builder.to_table(batches))

    def with_types(self) -> Plan:
        """Return the plan with the types of its fields, which stay as they are for any part of the range."""
        return replace(self._plan, fields=tuple(self.typed_fields))

    def _with_typed_fields(self, schema: pa.Schema) -> pa.Schema:
        for each in self.typed_fields:
            schema = schema.append(each.arrow)
        return schema

    def slices(self, builder: FrameBuilder) -> SliceReader:
        """Return a reader of the slices, whose batches have the columns of the builder."""
        fields = self.typed_fields if self._plan.fields_first else ()
        return reader_of(self._session.inspector, self._plan, builder, fields, self._reading.attributes)

    def shown(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the selected columns of rows that were read, with the types of `schema`."""
        return batch if self._plan.columns is None else shown(batch, self._plan, self.typed_fields)

    def work(self) -> SliceWork:
        """Return what is done with each slice, for other processes."""
        whole = self.whole
        return SliceWork(
            whole.decoder,
            whole.key_decoder,
            self._reading.attributes,
            whole.mask,
            self._plan,
            tuple(self.typed_fields),
        )

    def table(self, parts: Sequence[Part], builder: FrameBuilder) -> pa.Table:
        """Return the selected columns of all rows, with types that fit all of them."""
        plan, schema = self._plan, builder.schema
        if plan.fields_first:
            schema = self._with_typed_fields(schema)
        table = pa.Table.from_batches([part.batch for part in parts], schema)
        if plan.columns is None:
            return table
        if not plan.fields_first:
            table = exact_fields(table, plan.fields)
        return table.select(list(plan.columns))

    def identity(self) -> dict[str, str]:
        """Return text by which what is read is told from other reads."""
        plan, keys, mask = self._plan, self.whole.key_decoder.name, self.whole.mask
        known = {
            "source": self._session.name,
            "asked": plan.asked,
            "decode": self.whole.decoder.name,
            "attributes": str(self._reading.attributes),
            "filter": "+".join(each.fingerprint for each in plan.filters) or Filter().fingerprint,
        }
        optional = {
            "decode_key": "" if keys == "auto" else keys,
            "columns": "" if plan.columns is None else repr(plan.columns),
            # another sample of a range that has grown is not the rest of this one
            "sample": "" if plan.quotas is None else _digest([*plan.slices, *plan.quotas]),
            "limit": "" if plan.limit is None else str(plan.limit),
            "steps": ", ".join(map(str, plan.steps)),
            "mask": "" if mask is None else mask.fingerprint,
        }
        return known | {name: text for name, text in optional.items() if text}
