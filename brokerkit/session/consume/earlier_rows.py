"""A warning for rows that are earlier than the time at which a subscription was asked to begin.

A subscription begins at a place: at the first message that is not earlier. Where producers set the times,
earlier messages may be stored behind it, and they are delivered as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from brokerkit.core.runtime.received import ReceivedBatch
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.positions import AtTime, parse

if TYPE_CHECKING:
    MakeFrame = Callable[[Sequence[ReceivedBatch]], pd.DataFrame]


class EarlierRowsWarning(UserWarning):
    """Some of the rows are earlier than the time at which the subscription was asked to begin."""


def noting_earlier_rows(make_frame: MakeFrame, start: Any) -> MakeFrame:
    """Return a function that makes the same frames, and warns once with `EarlierRowsWarning`.

    Call this before the subscription is made: a relative time then counts from no later moment.
    """
    begin = None if start is None else parse(start)
    if not isinstance(begin, AtTime):
        return make_frame
    moment = pd.Timestamp(begin.microseconds, unit="us", tz="UTC")
    told = False

    def make(batches: Sequence[ReceivedBatch]) -> pd.DataFrame:
        nonlocal told
        frame = make_frame(batches)
        earlier = int((frame["publish_time"] < moment).sum())
        if earlier and not told:
            told = True
            note(
                f"{earlier:,} of these {len(frame):,} rows are earlier than start={start!r}: a subscription "
                "begins at a place, and messages with earlier times are stored behind it. "
                "frame[frame.publish_time >= ...] leaves them out",
                EarlierRowsWarning,
            )
        return frame

    return make
