"""Taking a batch of messages as one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from brokerkit.core.contract.ack_errors import combined_ack_error
from brokerkit.core.runtime.received import ReceivedBatch
from brokerkit.core.runtime.silence import Ending
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import AckFailed, BrokerError, ConfigError
from brokerkit.core.vocabulary.interrupts import Hold
from brokerkit.frames.provenance import attach

from ..build_frame import frame_of
from ..interrupted import Interrupted
from ..options import ReadOptions

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.core.runtime.message_consumer import MessageConsumer
    from brokerkit.core.runtime.record_consumer import RecordConsumer

    from ..base import BrokerSession

    AnyConsumer = MessageConsumer | RecordConsumer


def check_give_back(ack: bool, side_effects: str | None, capabilities: Capabilities) -> None:
    """Raise ConfigError if returning them would raise delivery counts and the caller did not accept that."""
    if not isinstance(ack, bool):
        raise ConfigError(f"ack must be True or False, not {ack!r}")
    if side_effects not in (None, "give back"):
        raise ConfigError(f'side_effects must be "give back" or None, not {side_effects!r}')
    if not ack and capabilities.delivery_count and side_effects != "give back":
        raise ConfigError(
            "ack=False gives the messages back, which raises their delivery counts here (and may send "
            'them to a dead-letter topic): say so with side_effects="give back", or use peek'
        )


def collect(
    consumer: AnyConsumer,
    limit: int,
    *,
    timeout: float | None,
    idle: float | None,
    ending: Ending | None = None,
    max_bytes: int | None = None,
) -> list[ReceivedBatch]:
    """Return up to `limit` rows, until none came for `idle` seconds after the first, or until `timeout`.

    Where the broker says how many messages are left, `idle` does not end it before those have come.

    Args:
        consumer: The consumer.
        limit: At most so many rows.
        timeout: Seconds in all, counted from when it is attached.
        idle: Seconds to wait for another message.
        ending: Records why it ended.
        max_bytes: As in `Session.pull`.
    """
    # the timeout starts when it is attached
    consumer.attach()
    return consumer.fetch_many(limit, timeout, idle=idle, ending=ending, max_bytes=max_bytes)


def frame_maker(
    session: BrokerSession, reading: ReadOptions, details: dict[str, Any]
) -> Callable[[Sequence[ReceivedBatch]], pd.DataFrame]:
    """Return a function that makes one frame of the rows of received batches.

    A wrong decoder raises ConfigError now, not later.
    """
    reading.builder(session.schema_source, session.mask)

    def make(batches: Sequence[ReceivedBatch]) -> pd.DataFrame:
        builder = reading.builder(session.schema_source, session.mask)
        table = builder.to_table(builder.batches(received.columns for received in batches))
        return frame_of(table, builder, source=session.name, expand=reading.expand, details=details)

    return make


CLOSE_SECONDS = 4.0
KEPT_IN = "session.last_pull"
LINGER_SECONDS = 0.5
"""Seconds that an interrupt waits for messages to be returned; it takes effect within a second."""


class Acknowledging:
    """An acknowledgement of everything in a frame; an error or an interrupt carries the frame.

    Args:
        make_frame: Makes the frame when there is an error to carry it.
        kept_in: Where else the rows are, for the text of the error.
    """

    def __init__(
        self, batches: Sequence[ReceivedBatch], make_frame: Callable[[], pd.DataFrame], *, kept_in: str
    ) -> None:
        self._pieces = batches
        self._make_frame = make_frame
        self._kept_in = kept_in

    def run(self) -> None:
        """Acknowledge.

        Raises:
            AckFailed: Some rows were not confirmed; `failures` has them by row. Also StaleAck and LockLost.
            Interrupted: Ctrl-C was pressed.
        """
        failures: dict[int, BrokerError] = {}
        row = 0
        try:
            for received in self._pieces:
                failures.update({row + index: error for index, error in _errors_of(received).items()})
                row += len(received)
        except KeyboardInterrupt as interrupt:
            raise self.interrupted() from interrupt
        except BrokerError as error:
            rows = sum(len(received) for received in self._pieces)
            raise self._failed({**failures, **dict.fromkeys(range(row, rows), error)}) from error
        if failures:
            raise self._failed(failures)

    def interrupted(self) -> Interrupted:
        """Return the error for an interrupt after the acknowledgement has begun."""
        return Interrupted(
            "interrupted while acknowledging: some of these rows may be acknowledged, the others are "
            f"redelivered. All of them are in this error's .frame and in {self._kept_in}.",
            self._make_frame(),
        )

    def _failed(self, failures: dict[int, BrokerError]) -> AckFailed:
        cause = next(iter(failures.values()))
        frame = self._make_frame()
        made = combined_ack_error(
            failures,
            f"{len(failures):,} of {len(frame):,} rows were not confirmed as acknowledged: {cause}. Rows "
            "that were not acknowledged are redelivered. All rows are in this error's .frame and in "
            f"{self._kept_in}",
        )
        made.frame = frame
        return made


def _errors_of(received: ReceivedBatch) -> dict[int, BrokerError]:
    try:
        received.ack()
    except AckFailed as error:
        if len(received) > 1 and not error.failures:
            raise
        return error.failures or {0: error}
    return {}


@contextmanager
def left_in_time(consumer: AnyConsumer) -> Iterator[None]:
    """Close the consumer at the end; after an interrupt, one that hangs is closed in the background."""
    try:
        yield
    except KeyboardInterrupt:
        consumer.begin_close(CLOSE_SECONDS)
        consumer.wait_closed(Deadline(LINGER_SECONDS))
        raise
    except BaseException:
        consumer.close(CLOSE_SECONDS)
        raise
    consumer.close(CLOSE_SECONDS)


class Pulling:
    """One `pull`: collect, make a frame, acknowledge, and close the consumer, which returns the rest.

    Args:
        keep: Called with the frame before anything is acknowledged. A later interrupt carries the frame.
    """

    def __init__(
        self,
        consumer: AnyConsumer,
        *,
        ack: bool,
        make_frame: Callable[[Sequence[ReceivedBatch]], pd.DataFrame],
        keep: Callable[[pd.DataFrame], None],
    ) -> None:
        self._consumer = consumer
        self._ack = ack
        self._make_frame = make_frame
        self._keep = keep
        self._frame: pd.DataFrame | None = None
        self._acknowledged = False

    def run(
        self,
        limit: int,
        hold: Hold | None = None,
        *,
        timeout: float | None,
        idle: float | None,
        max_bytes: int | None,
    ) -> pd.DataFrame:
        """Pull. Once there is a frame, an interrupt is held back until a wait."""
        with left_in_time(self._consumer):
            ending = Ending()
            batches = collect(
                self._consumer, limit, timeout=timeout, idle=idle, ending=ending, max_bytes=max_bytes
            )
            frame = attach(self._make_frame(batches), {"stopped": ending.why})
            if hold is not None:
                hold.begin()
            self._keep(frame)
            if self._ack:
                self._frame = frame
                Acknowledging(batches, lambda: frame, kept_in=KEPT_IN).run()
                self._acknowledged = True
        return frame

    def interrupted(self) -> Interrupted | None:
        """Return the error for an interrupt; None where everything is returned."""
        if self._frame is None:
            return None
        what = f"when all was done: these {len(self._frame):,} rows are acknowledged"
        if not self._acknowledged:
            what = "while acknowledging: some of these rows may be acknowledged, the others are redelivered"
        return Interrupted(
            f"interrupted {what}. They are in this error's .frame and in {KEPT_IN}.", self._frame
        )
