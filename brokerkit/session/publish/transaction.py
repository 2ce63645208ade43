"""Transactions: messages that are published together or not at all.

A message that fails aborts its transaction, also if the block catches the error: none of the others is
published then, whatever the broker confirmed before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.interrupts import Hold
from brokerkit.core.vocabulary.results import PublishFailed, PublishResult
from brokerkit.frames.codecs.framing import FramingName
from brokerkit.frames.outbound import Kind
from brokerkit.frames.outcome import OutcomeFrame, outcome_frame

from ..arguments import check_topic
from ..interrupted import Interrupted
from .batch import BatchPublishing
from .frame import FramePublishing, plan_of
from .frame_placement import placed
from .messages import message_of, messages_of
from .schema_choice import Schema, payload_writer, when_json

if TYPE_CHECKING:
    from brokerkit.core.runtime.publisher import ConnectedPublisher
    from brokerkit.core.vocabulary.messages import OutboundMessage

    from ..base import BrokerSession
    from .placement import Partitions, Times


NOT_PUBLISHED = "not published: another message of its transaction failed, which aborts it"


class Transaction:
    """An open transaction: the object in ``with session.transaction() as tx:``.

    A message that fails aborts it, so that all outcomes in the error are `failed`.
    """

    def __init__(self, publisher: ConnectedPublisher, session: BrokerSession) -> None:
        self._publisher = publisher
        self._session = session
        self._results: list[PublishResult] = []
        self.committing = False
        self.failed: PublishFailed | None = None

    def publish(
        self,
        topic: str,
        value: Any,
        *,
        key: str | bytes | None = None,
        attributes: Any = None,
        partition: int | None = None,
        publish_time: datetime | None = None,
        schema: Schema | None = None,
        framing: FramingName | None = None,
        format: str | None = None,
    ) -> PublishResult:
        """Publish one message within the transaction; see `Session.publish`."""
        writer = payload_writer(self._session, check_topic(topic), schema, framing, format)
        on_json = when_json(self._session, topic, writer or schema)
        message = message_of(value, key, attributes, partition, publish_time, writer, on_json)
        return self._sent(topic, [message])[0]

    def publish_batch(
        self,
        topic: str,
        values: Sequence[Any],
        *,
        schema: Schema | None = None,
        framing: FramingName | None = None,
        format: str | None = None,
    ) -> list[PublishResult]:
        """Publish several messages within the transaction; see `Session.publish_batch`."""
        writer = payload_writer(self._session, check_topic(topic), schema, framing, format)
        on_json = when_json(self._session, topic, writer or schema)
        return self._sent(topic, messages_of(values, writer, on_json))

    def publish_frame(
        self,
        topic: str,
        df: Any,
        *,
        key: str | None = None,
        kind: Kind | None = None,
        columns: Sequence[str] | None = None,
        partitions: Partitions | None = None,
        times: Times | None = None,
        schema: Schema | None = None,
        framing: FramingName | None = None,
        format: str | None = None,
        progress: bool = True,
    ) -> OutcomeFrame:
        """Publish each row of a frame within the transaction; see `Session.publish_frame`.

        Raises:
            PublishFailed: A row failed. This aborts the transaction.
            Interrupted: Ctrl-C was pressed. This aborts the transaction.
        """
        writer = payload_writer(self._session, check_topic(topic), schema, framing, format)
        plan = plan_of(df, kind, key, columns, writer)
        if plan.as_json:
            when_json(self._session, topic, schema)()
        outbound, placement = placed(plan, df, self._session, topic, partitions, times)
        label = None if writer is None else writer.label
        publishing = FramePublishing(
            self._publisher, topic, outbound, None, placement=placement, schema=label
        )
        try:
            outcome = publishing.run(timeout=None, progress=progress)
        except KeyboardInterrupt as interrupt:
            raise _aborted("publish_frame", topic) from interrupt
        try:
            outcome.raise_for_failures()
        except PublishFailed as error:
            raise self._aborting(error) from error.__cause__
        self._results += outcome.results
        return outcome

    def _sent(self, topic: str, messages: Sequence[OutboundMessage]) -> list[PublishResult]:
        try:
            results = BatchPublishing(self._publisher, topic, messages).run(None)
        except PublishFailed as error:
            raise self._aborting(error) from error.__cause__
        except KeyboardInterrupt as interrupt:
            raise _aborted("publishing", topic) from interrupt
        self._results += results
        return results

    def _aborting(self, error: PublishFailed) -> PublishFailed:
        """Return the error with the outcomes that are true once the transaction is aborted."""
        others = BrokerError(NOT_PUBLISHED, retryable=error.retryable)
        results = [
            each if each.status == "failed" else PublishResult("failed", error=others)
            for each in error.results
        ]
        self.failed = PublishFailed(f"{error}. Nothing of the transaction is published", results=results)
        return self.failed

    def interrupted(self) -> Interrupted | None:
        """Return the error for an interrupt during the commit; None before that."""
        if not self.committing:
            return None
        if self._publisher.in_transaction:
            error = BrokerError("interrupted while the transaction was being committed")
            outcome = outcome_frame([PublishResult("unknown", result.id, error) for result in self._results])
            what = "may be visible, all or none: it was interrupted while it was being committed"
        else:
            outcome = outcome_frame(self._results)
            what = "is committed; the interrupt came after that"
        return Interrupted(
            f"the transaction of {len(outcome):,} messages {what}. The outcomes are in "
            "session.last_interrupted.frame.",
            outcome,
        )


def _aborted(what: str, topic: str) -> Interrupted:
    """Return the error for an interrupt, without outcomes: the abort makes them untrue."""
    return Interrupted(
        f"{what} to {topic!r} was interrupted inside a transaction, which is aborted: nothing of it was "
        "published. Run the whole block again."
    )


@contextmanager
def committed_whole(session: BrokerSession, publisher: ConnectedPublisher) -> Iterator[Transaction]:
    """Run a transaction and close its publisher. An interrupt says whether it was committed."""
    transaction = Transaction(publisher, session)
    hold = Hold()
    try:
        with publisher, publisher.transaction():
            yield transaction
            if transaction.failed is not None:
                raise transaction.failed
            hold.begin()
            transaction.committing = True
        hold.end()
    except KeyboardInterrupt as interrupt:
        hold.restore()
        error = transaction.interrupted()
        if error is None:
            raise
        session.last_interrupted = error
        raise error from interrupt
    finally:
        hold.restore()
