"""The rows of a file that would not be stored: no messages, or none that a system takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from brokerkit.core.runtime.refusal import rows_refused
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.outbound_rows import OutboundRows
from brokerkit.frames.mapped.rows import column_and_reason
from brokerkit.frames.outbound import Outbound

if TYPE_CHECKING:
    from brokerkit.frames.mapped import MappedRows

    from ..base import BrokerSession

CHUNK_ROWS = 5_000


def checked_batches(
    outbound: Outbound, capabilities: Capabilities, size: int = CHUNK_ROWS
) -> Iterator[tuple[int, OutboundRows, dict[int, tuple[str, str]]]]:
    """Iterate over where each part of some messages begins, the part, and by row what is wrong in it.

    A message is wrong where there is none, and where a system does not take it; it is told by the column and
    the reason.
    """
    for start in range(0, len(outbound), size):
        batch = outbound.batch(start, start + size)
        refused = rows_refused(batch, capabilities, capabilities.max_message_bytes)
        wrong = {
            start + place: column_and_reason(error) for place, error in {**refused, **batch.wrong}.items()
        }
        yield start, batch, wrong


def bad_rows(rows: MappedRows, session: BrokerSession) -> pd.DataFrame:
    """Return line, column and problem of each row that would not be stored.

    Raises:
        ConfigError: A column cannot be what it is to become.
    """
    found = dict(rows.wrong)
    for _, _, wrong in checked_batches(rows.outbound(), session.capabilities):
        for row, said in wrong.items():
            found.setdefault(row, said)
    numbers = sorted(found)
    return pd.DataFrame(
        {
            "line": [rows.source.place(row) for row in numbers],
            "column": [found[row][0] for row in numbers],
            "problem": [found[row][1] for row in numbers],
        }
    )
