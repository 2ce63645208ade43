"""A progress bar that shows no markup of the broker's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

from brokerkit.core.vocabulary.topics import Counted, Slice, count_text, worth_of

from .sanitize import plain

SHOW_AFTER_SECONDS = 2.0


def expected(slices: Iterable[Slice]) -> tuple[int, Counted]:
    """How many messages slices have, and what that count is worth."""
    filled = [piece for piece in slices if piece.estimate]
    return sum(piece.estimate for piece in filled), worth_of(piece.counted for piece in filled)


def bar(
    what: str,
    total: int | None,
    unit: str = "msg",
    *,
    counted: Counted = "exact",
    show: bool = True,
) -> Any:
    """A bar that appears after two seconds; `what` may hold a topic's name.

    counted: what `total` is worth.
    """
    made = tqdm(
        total=total or None,
        unit=unit,
        unit_scale=True,
        delay=SHOW_AFTER_SECONDS,
        leave=False,
        disable=not show,
    )
    # in a notebook tqdm escapes this, but not a desc= of its constructor
    mark = "" if counted == "exact" else f", {count_text(total or 0, counted)}"
    made.set_description(plain(what, 60) + mark, refresh=False)
    return made
