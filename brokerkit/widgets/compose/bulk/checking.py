"""Checking every row before anything is sent."""

from __future__ import annotations

from collections.abc import Collection
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, NamedTuple

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.frames.codecs.payload_writers import PayloadWriter
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.outbound import Outbound
from brokerkit.session.publish.bad_rows import checked_batches

from ..checks import Checks

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

CHUNK = 2_000
LINES = 100
"""How many bad rows are shown."""


class Checked(NamedTuple):
    """Rows of which each was checked.

    Attributes:
        rows: The rows, without those that a schema refuses.
        wrong: By row, the column and what is wrong.
        bytes: How large the payloads of the good ones are together.
        outbound: The messages of the rows.
        first: The first bad rows.
    """

    rows: MappedRows
    wrong: dict[int, tuple[str, str]]
    bytes: int
    outbound: Outbound
    first: list[int]


def check(
    rows: MappedRows,
    checks: Checks,
    session: DataSession,
    tried: Collection[int] = (),
    cancellation: Cancellation | None = None,
    writer: PayloadWriter | None = None,
) -> Checked:
    """Return which rows are no messages, are refused by the system, or do not fit the JSON Schema.

    Args:
        rows: The rows.
        checks: What their values are checked for.
        session: Where they go.
        tried: Rows that are, or may be, stored: their values are checked no more.
        cancellation: Ends it early.
        writer: Writes the values with a schema; the checks of JSON are not for these.

    Raises:
        ConfigError: A column cannot be what it is to become.
        Cancelled: It was cancelled.
    """
    if writer is not None and (checks.schema is not None or checks.json):
        raise ConfigError(
            "the values are written with a schema of the registry: json= and schema= of the composer check "
            "JSON; take them away, or write JSON"
        )
    outbound = rows.outbound(writer)
    wrong = dict(rows.wrong)
    unfit: dict[int, tuple[str, str]] = {}
    size = 0
    for start, batch, found in checked_batches(outbound, session.capabilities, CHUNK):
        if cancellation is not None:
            cancellation.raise_if_cancelled()
        for row, said in found.items():
            wrong.setdefault(row, said)
        if checks.schema is not None or checks.json:
            unfit |= _unfit(batch, start, (wrong, tried), checks, session)
        size += sum(
            len(data)
            for row, data in enumerate(batch.data, start)
            if data is not None and row not in wrong and row not in unfit
        )
    all_wrong = wrong | unfit
    if unfit:
        rows = rows.without(unfit)
        outbound = rows.outbound()
    return Checked(rows, all_wrong, size, outbound, nsmallest(LINES, all_wrong))


def _unfit(
    batch: Any, start: int, left_out: tuple[Collection[int], ...], checks: Checks, session: DataSession
) -> dict[int, tuple[str, str]]:
    found = {}
    for row, item in enumerate(batch, start):
        if any(row in each for each in left_out) or isinstance(item, BrokerError):
            continue
        errors = [each.text for each in checks.problems(item, session.capabilities) if each.level == "error"]
        if errors:
            found[row] = ("value", "; ".join(errors))
    return found
