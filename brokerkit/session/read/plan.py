"""What a scan reads and which of it it keeps: a value that each method of a scan makes a new one of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from brokerkit.core.vocabulary.topics import Bounds, Slice
from brokerkit.core.vocabulary.windows import Stretch, slices_of
from brokerkit.display.sanitize import plain
from brokerkit.frames.fields import Field

from ..filters import Filter
from .row_steps import Every, Head, Place, RowStep, Where, Window, Within
from .slice_reader import Part

PLACES = 32
"""At how many places a sample reads."""


@dataclass(frozen=True)
class Plan:
    """The ranges to read, and the steps over their rows.

    Attributes:
        slices: The ranges.
        bounds: The bounds of each partition when the scan was made.
        title: The range in words, with relative times resolved.
        asked: The range as the caller wrote it.
        doubt: A sentence about messages that it may miss; empty if there are none.
        filters: What each row must match, before any is counted.
        limit: How many of these rows are wanted; None for all.
        quotas: How many rows each slice gives at most; None for all.
        steps: What follows the limit or the quotas.
        columns: The columns that are selected; None for all.
        fields: Those of the columns that are fields of payloads.
        words: The steps in words, in order.
    """

    slices: tuple[Slice, ...]
    bounds: Mapping[Place, Bounds]
    title: str
    asked: str
    doubt: str = ""
    filters: tuple[Filter, ...] = ()
    limit: int | None = None
    quotas: tuple[int, ...] | None = None
    steps: tuple[RowStep, ...] = ()
    columns: tuple[str, ...] | None = None
    fields: tuple[Field, ...] = ()
    words: tuple[str, ...] = field(default=())

    @property
    def counts(self) -> bool:
        """Whether it counts rows, so that the rows of one slice depend on those before it."""
        return self.limit is not None or any(step.left is not None for step in self.steps)

    @property
    def counts_shown(self) -> bool:
        """Whether it counts the rows that it shows, so that how many there were says how many are left."""
        return all(isinstance(step, Head) for step in self.steps)

    def behind(self, rows: int) -> Plan:
        """Return the same plan for what follows so many of its rows; see `counts_shown`."""
        limit = None if self.limit is None else max(0, self.limit - rows)
        steps = (Head(max(0, step.left - rows)) for step in self.steps if isinstance(step, Head))
        return replace(self, limit=limit, steps=tuple(steps))

    @property
    def done(self) -> bool:
        """Whether it wants no more rows."""
        return self.limit == 0 or any(step.left == 0 for step in self.steps)

    def of_range(self) -> Plan:
        """Return the plan to read the slices as they are."""
        return Plan(self.slices, self.bounds, self.title, self.asked, self.doubt)

    @property
    def whole(self) -> bool:
        """Whether every row of the slices that matches is wanted."""
        return self.limit is None and self.quotas is None

    def _and(self, words: str, **changes: Any) -> Plan:
        return replace(self, words=(*self.words, words), **changes)

    def where(self, wanted: Filter) -> Plan:
        """Keep the rows that match."""
        if not self.whole:
            return self._and(str(wanted), steps=(*self.steps, Where(wanted)))
        plan = self._and(str(wanted), filters=(*self.filters, wanted))
        narrowed = [self._narrowed(each, wanted) for each in self.slices]
        return plan if narrowed == list(self.slices) else plan.with_slices(narrowed)

    def _narrowed(self, slice_: Slice, wanted: Filter) -> Slice:
        if wanted.expression is None:
            return slice_
        bounds = self.bounds[slice_.topic, slice_.partition]
        offsets = type(bounds.written(slice_.start)) is int
        start, end = wanted.expression.narrowed(slice_, offsets=offsets)
        return slice_ if (start, end) == (slice_.start, slice_.end) else self._cut(slice_, Window(start, end))

    def head(self, rows: int) -> Plan:
        """Keep the first rows."""
        words = f"at most {rows:,} rows"
        if self.limit is None and self.quotas is None:
            return self._and(words, limit=rows)
        return self._and(words, steps=(*self.steps, Head(rows)))

    def sample(self, rows: int) -> Plan:
        """Keep rows from places all over the range, or at equal distances of those that were counted."""
        words = f"a sample of {rows:,} rows"
        if not self.whole:
            known = [step.left for step in self.steps if step.left is not None]
            counted = [self.limit, None if self.quotas is None else sum(self.quotas), self.messages, *known]
            of = min(each for each in counted if each is not None)
            return self._and(words, steps=(*self.steps, Every(min(rows, of), max(1, of))))
        total = self.messages
        if rows >= total:
            return self._and(words, limit=rows)
        size = max(1, -(-total // min(rows, PLACES)))
        parts = [part for each in self.slices for part in self._parts(each, size)]
        quotas = _shared(rows, [part.estimate for part in parts])
        chosen = [(part, quota) for part, quota in zip(parts, quotas, strict=True) if quota]
        slices, counts = zip(*chosen, strict=True)
        return self._and(words, slices=slices, quotas=counts)

    def between(
        self,
        located: Mapping[Place, Stretch],
        words: str,
        asked: str,
        doubt: str,
    ) -> Plan:
        """Keep the rows of a range.

        Args:
            located: The range in each partition.
            words: The range in words, with relative times resolved.
            asked: The range as the caller wrote it.
            doubt: A sentence about messages of the range that may be missed.
        """
        windows = windows_of(located)
        if not self.whole:
            return self._and(words, steps=(*self.steps, Within(windows)))
        doubts = "; ".join(dict.fromkeys(filter(None, (self.doubt, doubt))))
        plan = replace(self, title=f"{self.title}, {words}", asked=f"{self.asked}, {asked}", doubt=doubts)
        return plan.inside(windows)

    def inside(self, windows: Mapping[Place, Window]) -> Plan:
        """Return the same plan for the parts of the slices that lie in windows of their partitions."""
        none = Window(0, 0)
        return self.with_slices(
            [self._cut(each, windows.get((each.topic, each.partition), none)) for each in self.slices]
        )

    def select(self, columns: Sequence[str], fields: Sequence[Field]) -> Plan:
        """Show these columns.

        Args:
            columns: Their names.
            fields: Those of them that are fields, and the fields that filters look at.
        """
        shown = ", ".join(plain(each, 60) for each in columns)
        return self._and(f"columns {shown}", columns=tuple(columns), fields=tuple(fields))

    def showing(self, columns: Sequence[str], fields: Sequence[Field]) -> Plan:
        """Return the same plan with some of its columns.

        Args:
            columns: Their names.
            fields: All fields that it has; those are kept that are shown or that filters look at.
        """
        looked_at = self._looked_at()
        kept = tuple(each for each in fields if each.name in columns or each.name in looked_at)
        return replace(self, columns=tuple(columns), fields=kept)

    def with_slices(self, slices: Sequence[Slice]) -> Plan:
        """Return the same plan for other slices, without those that are empty."""
        return replace(self, slices=tuple(each for each in slices if not each.empty))

    def of_slice(self, slice_: Slice) -> Plan:
        """Return the same plan for one slice alone: one of its own, or one of any plan without quotas."""
        quotas = self.quotas
        if quotas is not None:
            quotas = (quotas[self.slices.index(slice_)],)
        return replace(self, slices=(slice_,), quotas=quotas)

    def counting(self) -> Plan:
        """Return the same plan, of whose rows nothing is shown."""
        return replace(self, columns=(), fields=self.fields if self.fields_first else ())

    def rest(self, part: Part) -> Plan:
        """Return the same plan for what is left to read behind a part."""
        done = part.limit == 0 or any(step.left == 0 for step in part.steps)
        first = replace(part.after, end=part.after.start) if part.quota == 0 else part.after
        slices = [] if done else [first, *self.slices[part.number + 1 :]]
        quotas = self.quotas
        if quotas is not None:
            left = [part.quota or 0, *quotas[part.number + 1 :]]
            quotas = tuple(each for each, slice_ in zip(left, slices, strict=False) if not slice_.empty)
        plan = replace(self, limit=part.limit, quotas=quotas, steps=part.steps)
        return plan.with_slices(slices)

    @property
    def messages(self) -> int:
        """How many messages to expect at most."""
        return sum(slice_.estimate for slice_ in self.slices)

    def exact_count(self) -> int | None:
        """Return how many rows there are, if that is known exactly without reading."""
        if self.filters or not all(isinstance(step, Head) for step in self.steps):
            return None
        if any(each.counted != "exact" for each in self.slices):
            return None
        quotas = self.quotas or tuple(each.estimate for each in self.slices)
        whole = sum(min(quota, each.estimate) for quota, each in zip(quotas, self.slices, strict=True))
        limits = [self.limit, *(step.left for step in self.steps)]
        return min([whole, *(limit for limit in limits if limit is not None)])

    def needs(self) -> frozenset[str] | None:
        """Return the columns that must be built; None for all."""
        if self.columns is None:
            return None
        roots = {each.root for each in self.fields}
        shown = {each for each in self.columns if "." not in each}
        looked_at = self._looked_at()
        within = any(isinstance(step, Within) for step in self.steps)
        places = {"id", "publish_time"} if within else set()
        fields = {each.partition(".")[0] for each in looked_at}
        return frozenset(shown | roots | looked_at | fields | places)

    @property
    def fields_first(self) -> bool:
        """Whether a filter looks at fields, so that they are columns before rows are filtered."""
        return any("." in each for each in self._looked_at())

    @property
    def looked_at_fields(self) -> tuple[Field, ...]:
        """The fields that filters look at."""
        looked_at = self._looked_at()
        return tuple(each for each in self.fields if each.name in looked_at)

    def _looked_at(self) -> set[str]:
        """Return the columns that filters look at."""
        later = [step.filter for step in self.steps if isinstance(step, Where)]
        return {name for wanted in (*self.filters, *later) for name in wanted.needs}

    def _cut(self, slice_: Slice, window: Window) -> Slice:
        """Return the part of a slice that lies in a window; empty if there is none."""
        start, end = max(slice_.start, window.start), min(slice_.end, window.end)
        since = max((each for each in (slice_.since, window.since) if each is not None), default=None)
        until = min((each for each in (slice_.until, window.until) if each is not None), default=None)
        stretch = Stretch(self.bounds[slice_.topic, slice_.partition], start, end, since, until)
        part = next(slices_of(slice_.topic, stretch), replace(slice_, end=slice_.start, estimate=0))
        return part if slice_.only is None else replace(part, only=slice_.only, counted=slice_.counted)

    def _parts(self, slice_: Slice, size: int) -> list[Slice]:
        bounds = self.bounds[slice_.topic, slice_.partition]
        stretch = Stretch(bounds, slice_.start, slice_.end, slice_.since, slice_.until)
        parts = list(slices_of(slice_.topic, stretch, size))
        if slice_.only is None:
            return parts
        return [replace(each, only=slice_.only, counted=slice_.counted) for each in parts]


def windows_of(located: Mapping[Place, Stretch]) -> dict[Place, Window]:
    """Return the windows of a range that was located in each partition."""
    return {where: Window(each.start, each.end, each.since, each.until) for where, each in located.items()}


def _shared(rows: int, sizes: Sequence[int]) -> list[int]:
    """Return how many rows each part gives: at places at equal distances, and no more than it has."""
    total, places = sum(sizes), min(rows, PLACES)
    quotas = [0] * len(sizes)
    part = before = 0
    for place in range(places):
        middle = (2 * place + 1) * total // (2 * places)
        while middle >= before + sizes[part]:
            before += sizes[part]
            part += 1
        quotas[part] += (place + 1) * rows // places - place * rows // places
    missing = 0
    for part, size in enumerate(sizes):
        missing += max(0, quotas[part] - size)
        quotas[part] = min(quotas[part], size)
    for part, size in enumerate(sizes):
        more = min(missing, size - quotas[part])
        quotas[part] += more
        missing -= more
    return quotas
