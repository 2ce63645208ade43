"""The rows of a file that would not be stored: no messages, or none that a system takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from brokerkit.core.runtime.refusal import rows_refused
from brokerkit.frames.mapped.rows import column_and_reason

if TYPE_CHECKING:
    from brokerkit.frames.mapped import MappedRows

    from ..base import BrokerSession

CHUNK_ROWS = 5_000


def bad_rows(rows: MappedRows, session: BrokerSession) -> pd.DataFrame:
    """Return line, column and problem of each row that would not be stored.

    Raises:
        ConfigError: A column cannot be what it is to become.
    """
    outbound, capabilities = rows.outbound(), session.capabilities
    found = dict(rows.wrong)
    for start in range(0, len(outbound), CHUNK_ROWS):
        batch = outbound.batch(start, start + CHUNK_ROWS)
        refused = rows_refused(batch, capabilities, capabilities.max_message_bytes)
        for place, error in {**refused, **batch.wrong}.items():
            found.setdefault(start + place, column_and_reason(error))
    numbers = sorted(found)
    return pd.DataFrame(
        {
            "line": [rows.source.place(row) for row in numbers],
            "column": [found[row][0] for row in numbers],
            "problem": [found[row][1] for row in numbers],
        }
    )
