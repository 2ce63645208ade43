"""Batches of messages that the caller acknowledges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from brokerkit.core.held import Held

from .pulling import acknowledge

if TYPE_CHECKING:
    import pandas as pd

    from .pulling import AnyConsumer


class Batch:
    """Messages that are yours until you settle them.

        with batch:                # leaves normally: ack; raises: nack
            work(batch.frame)

    frame: the messages as a DataFrame.
    """

    def __init__(self, pieces: Sequence[Held], make_frame: Callable[[Sequence[Held]], pd.DataFrame]) -> None:
        self._pieces = pieces
        self._make_frame = make_frame

    @cached_property
    def frame(self) -> pd.DataFrame:
        return self._make_frame(self._pieces)

    def __len__(self) -> int:
        return sum(len(held) for held in self._pieces)

    @property
    def settled(self) -> bool:
        """Whether nothing is owed for any of its messages."""
        return all(held.settled for held in self._pieces)

    def ack(self) -> None:
        """Acknowledge all; on a log, commit past the last of each partition. Twice is fine.

        Raises AckFailed, StaleAck or LockLost, with `.frame`, for what did not take effect.
        """
        acknowledge(self._pieces, self.frame)

    def nack(self) -> None:
        """Give all back that is not settled; on a log, seek back to it."""
        for held in self._pieces:
            held.nack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.ack()
        elif not self.settled:
            self.nack()

    def __repr__(self) -> str:
        return f"<batch of {len(self):,} messages, {'settled' if self.settled else 'not settled'}>"


class Batches:
    """An endless iterator of `Batch`, with a consumer of its own until closed or collected.

    An interrupt while it waits loses nothing: iterate again and the same messages are handed over.
    With `idle` it ends when nothing came for so many seconds.
    """

    def __init__(
        self,
        consumer: AnyConsumer,
        make_frame: Callable[[Sequence[Held]], pd.DataFrame],
        *,
        size: int,
        window: float,
        idle: float | None,
    ) -> None:
        self._consumer = consumer
        self._make_frame = make_frame
        self._size = size
        self._window = window
        self._idle = idle

    @property
    def consumer(self) -> AnyConsumer:
        return self._consumer

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        pieces = self._consumer.gather(self._size, self._idle, window=self._window)
        if not pieces:
            raise StopIteration
        return Batch(pieces, self._make_frame)

    def close(self) -> None:
        """Give back what is not settled, and leave."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<batches of {self._size:,} from {self._consumer.name}>"
