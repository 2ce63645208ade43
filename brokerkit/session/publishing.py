"""Publishing values and frames."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from brokerkit.core.errors import BrokerError, ConfigError, PublishFailed
from brokerkit.core.messages import OutboundMessage, PublishResult
from brokerkit.frames.outbound import Item, Kind, Outbound, messages_from_frame
from brokerkit.frames.outcome import OutcomeFrame, outcome_frame
from brokerkit.frames.provenance import provenance_of

from .interrupted import Interrupted
from .progress import bar

if TYPE_CHECKING:
    from brokerkit.core.publisher import ConnectedPublisher

CHUNK_ROWS = 5_000


def message_of(value: Any, key: str | bytes | None = None, attributes: Any = None) -> OutboundMessage:
    """A value as a message: dict and list as JSON, str and bytes as they are, None as a null payload."""
    if isinstance(value, OutboundMessage):
        if key is not None or attributes is not None:
            raise ConfigError(
                "an OutboundMessage brings its own key and attributes: leave key= and attributes= out"
            )
        return value
    if isinstance(value, dict | list):
        try:
            value = orjson.dumps(value)
        except TypeError as error:
            raise TypeError(f"the value cannot be written as JSON: {error}") from error
    elif value is not None and not isinstance(value, str | bytes | bytearray | memoryview):
        raise TypeError(
            f"a value to publish must be dict, list (as JSON), str, bytes or None, not {type(value).__name__}"
        )
    return OutboundMessage(value, key, attributes)


def publish_all(
    publisher: ConnectedPublisher, topic: str, messages: Sequence[OutboundMessage], timeout: float | None
) -> list[PublishResult]:
    """Publish and raise `PublishFailed` with every outcome unless all were confirmed."""
    results = publisher.topic(topic).publish_batch(messages, timeout=timeout)
    failed = [result for result in results if not result.ok]
    if failed:
        unknown = sum(1 for result in failed if result.status == "unknown")
        cause = failed[0].error
        doubt = f", {unknown} of them unknown: they may be stored" if unknown else ""
        raise PublishFailed(
            f"{len(failed)} of {len(results)} messages to {topic!r} were not confirmed{doubt}; "
            f"the first: {cause}",
            results=results,
        ) from cause
    return results


class FramePublishing:
    """One `publish_frame` call: which rows go out, and what becomes of each."""

    def __init__(
        self, publisher: ConnectedPublisher, topic: str, outbound: Outbound, resume: pd.DataFrame | None
    ) -> None:
        self._publisher = publisher
        self._topic = topic
        self._outbound = outbound
        known = provenance_of(resume) if resume is not None else None
        self._run = str((known or {}).get("run") or uuid.uuid4().hex)
        self._results: list[PublishResult | None] = [None] * len(outbound)
        if resume is not None:
            self._take_over(resume)

    def _take_over(self, outcome: pd.DataFrame) -> None:
        """What an earlier call did stays done; what it does not know is only tried where that is safe."""
        if not {"row", "status"} <= set(outcome.columns):
            raise ConfigError(
                "resume= wants the outcome frame of an earlier publish_frame (columns row, status)"
            )
        if len(outcome) and int(outcome["row"].max()) >= len(self._results):
            raise ConfigError("resume= belongs to a longer frame: publish the same frame again")
        safe = self._publisher.capabilities.dedup_ids
        for row, status, identity in zip(outcome["row"], outcome["status"], outcome["id"], strict=True):
            if status == "confirmed" or (status == "unknown" and not safe):
                self._results[int(row)] = PublishResult(status, None if pd.isna(identity) else str(identity))

    def run(self, *, timeout: float | None, progress: bool) -> OutcomeFrame:
        """Publish everything; only an interrupt ends it early."""
        row = 0
        sent_to = 0
        with bar(f"publish to {self._topic}", len(self._outbound), show=progress) as shown:
            try:
                for chunk in self._outbound.chunks(CHUNK_ROWS):
                    sent_to = row + len(chunk)
                    self._chunk(row, chunk, timeout)
                    row = sent_to
                    shown.update(len(chunk))
            except KeyboardInterrupt as interrupt:
                raise self._interrupted(row, sent_to) from interrupt
        return self.outcome()

    def _chunk(self, begin: int, chunk: Sequence[Item], timeout: float | None) -> None:
        rows, messages = [], []
        for row, item in enumerate(chunk, begin):
            if self._results[row] is not None:
                continue
            if isinstance(item, BrokerError):
                self._results[row] = PublishResult("failed", error=item)
            else:
                rows.append(row)
                messages.append(item.named(f"{self._run}-{row}"))
        results = (
            self._publisher.topic(self._topic).publish_batch(messages, timeout=timeout) if messages else []
        )
        for row, result in zip(rows, results, strict=True):
            self._results[row] = result

    def _interrupted(self, begin: int, end: int) -> Interrupted:
        doubtful = BrokerError("interrupted while it was being published")
        for row in range(begin, end):
            if self._results[row] is None:
                self._results[row] = PublishResult("unknown", error=doubtful)
        outcome = self.outcome()
        return Interrupted(
            f"publish_frame to {self._topic!r} was interrupted after {begin:,} of {len(self._results):,} "
            "rows. The outcomes are in session.last_interrupted.frame; "
            "publish_frame(..., resume=that) goes on.",
            outcome,
        )

    def outcome(self) -> OutcomeFrame:
        """The outcome of every row that was tried."""
        tried = {row: result for row, result in enumerate(self._results) if result is not None}
        outcome = outcome_frame(tried.values(), tried)
        outcome.attrs["brokerkit"] = {"run": self._run, "topic": self._topic}
        return outcome


def plan_of(frame: Any, kind: Kind | None, key: str | None, columns: Sequence[str] | None) -> Outbound:
    """What publishing a frame would send."""
    return messages_from_frame(frame, kind=kind, key=key, columns=columns)
