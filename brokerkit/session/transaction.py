"""What is published together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from brokerkit.frames.outbound import Kind
from brokerkit.frames.outcome import OutcomeFrame

from .interrupted import Interrupted
from .publishing import FramePublishing, message_of, messages_of, plan_of, publish_all

if TYPE_CHECKING:
    from brokerkit.core.messages import PublishResult
    from brokerkit.core.publisher import ConnectedPublisher


class Transaction:
    """What can be done inside ``with session.transaction() as tx:``."""

    def __init__(self, publisher: ConnectedPublisher) -> None:
        self._publisher = publisher

    def publish(
        self,
        topic: str,
        value: Any,
        *,
        key: str | bytes | None = None,
        attributes: Any = None,
        partition: int | None = None,
        publish_time: datetime | None = None,
    ) -> PublishResult:
        """Like `Session.publish`, within the transaction."""
        message = message_of(value, key, attributes, partition, publish_time)
        return publish_all(self._publisher, topic, [message], None)[0]

    def publish_batch(self, topic: str, values: Sequence[Any]) -> list[PublishResult]:
        """Like `Session.publish_batch`, within the transaction."""
        return publish_all(self._publisher, topic, messages_of(values), None)

    def publish_frame(
        self,
        topic: str,
        df: Any,
        *,
        key: str | None = None,
        kind: Kind | None = None,
        columns: Sequence[str] | None = None,
        progress: bool = True,
    ) -> OutcomeFrame:
        """Like `Session.publish_frame`, within the transaction; a failed row raises, so that it aborts."""
        publishing = FramePublishing(self._publisher, topic, plan_of(df, kind, key, columns), None)
        try:
            outcome = publishing.run(timeout=None, progress=progress)
        except Interrupted as interrupt:
            # its outcomes are no longer true once the transaction is aborted
            raise Interrupted(
                f"publish_frame to {topic!r} was interrupted inside a transaction, which is aborted: nothing "
                "of it was published. Run the whole block again."
            ) from interrupt
        outcome.raise_for_failures()
        return outcome
