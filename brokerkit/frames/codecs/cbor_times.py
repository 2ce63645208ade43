"""Times of CBOR with every digit: text (tag 0) and seconds since 1970 (tag 1).

cbor2 cuts or rounds them to microseconds, and has the years 1 to 9999 only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from .extras import extra
from .iso_times import moment
from .msgpack import Timestamp

_PRECISE = re.compile(rb"\.[0-9]{7}")
# a float or a number of 64 bits behind the tag, whose head may be longer than it must
_SECONDS = re.compile(rb"[\xc1\x01][\xf9-\xfb\x1b\x3b]")
_FRACTION = re.compile(r"\.([0-9]+)")
_START = datetime(1970, 1, 1, tzinfo=UTC)
_BILLION = 10**9

Decoders = dict[int, Callable[[Any, bool], Any]]


class TaggedTime(Timestamp):
    """A time that Python's `datetime` does not have, and how it is written.

    Attributes:
        written: The text of tag 0, or the number of tag 1.
    """

    __slots__ = ("written",)

    def __init__(self, nanoseconds: int, written: str | float) -> None:
        super().__init__(*divmod(nanoseconds, _BILLION))
        self.written = written

    @property
    def tag(self) -> int:
        """The tag that it is written with."""
        return 0 if isinstance(self.written, str) else 1

    def moved(self, text: Any) -> TaggedTime:
        """Return another time, given as ISO 8601 text, written alike. Raises ValueError."""
        nanoseconds = moment(text, _BILLION, zoned=True)
        if isinstance(self.written, str):
            return TaggedTime(nanoseconds, text)
        seconds = Decimal(nanoseconds).scaleb(-9)
        whole = isinstance(self.written, int) and nanoseconds % _BILLION == 0
        return TaggedTime(nanoseconds, int(seconds) if whole else float(seconds))


def time_decoders(payload: bytes) -> Decoders | None:
    """Return what reads the tags for times of a payload; None if cbor2 reads them exactly."""
    found: Decoders = {}
    if _PRECISE.search(payload):
        found[0] = _text
    if _SECONDS.search(payload):
        found[1] = _number
    return found or None


def _text(written: Any, immutable: bool) -> Any:
    fraction = _FRACTION.search(written) if isinstance(written, str) else None
    if fraction is None or len(fraction[1].rstrip("0")) <= 6:
        return _usual(0, written)
    return TaggedTime(moment(written, _BILLION, zoned=True), written)


def _number(written: Any, immutable: bool) -> Any:
    """Return the time of a number of seconds.

    The digits of a float are the fewest that tell it from every other. A number that has more of them than
    nanoseconds, or is beyond 64 bits, stays a number with its tag.
    """
    if isinstance(written, float) and math.isfinite(written):
        _, digits, exponent = Decimal(repr(written)).as_tuple()
        places = -int(exponent) if any(digits) else 0
    elif type(written) is int:
        places = 0
    else:
        return _tagged(written) if isinstance(written, float) else _usual(1, written)
    if places > 9 or abs(written) >= 2**63:
        return _tagged(written)
    nanoseconds = int(Decimal(repr(written)).scaleb(9))
    if nanoseconds % 1_000 == 0:
        # beyond the years that a datetime has, it is tagged as one with nanoseconds is
        with suppress(OverflowError):
            return _START + timedelta(microseconds=nanoseconds // 1_000)
    return TaggedTime(nanoseconds, written)


def _tagged(written: Any) -> Any:
    return extra("cbor2", "cbor", "CBOR").CBORTag(1, written)


def _usual(tag: int, written: Any) -> Any:
    cbor2 = extra("cbor2", "cbor", "CBOR")
    return cbor2.loads(cbor2.dumps(cbor2.CBORTag(tag, written)))
