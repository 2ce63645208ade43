"""Why one payload could not be read or written."""

from __future__ import annotations

from typing import NamedTuple


class RowFailure(NamedTuple):
    """Why a row could not be read or written.

    Attributes:
        offset: The byte in the payload where reading failed; None if it is not known, or if it was written.
        path: The field, such as ``order.lines[].price``; empty for the whole value.
        reason: What was wrong.
    """

    offset: int | None
    path: str
    reason: str
