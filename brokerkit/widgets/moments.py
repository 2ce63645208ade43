"""Moments as numbers, from which a view shows them in other zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds_of(moment: object) -> int | None:
    """Return a moment in milliseconds since 1970; None for what is none.

    Args:
        moment: A time with a zone, or microseconds since 1970.
    """
    if isinstance(moment, int):
        return moment // 1_000
    # the "not a time" of pandas is a datetime, too, and equals nothing
    if isinstance(moment, datetime) and moment == moment:
        return (moment - _BEGIN) // timedelta(milliseconds=1)
    return None
