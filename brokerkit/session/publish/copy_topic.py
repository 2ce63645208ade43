"""Copying a topic to a topic of any system."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.runtime.message_consumer import MessageConsumer
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotSupported
from brokerkit.core.vocabulary.interrupts import Hold
from brokerkit.core.vocabulary.messages import OutboundMessage, new_run
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.results import PublishInterrupted, PublishResult
from brokerkit.core.vocabulary.topics import Counted, Slice
from brokerkit.core.vocabulary.windows import slices_of
from brokerkit.display.progress import bar, expected
from brokerkit.frames.outcome import OutcomeFrame, outcome_frame
from brokerkit.frames.provenance import provenance_of

from ..arguments import MAX_BYTES, MessageIds, keeps_ids, model_of
from ..consume.pull import left_in_time
from ..interrupted import Interrupted, outcome_kept
from ..read.ranges import Range, range_finder
from .batch import answers_to_nothing
from .copy_attributes import TOLD, messages_to_copy, named, times_of
from .journal import Journal
from .placement import Partitions, Placement, Times, partitions_of, placement_of
from .resending import KnownNames, known_again

if TYPE_CHECKING:
    from brokerkit.core.runtime.publisher import ConnectedPublisher
    from brokerkit.core.runtime.received import ReceivedBatch
    from brokerkit.core.vocabulary.capabilities import Capabilities

    from ..base import BrokerSession


class CopyWarning(UserWarning):
    """A copy ended before all messages were copied."""


CHUNK_ROWS = 2_000
FETCH_ROWS = 500
GATHER_SECONDS = 0.2
"""How long to wait for more messages to send together: some come only once those before them are settled."""
LOOKED_AT = 32
"""How many partitions have their first messages checked before a copy begins."""


@dataclass(frozen=True)
class CopyOptions:
    """Which messages of the source are copied, and how. The fields are arguments of `Session.copy`.

    Attributes:
        span: The values of `start`, `end` and `lateness`.
    """

    span: Range
    subscription: str | None = None
    share: bool = False
    idle: float = 2.0
    resume: pd.DataFrame | None = None
    partitions: Partitions | None = None
    times: Times | None = None
    scan_for_time: bool = False
    progress: bool = True
    message_ids: MessageIds = "new"


def copy_topic(
    source: BrokerSession,
    src: str,
    target: BrokerSession,
    dst: str,
    given: CopyOptions,
    journal: Journal | None,
) -> OutcomeFrame:
    """Copy a topic; see `Session.copy`."""
    if not hasattr(target, "shared_publisher"):
        raise ConfigError(
            f"copy needs the session to copy to: copy(topic, session, topic), not {target!r:.60}"
        )
    if target.name == source.name and src == dst:
        raise ConfigError(f"{src!r} would be copied to itself: choose another topic")
    publisher = target.shared_publisher()
    placement = placement_of(
        target,
        dst,
        partitions=given.partitions,
        times=given.times,
        source=partitions_of(source, [src]) if source.capabilities.partitions else None,
        has_partitions=source.capabilities.partitions,
    )
    copying = Copying(
        publisher,
        src,
        dst,
        given.resume,
        placement,
        known_again=known_again(target, dst),
        keep_ids=keeps_ids(given.message_ids),
        features=source.capabilities,
        elsewhere=source.name != target.name,
    )
    if journal is not None:
        copying.keep_in(journal, source.name)

    def work(hold: Hold) -> OutcomeFrame:
        hold.begin()
        if given.subscription is None:
            if source.capabilities.slices == "never":
                raise NotSupported(
                    "this system cannot be read without taking messages: name a subscription whose messages "
                    "are to be copied and acknowledged, copy(..., subscription=...)"
                )
            located = range_finder(source, given.scan_for_time).locate(src, given.span)
            copying.doubt = given.span.doubt(located)
            planned = [slice_ for each in located for slice_ in slices_of(src, each)]
            copying.foresee(source.inspector, planned)
            return copying.slices(source.inspector, planned, given.progress)
        if source.connection.model_for(model_of(None, given.share)) != "message":
            raise NotSupported(
                "a subscription of this system acknowledges positions, not messages: copy without "
                "subscription=, from start= to end="
                + (", or from a share group, share=True" if "message" in source.capabilities.models else "")
            )
        consumer = source.consumer(src, given.subscription, model="message")
        assert isinstance(consumer, MessageConsumer)
        with left_in_time(consumer):
            return copying.subscription(consumer, given.idle, given.progress)

    return outcome_kept(source, work, copying.interrupted)


class Copying:
    """One `copy` call: the messages that were sent, their names, and their outcomes.

    Args:
        resume: The outcome frame of an earlier call. Messages that it confirmed are not sent again.
        known_again: For how many seconds the topic recognizes a message; see `FramePublishing`.
        keep_ids: Whether messages keep their ids.
        features: The features of the system that they come from.
        elsewhere: Whether the target is another broker.
    """

    def __init__(
        self,
        publisher: ConnectedPublisher,
        source: str,
        target: str,
        resume: pd.DataFrame | None,
        placement: Placement,
        *,
        known_again: float | None = None,
        keep_ids: bool = False,
        features: Capabilities | None = None,
        elsewhere: bool = True,
    ) -> None:
        self._elsewhere = elsewhere
        self._features = features
        self._names = KnownNames(known_again)
        self._doubtful: set[str] = set()
        self._keep_ids = keep_ids
        self._publisher = publisher
        self._placement = placement
        self._source = source
        self._target = target
        self._run = new_run()
        self._slices: list[Slice] | None = None
        self._journal: Journal | None = None
        self.doubt = ""
        self._settled: dict[str, PublishResult] = {}
        self._ids: list[str] = []
        self._results: list[PublishResult] = []
        if resume is not None:
            self._take_over(resume)

    def keep_in(self, journal: Journal, source: str) -> None:
        """Record the outcomes in a journal too, and take over those of an earlier call."""
        if self._settled and journal.known:
            raise ConfigError("the journal records what was done: leave resume= out")
        journal.begin(
            kind="copy", topic=self._target, target=self._publisher.name, copied=self._source,
            source=source, run=self._run,
        )  # fmt: skip
        self._journal = journal
        self._run = journal.head["run"]
        if journal.plan is not None:
            self._slices = [Slice.from_plain(each) for each in journal.plan]
            self._take_over(self._frame(list(journal.known), list(journal.known.values()), journal.sent))

    def _take_over(self, outcome: pd.DataFrame) -> None:
        known = provenance_of(outcome) or {}
        if "copied" not in known or not {"source", "status", "id"} <= set(outcome.columns):
            raise ConfigError(
                "resume= wants the outcome frame of an earlier copy, as returned or as found in "
                "session.last_interrupted.frame"
            )
        if (known["copied"], known["topic"]) != (self._source, self._target):
            raise ConfigError(
                f"resume= belongs to a copy of {known['copied']!r} to {known['topic']!r}, not of "
                f"{self._source!r} to {self._target!r}"
            )
        if known["tried"] != len(outcome):
            raise ConfigError(
                f"resume= wants the whole outcome frame of {known['tried']:,} rows, not {len(outcome):,} of "
                "them: what is left out of it would be copied again"
            )
        self._run = known["run"]
        if known["slices"] is not None:
            self._slices = [Slice.from_plain(each) for each in known["slices"]]
        self._names.take_over(known)
        safe = self._publisher.capabilities.dedup_ids
        late = safe and not self._names.may_repeat()
        for source, status, identity in zip(outcome["source"], outcome["status"], outcome["id"], strict=True):
            doubtful = status == "unknown"
            if status in ("confirmed", "duplicate") or (doubtful and (late or not safe)):
                error = self._names.refusal if doubtful and late else None
                self._settled[source] = PublishResult(
                    status, None if pd.isna(identity) else str(identity), error
                )
            elif doubtful:
                self._doubtful.add(source)
        self._names.note_left(sum(result.status == "unknown" for result in self._settled.values()))

    def foresee(self, inspector: ConnectedInspector, planned: Sequence[Slice]) -> None:
        """Warn before anything is sent if times will not be kept, as far as the first messages show."""
        if self._slices is not None or not self._placement.may_be_too_old:
            return
        firsts = {slice_.partition: slice_ for slice_ in reversed(planned) if not slice_.empty}
        for slice_ in [*firsts.values()][:LOOKED_AT]:
            with closing(inspector.read(slice_)) as reading:
                columns = next(reading, None)
            if columns is not None:
                self._placement.times(times_of(columns), told=TOLD)

    def slices(self, inspector: ConnectedInspector, planned: Sequence[Slice], progress: bool) -> OutcomeFrame:
        """Copy the messages in these slices, or in those of the call that is resumed.

        If the target does not answer, this ends early with a `CopyWarning`.
        """
        slices = self._plan(planned)
        total, counted = expected(slices)
        with self._progress(total, counted, progress) as shown:
            for slice_ in slices:
                for columns in inspector.read(slice_):
                    for part in _parts(columns):
                        began = time.monotonic()
                        results = self._send(part)
                        shown.update(part.length)
                        if answers_to_nothing(results, began):
                            self._note_end(f"of about {total:,}")
                            return self.outcome()
        return self.outcome()

    def subscription(self, consumer: MessageConsumer, idle: float, progress: bool) -> OutcomeFrame:
        """Copy and acknowledge messages until none came for `idle` seconds.

        If the target does not confirm some messages, they are returned and the copy ends.
        """
        self._plan([])
        with self._progress(None, "exact", progress) as shown:
            complete = True
            while complete and (
                slices := consumer.fetch_many(
                    FETCH_ROWS, idle, window=min(idle, GATHER_SECONDS), thorough=True, max_bytes=MAX_BYTES
                )
            ):
                for received in slices:
                    results = self._send(received.columns)
                    complete = _settle(received, results) and complete
                    shown.update(len(received))
        if not complete:
            self._note_end("and left the others in the subscription")
        return self.outcome()

    def _plan(self, slices: Sequence[Slice]) -> list[Slice]:
        """Return the slices of the call that is resumed, otherwise these."""
        if self._slices is None:
            self._slices = list(slices)
            if self._journal is not None:
                self._journal.keep_plan([each.plain for each in slices])
        return self._slices

    def _note_end(self, rest: str) -> None:
        note(
            f"copying {self._source!r} to {self._target!r} ended early, because the target did not confirm: "
            f"it tried {len(self._results):,} messages {rest}. The same call with resume= and this outcome "
            "frame goes on",
            CopyWarning,
        )

    def _progress(self, total: int | None, counted: Counted, show: bool) -> Any:
        return bar(f"copy {self._source} to {self._target}", total, counted=counted, show=show)

    def _send(self, columns: Columns) -> list[PublishResult]:
        """Publish rows that are not settled, in order, and return the result of each."""
        ids = [str(each) for each in columns.values("id")]
        if self._doubtful and not self._names.may_repeat():
            late = PublishResult("unknown", error=self._names.refusal)
            self._names.note_left(len(self._doubtful))
            self._settled |= dict.fromkeys(self._doubtful, late)
        settled = [self._settled.get(each) for each in ids]
        rows = [row for row, result in enumerate(settled) if result is None]
        messages = self._messages(columns.take(rows)) if rows else []
        for row, message in zip(rows, messages, strict=True):
            message.send_again(f"{self._run}-{ids[row]}", keep_id=self._keep_ids, elsewhere=self._elsewhere)
        begin = len(self._ids)
        self._ids += ids
        doubtful = PublishResult("unknown", error=BrokerError("interrupted while it was being copied"))
        self._results += [doubtful if result is None else result for result in settled]
        if messages:
            if self._journal is not None:
                self._journal.sending([ids[row] for row in rows])
            self._names.sent(time.time(), [None])
            try:
                sent = self._publisher.topic(self._target).publish_batch(messages)
            except PublishInterrupted as interrupt:
                self._keep(begin, rows, list(map(named, interrupt.results, messages)))
                raise
            self._keep(begin, rows, list(map(named, sent, messages)))
        return self._results[begin:]

    def _keep(self, begin: int, rows: Sequence[int], results: Sequence[PublishResult]) -> None:
        """Keep the outcomes of rows that were sent."""
        for row, result in zip(rows, results, strict=True):
            self._results[begin + row] = result
        if self._journal is not None:
            self._journal.outcome([self._ids[begin + row] for row in rows], results)

    def _messages(self, columns: Columns) -> list[OutboundMessage]:
        return messages_to_copy(
            columns,
            self._publisher.capabilities,
            self._placement,
            source=self._features,
            elsewhere=self._elsewhere,
        )

    def outcome(self) -> OutcomeFrame:
        """Return the outcome of each message so far; the column `source` has its id in the source."""
        return self._frame(self._ids, self._results)

    def _frame(
        self, ids: Sequence[str], results: Sequence[PublishResult], sent: Mapping[str, Any] | None = None
    ) -> OutcomeFrame:
        if sent is None:
            unknown = any(result.status == "unknown" for result in results)
            sent = self._names.details() if unknown else {}
        made = outcome_frame(results)
        made.insert(1, "source", pd.Series(pd.arrays.ArrowExtensionArray(pa.array(ids, pa.string()))))
        made.attrs["brokerkit"] = {
            "run": self._run,
            "copied": self._source,
            "topic": self._target,
            "tried": len(made),
            "placing": self._placement.summary(),
            **({"doubt": self.doubt} if self.doubt else {}),
            **sent,
            # None: the call ended before it knew what to copy
            "slices": None if self._slices is None else [each.plain for each in self._slices],
        }
        return made

    def interrupted(self) -> Interrupted:
        """Return the error for an interrupt, with the outcomes so far."""
        return Interrupted(
            f"copying {self._source!r} to {self._target!r} was interrupted after {len(self._results):,} "
            "messages. The outcomes are in session.last_interrupted.frame; "
            "the same call with resume=session.last_interrupted.frame goes on.",
            self.outcome(),
        )


def _parts(columns: Columns) -> Iterator[Columns]:
    for begin in range(0, columns.length, CHUNK_ROWS):
        yield columns.slice(begin, min(begin + CHUNK_ROWS, columns.length))


def _settle(received: ReceivedBatch, results: Sequence[PublishResult]) -> bool:
    """Acknowledge confirmed messages and redeliver the others. Return whether all were confirmed."""
    if all(result.ok for result in results):
        received.ack()
        return True
    for message, result in zip(received.messages(), results, strict=True):
        if result.ok:
            message.ack()
        else:
            message.nack()
    return False
