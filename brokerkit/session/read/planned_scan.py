"""The plan of a scan: which messages, which columns, and how many; each method returns a new scan."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from brokerkit.core.vocabulary.arguments import check_count
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.positions import AtTime, Earliest, Latest
from brokerkit.core.vocabulary.protocols import PositionLike
from brokerkit.core.vocabulary.topics import Slice, count_text
from brokerkit.core.vocabulary.windows import LATENESS, Stretch
from brokerkit.display.markup import Displayed, block, lines
from brokerkit.display.progress import expected
from brokerkit.display.sanitize import plain

from ..filters import Filter, Header
from ..options import ReadOptions
from ..read_report import ReadReport
from .plan import Plan, windows_of
from .plan_reader import PlanReader
from .ranges import Range, parse_range, range_finder
from .row_steps import Place
from .topics_within import only_with

if TYPE_CHECKING:
    from ..base import BrokerSession

SAMPLE_ROWS = 100
SAMPLE_SECONDS = 1.0


class PlannedScan(Displayed):
    """The part of a scan that says what is read; see `Scan`."""

    def __init__(self, session: BrokerSession, reading: ReadOptions, plan: Plan, *, progress: bool) -> None:
        self._session = session
        self._reading = reading
        self._plan = plan
        self._progress = progress
        self._reader = PlanReader(session, reading, plan)
        self.report = ReadReport(doubt=plan.doubt)

    @property
    def slices(self) -> list[Slice]:
        # what a filter rules out belongs to that filter, not to a range
        return [replace(each, only=None) for each in self._plan.slices]

    @property
    def title(self) -> str:
        return self._plan.title

    @property
    def asked(self) -> str:
        return self._plan.asked

    @property
    def doubt(self) -> str:
        return self._plan.doubt

    def _with(self, plan: Plan) -> Self:
        return type(self)(self._session, self._reading, plan, progress=self._progress)

    def where(self, *conditions: Any, key: str | bytes | None = None, header: Header | None = None) -> Self:
        """Keep the messages for which all conditions hold.

        They look at the whole message, whatever is selected. If an Arrow expression bounds the partition, the
        offset or the publish time, other ranges are not read, as far as the broker finds times. If it bounds
        the topic, other subjects of a wildcard of NATS are not read. What cannot be looked at does not match,
        and is counted in `report`.

        Args:
            *conditions: Texts that the payload contains, functions of the value, and Arrow expressions over
                the columns and over fields that were selected before.
            key, header: As in `peek`.

        Raises:
            ConfigError: A condition cannot be used.
        """
        if not conditions and key is None and header is None:
            raise ConfigError("where needs a condition: a text, a function, an expression, key= or header=")
        if any(each is None for each in conditions):
            raise ConfigError("where needs a text, a function or an Arrow expression, not None")
        first, *others = conditions or [None]
        filters = [self._reader.filter(first, key, header), *map(self._reader.filter, others)]
        plan = self._plan
        if any("." in name for wanted in filters for name in wanted.needs):
            # a filter is made for these types, whatever the rows of a smaller range would say
            plan = self._reader.with_types()
        for wanted in filters:
            plan = self._of_topics(self._at_times(plan, wanted), wanted).where(wanted)
        return self._with(plan)

    def _at_times(self, plan: Plan, wanted: Filter) -> Plan:
        """Return the plan without the ranges that the times of a filter rule out, as the broker knows."""
        since, until = (None, None) if wanted.expression is None else wanted.expression.times()
        if (since, until) == (None, None) or not plan.whole or not self._session.capabilities.time_index:
            return plan
        start = Earliest() if since is None else AtTime(since)
        end = Latest() if until is None else AtTime(until)
        return plan.inside(windows_of(self._located(Range(start, end, None))))

    def _of_topics(self, plan: Plan, wanted: Filter) -> Plan:
        """Return the plan without the topics that a filter rules out, as far as the broker can."""
        if not plan.whole:
            return plan
        return plan.with_slices(only_with(self._session.inspector, plan.slices, wanted))

    def _located(self, span: Range) -> dict[Place, Stretch]:
        finder = range_finder(self._session, self._reading.scan_for_time)
        return {
            (topic, each.bounds.partition): each
            for topic in dict.fromkeys(slice_.topic for slice_ in self.slices)
            for each in finder.locate(topic, span)
        }

    def select(self, *columns: str, types: Mapping[str, Any] | None = None) -> Self:
        """Keep these columns, in this order. Others are not built. The last `select` counts.

        Args:
            *columns: Names of columns, or of fields of the value or the key such as ``value.total`` or
                ``value.customer.name``. A field of JSON that a message does not have is null.
            types: The Arrow type of fields of JSON, or "json" for their JSON text. Without one, `to_pandas`
                and `to_arrow` find the type that fits all rows. Streams, files and filters have the type of
                some rows from all over the range, and a `DecodeError` names a message that does not fit it.

        Raises:
            ConfigError: There is no such column; or `types` gives a field that a `where` before looks at
                another type.
        """
        types = dict(types or {})
        if not columns or not all(isinstance(each, str) for each in columns):
            raise ConfigError('select needs names of columns, such as select("offset", "value.total")')
        if unknown := [each for each in types if each not in columns]:
            raise ConfigError(f"types= names {unknown[0]!r}, which is not selected")
        names = list(dict.fromkeys(columns))
        return self._with(self._plan.select(names, self._reader.fields(names, types)))

    def head(self, rows: int) -> Self:
        """Keep the first rows in the order of the slices, and stop reading then.

        Behind `where` these are the first that match; before it, the first whatever they are.
        """
        return self._with(self._plan.head(check_count(rows, "head")))

    def sample(self, rows: int) -> Self:
        """Keep so many rows from places all over the range, and read only there.

        The places are at equal distances, so the same scan gives the same rows. Behind `where`, each place is
        read on until enough rows match. Behind `head` and `sample`, rows at equal distances are kept, as if
        each of theirs came so far. There are fewer rows if a place has too few, or if a `where` after `head`
        or `sample` left some out: put `where` before them for a full sample.
        """
        return self._with(self._plan.sample(check_count(rows, "sample")))

    def between(
        self, start: PositionLike = None, end: PositionLike = None, *, lateness: Any = LATENESS
    ) -> Self:
        """Keep the messages of a range, which is not read beyond. It never reaches beyond this scan.

        Behind `head` and `sample`, the rows of theirs that lie in the range are kept.

        Args:
            start, end, lateness: As in `peek`.

        Raises:
            ConfigError: A position cannot be used.
            NotSupported: The system cannot find a time without ``scan_for_time``.
        """
        span = parse_range(start, end, lateness)
        located = self._located(span)
        words = str(span).replace("from", "between", 1).replace(" to ", " and ", 1)
        asked = f"between {start!r} and {end!r}, lateness {span.lateness}"
        doubt = span.doubt([*located.values()])
        return self._with(self._plan.between(located, words, asked, doubt))

    @property
    def messages(self) -> int:
        """How many messages to expect at most; the repr says how exact the number is."""
        return self._plan.messages

    @cached_property
    def bytes(self) -> int | None:
        """About how many bytes of payload there are, estimated from a few messages of the first slice.

        None if it cannot be estimated within a second.
        """
        first = next((slice_ for slice_ in self.slices if not slice_.empty), None)
        if first is None:
            return 0
        found: list[int] = []
        # the repr uses this, and must neither fail nor wait for a broker that hangs
        sampling = threading.Thread(target=self._sample, args=(first, found), daemon=True)
        sampling.start()
        sampling.join(SAMPLE_SECONDS)
        return found[0] if found else None

    def _sample(self, slice_: Slice, found: list[int]) -> None:
        with suppress(BrokerError, TimeoutError):
            for columns in self._session.inspector.read(slice_, attributes=False, stall=SAMPLE_SECONDS):
                sizes = [len(value or b"") for value in islice(columns.values("value"), SAMPLE_ROWS)]
                found.append(self.messages * sum(sizes) // max(1, len(sizes)))
                return

    def __len__(self) -> int:
        raise TypeError(
            "a scan does not know its exact length before it is read: "
            f"expect {count_text(*expected(self.slices))}"
        )

    def __repr__(self) -> str:
        topics = sorted({slice_.topic for slice_ in self.slices})
        shown = ", ".join(plain(topic, 60) for topic in topics[:5])
        shown += f" and {len(topics) - 5} more" if len(topics) > 5 else ""
        size = "" if self.bytes is None else f", about {_size(self.bytes)}"
        return (
            f"{self.title}\n"
            f"topics: {shown or 'nothing to read'}; {_count(len(self.slices), 'slice')}, "
            f"{count_text(*expected(self.slices), 'message')}{size}\n"
            f"{'plan: ' + ', then '.join(self._plan.words) + chr(10) if self._plan.words else ''}"
            f"{self.doubt + chr(10) if self.doubt else ''}"
            "not read yet: .to_pandas() .to_arrow() .to_parquet(path) .to_polars() .to_duckdb() .to_dask()"
        )

    def _repr_html_(self) -> str:
        return block(lines(repr(self)))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
