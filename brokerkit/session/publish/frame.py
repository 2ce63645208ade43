"""Publishing the rows of a frame, with the outcome of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from brokerkit.core.contract.garbage_collection import uncollected
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, Unavailable
from brokerkit.core.vocabulary.interrupts import check_interrupt
from brokerkit.core.vocabulary.messages import new_run
from brokerkit.core.vocabulary.outbound_rows import OutboundRows, RowNames
from brokerkit.core.vocabulary.outcomes import exceptions
from brokerkit.core.vocabulary.results import PublishInterrupted, PublishResult
from brokerkit.display.progress import bar
from brokerkit.frames.codecs.payload_writers import PayloadWriter
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.outbound import Kind, Outbound, messages_from_frame
from brokerkit.frames.outcome import OutcomeFrame, outcome_frame, told_error
from brokerkit.frames.provenance import provenance_of

from ..interrupted import Interrupted
from .batch import answers_to_nothing
from .frame_content import DONE, FrameContent
from .frame_outcomes import FrameOutcomes
from .journal import Journal
from .pace import Pace
from .resending import KnownNames

if TYPE_CHECKING:
    from brokerkit.core.runtime.publisher import ConnectedPublisher

    from .placement import Placement

CHUNK_ROWS = 5_000
SHORT_SECONDS = 0.1
"""How long a part may take for the next one to have more rows."""
UNTRIED = "not tried, since the broker did not answer to the rows before it within their timeout"


class FramePublishing:
    """One `publish_frame` call: the rows that are sent, and the outcome of each.

    Args:
        resume: The whole outcome frame of an earlier call; None starts from the beginning.
        journal: Records the outcomes on disk; it may hold those of an earlier call.
        placement: The rules for partitions and times.
        known_again: For how many seconds the topic recognizes a message that is sent twice.
        keep_ids: Whether messages that already have an id keep it.
        schema: The schema that the rows are written with, in words; None without one.
        elsewhere: Whether the rows were read from another broker.

    Raises:
        ConfigError: The earlier outcomes belong to something else.
    """

    def __init__(
        self,
        publisher: ConnectedPublisher,
        topic: str,
        outbound: Outbound,
        resume: pd.DataFrame | None,
        journal: Journal | None = None,
        placement: Placement | None = None,
        *,
        known_again: float | None = None,
        keep_ids: bool = False,
        schema: str | None = None,
        elsewhere: bool = False,
    ) -> None:
        self._schema = schema
        self._elsewhere = elsewhere
        self._names = KnownNames(known_again)
        self._doubtful: set[int] = set()
        self._keep_ids = keep_ids
        self._began = 0.0
        self._publisher = publisher
        self._topic = topic
        self._outbound = outbound
        self._placement = placement
        self._run = new_run()
        self._results = FrameOutcomes(len(outbound))
        self._done = self._sent_to = 0
        self._content = FrameContent()
        self._journal = journal
        if journal is not None:
            if resume is not None and journal.known:
                raise ConfigError("the journal records what was done: leave resume= out")
            journal.begin(
                kind="publish_frame", topic=topic, target=publisher.name, rows=len(outbound), run=self._run
            )
            if journal.known:
                self._check_parts(journal)
                resume = self._known_outcome(journal)
            self._run = journal.head["run"]
        if resume is not None:
            self._take_over(resume)

    def _check_parts(self, journal: Journal) -> None:
        """Compare what was sent with the frame: at another rate, the parts are not the same ones."""
        for begin, end in journal.parts():
            journal.check([begin, end], self._outbound.batch(begin, end))

    def _known_outcome(self, journal: Journal) -> OutcomeFrame:
        """Return the outcomes in a journal as the outcome frame of the call that wrote it."""
        rows = sorted(journal.known)
        outcome = outcome_frame([journal.known[row] for row in rows], rows)
        outcome.attrs["brokerkit"] = {
            "run": journal.head["run"],
            "topic": self._topic,
            "rows": len(self._results),
            "tried": len(rows),
            **journal.sent,
        }
        return outcome

    def _take_over(self, outcome: pd.DataFrame) -> None:
        """Take over the outcomes of an earlier call. Unknown rows are only sent again where that is safe."""
        if not {"row", "status", "id"} <= set(getattr(outcome, "columns", ())):
            raise ConfigError(
                "resume= wants the outcome frame of an earlier publish_frame (columns row, status, id, "
                "error), as returned or as found in the interrupt's .frame"
            )
        known = provenance_of(outcome) or {}
        self._check_same(outcome, known)
        self._check_content(outcome, known)
        run = known.get("run")
        if isinstance(run, str):
            self._run = run
        # with another name a second copy would be stored
        self._names.take_over(known)
        safe = self._publisher.capabilities.dedup_ids and isinstance(run, str)
        late = safe and not self._names.may_repeat()
        errors = outcome["error"] if "error" in outcome.columns else [None] * len(outcome)
        rows = zip(outcome["row"], outcome["status"], outcome["id"], errors, strict=True)
        for row, status, identity, error in rows:
            doubtful = status == "unknown"
            if status in ("confirmed", "duplicate") or (doubtful and (late or not safe)):
                told = None if pd.isna(error) else told_error(str(error))
                self._results[int(row)] = PublishResult(
                    status,
                    None if pd.isna(identity) else str(identity),
                    self._names.refusal if doubtful and late else told,
                )
            elif doubtful:
                self._doubtful.add(int(row))
        self._names.note_left(self._results.unknown())

    def _check_same(self, outcome: pd.DataFrame, known: dict[str, Any]) -> None:
        if known.get("topic", self._topic) != self._topic:
            raise ConfigError(f"resume= belongs to the topic {known['topic']!r}, not {self._topic!r}")
        rows, tried = known.get("rows", len(self._results)), known.get("tried", len(outcome))
        highest = int(outcome["row"].max()) if len(outcome) else -1
        if rows != len(self._results) or highest >= len(self._results):
            raise ConfigError(
                f"resume= belongs to a frame of {max(rows, highest + 1):,} rows, and this one has "
                f"{len(self._results):,}: publish the same frame again"
            )
        if tried != len(outcome):
            raise ConfigError(
                f"resume= wants the whole outcome frame of {tried:,} rows, not {len(outcome):,} of them: "
                "what is left out of it would be published again"
            )

    def _check_content(self, outcome: pd.DataFrame, known: dict[str, Any]) -> None:
        """Compare the rows that are done with those of the frame, before anything is sent."""
        content = known.get("content")
        if not isinstance(content, dict):
            return
        for begin in range(0, len(self._outbound), CHUNK_ROWS):
            self._content.add(begin, self._outbound.batch(begin, begin + CHUNK_ROWS))
        done = np.zeros(len(self._outbound), np.bool_)
        done[outcome["row"][outcome["status"].isin(list(DONE))].to_numpy(int)] = True
        self._content.check(content, done)

    def run(self, *, timeout: float | None, progress: bool, rate: float | None = None) -> OutcomeFrame:
        """Publish everything; this ends early if the broker does not answer.

        After an interrupt, `interrupted` has the outcomes.

        Args:
            timeout: Seconds for each part.
            progress: Whether to show a progress bar.
            rate: How many rows a second are sent at most.
        """
        with bar(f"publish to {self._topic}", len(self._outbound), show=progress) as shown:
            pace = None if rate is None else Pace(rate)
            size = CHUNK_ROWS if pace is None else min(CHUNK_ROWS, pace.rows)
            while self._done < len(self._outbound):
                check_interrupt()
                if pace is not None:
                    pace.wait(lambda: shown.update(0))
                began = time.monotonic()
                chunk = self._outbound.batch(self._done, self._done + size)
                results = self._chunk(self._done, chunk, timeout)
                shown.update(len(chunk))
                if answers_to_nothing(results, began):
                    self._give_up()
                    break
                if pace is not None:
                    pace.sent(len(results))
                    continue
                size = self._next_size(size, time.monotonic() - began)
        return self.outcome()

    def _next_size(self, size: int, seconds: float) -> int:
        """Return how many rows to send next: more together, as long as they take little time.

        A journal keeps the outcomes of each 5,000.
        """
        if self._journal is not None or seconds > SHORT_SECONDS:
            return CHUNK_ROWS
        return min(2 * size, max(CHUNK_ROWS, self._publisher.most_messages))

    def _chunk(self, begin: int, chunk: OutboundRows, timeout: float | None) -> Sequence[PublishResult]:
        """Publish some rows, and return the outcomes of those that were sent."""
        place = [begin, begin + len(chunk)]
        digest = None if self._journal is None else self._journal.check(place, chunk)
        uncollected(self._content.add, begin, chunk)
        rows = self._rows_to_send(begin, chunk)
        messages = uncollected(self._messages, begin, chunk, rows)
        topic = self._publisher.topic(self._topic)
        if digest is not None and self._journal is not None and rows:
            self._journal.sending(place, digest)
        self._sent_to = begin + len(chunk)
        self._began = time.time()
        try:
            results = topic.publish_rows(messages, timeout=timeout) if rows else []
        except PublishInterrupted as interrupt:
            self._keep(begin, rows, interrupt.results)
            raise
        self._keep(begin, rows, results)
        return results

    def _keep(self, begin: int, rows: Sequence[int], results: Sequence[PublishResult]) -> None:
        """Keep the outcomes of rows that were sent."""
        self._results.add(rows, results)
        self._names.sent(self._began, exceptions(results))
        self._done = self._sent_to
        place = [begin, self._done]
        if self._journal is not None and (rows or begin not in self._journal.known):
            self._journal.outcome(place, list(self._results.between(begin, self._done)))

    def _rows_to_send(self, begin: int, chunk: OutboundRows) -> list[int]:
        """Return the rows to send, and note the outcome of the others."""
        rows = self._results.unknown_to(begin, begin + len(chunk))
        left = [] if self._names.may_repeat() else self._doubtful.intersection(rows)
        if left:
            self._names.note_left(len(self._doubtful))
        for row in left:
            self._results[row] = PublishResult("unknown", error=self._names.refusal)
        for place, wrong in chunk.wrong.items():
            if not self._results.knows(begin + place):
                self._results[begin + place] = PublishResult("failed", error=wrong)
        return [row for row in rows if not self._results.knows(row)] if left or chunk.wrong else rows

    def _messages(self, begin: int, chunk: OutboundRows, rows: list[int]) -> OutboundRows:
        """Return the messages of these rows, each with its name."""
        messages = chunk if len(rows) == len(chunk) else chunk.take([row - begin for row in rows])
        messages.dedup_ids = RowNames(self._run, rows, messages.dedup_ids)
        messages.sent_again = "same id" if self._keep_ids else "new id"
        messages.elsewhere = self._elsewhere
        return messages

    @property
    def _retrying(self) -> str:
        """What goes on from the outcome, in words."""
        if self._journal is not None:
            return "the same with this journal"
        return "publish_frame(..., resume=) with this outcome frame"

    def _give_up(self) -> None:
        """Mark the remaining rows as failed: each further part would only wait for the timeout again."""
        untried = PublishResult("failed", error=Unavailable(f"{UNTRIED}; {self._retrying} tries again"))
        for row in self._results.unknown_to(0, len(self._results)):
            self._results[row] = untried

    def interrupted(self) -> Interrupted:
        """Return the error for an interrupt, with the outcomes so far."""
        doubtful = PublishResult("unknown", error=BrokerError("interrupted while it was being published"))
        on_their_way = self._results.unknown_to(self._done, self._sent_to)
        self._names.sent(self._began, [None] * len(on_their_way))
        for row in on_their_way:
            self._results[row] = doubtful
        done, rows = self._done, len(self._results)
        how_far = f"after {done:,} of {rows:,} rows" if done < rows else f"when all {rows:,} rows were done"
        going = "publish_frame(..., resume=session.last_interrupted.frame)"
        if self._journal is not None:
            going = "and in the journal: the same call"
        return Interrupted(
            f"publish_frame to {self._topic!r} was interrupted {how_far}. The outcomes are in "
            f"session.last_interrupted.frame; {going} "
            + ("goes on." if done < rows else "sends nothing twice."),
            self.outcome(),
        )

    def outcome(self) -> OutcomeFrame:
        """Return the outcome of every row that was tried."""
        outcome = self._results.frame()
        outcome.attrs["brokerkit"] = {
            "run": self._run,
            "topic": self._topic,
            "rows": len(self._results),
            "tried": self._results.tried,
            "content": self._content.summary(CHUNK_ROWS, self._results.done()),
            **({} if self._placement is None else {"placing": self._placement.summary()}),
            **({} if self._schema is None else {"schema": self._schema}),
            **self._names.details(),
        }
        return outcome


def plan_of(
    frame: Any,
    kind: Kind | None,
    key: str | None,
    columns: Sequence[str] | None,
    writer: PayloadWriter | None = None,
) -> Outbound:
    """Return the messages that publishing a frame would send, written with a schema if there is a writer.

    Raises:
        ConfigError: It is not a frame, or one that cannot be published.
    """
    if isinstance(frame, MappedRows):
        if kind == "rows" or key is not None or columns is not None:
            raise ConfigError("kind=, key= and columns= are for frames; read_rows says what columns become")
        return frame.outbound(writer)
    try:
        return messages_from_frame(frame, kind=kind, key=key, columns=columns, writer=writer)
    except pa.ArrowException as error:
        raise ConfigError(
            f"a {type(frame).__name__} cannot be published as a frame ({error}); expected a pandas or polars "
            "DataFrame, or a pyarrow Table or RecordBatch"
        ) from error
