"""Taking a batch of messages as one frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from brokerkit.core.cancellation import Deadline
from brokerkit.core.capabilities import Capabilities
from brokerkit.core.errors import AckFailed, BrokerError, ConfigError
from brokerkit.core.held import Held
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.expand import expand
from brokerkit.frames.provenance import attach, provenance

from .interrupted import Interrupted

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.core.message_consumer import MessageConsumer
    from brokerkit.core.record_consumer import RecordConsumer

    AnyConsumer = MessageConsumer | RecordConsumer


def check_give_back(ack: bool, side_effects: str | None, capabilities: Capabilities) -> None:
    """Giving back raises delivery counts where they are kept: that wants to be said."""
    if side_effects not in (None, "give back"):
        raise ConfigError(f'side_effects must be "give back" or None, not {side_effects!r}')
    if not ack and capabilities.delivery_count and side_effects != "give back":
        raise ConfigError(
            "ack=False gives the messages back, which raises their delivery counts here (and may send "
            'them to a dead-letter topic): say so with side_effects="give back", or use peek'
        )


def collect(consumer: AnyConsumer, most: int, *, timeout: float, idle: float) -> list[Held]:
    """Up to `most` rows: until nothing new came for `idle` seconds after the first, or `timeout`."""
    consumer.attach()
    deadline = Deadline(timeout)
    pieces: list[Held] = []
    missing = most
    while missing:
        patience = deadline.remaining() if not pieces else min(idle, deadline.remaining())
        held = consumer.next_held(missing, patience)
        if held is None:
            break
        pieces.append(held)
        missing -= len(held)
    return pieces


def frame_of(
    pieces: Sequence[Held],
    *,
    decode: Any,
    attributes: bool,
    expanded: bool,
    source: str,
    details: dict[str, Any],
) -> pd.DataFrame:
    """The rows of held batches as one frame."""
    builder = FrameBuilder(decode, attributes)
    table = builder.to_table(builder.batches(held.columns for held in pieces))
    if expanded:
        table = expand(table)
    return attach(to_pandas(table), provenance(builder, source=source, details=details))


def acknowledge(pieces: Sequence[Held], frame: pd.DataFrame) -> None:
    """Acknowledge everything that is in a frame; an error or interrupt carries the frame."""
    failures: dict[int, BrokerError] = {}
    row = 0
    try:
        for held in pieces:
            try:
                held.ack()
            except AckFailed as error:
                failed = error.failures or {0: error}
                failures.update({row + index: each for index, each in failed.items()})
            row += len(held)
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            "interrupted while acknowledging: some of these rows may be acknowledged, the others come again. "
            "All are in session.last_pull",
            frame,
        ) from interrupt
    except BrokerError as error:
        raise _ack_failed(f"the acknowledgement failed: {error}", frame, error, {}) from error
    if failures:
        first = next(iter(failures.values()))
        text = (
            f"{len(failures):,} of {len(frame):,} rows could not be acknowledged and will come again: {first}"
        )
        raise _ack_failed(text, frame, first, failures) from first


def _ack_failed(
    text: str, frame: pd.DataFrame, cause: BrokerError, failures: dict[int, BrokerError]
) -> AckFailed:
    kind = type(cause) if isinstance(cause, AckFailed) else AckFailed
    made = kind(
        f"{text}. The rows are in this error's .frame and in session.last_pull",
        retryable=cause.retryable,
        failures=failures,
    )
    made.frame = frame
    return made
