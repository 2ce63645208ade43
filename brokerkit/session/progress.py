"""A progress bar that shows no markup of the broker's."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm

from .shown import plain

SHOW_AFTER_SECONDS = 2.0


def bar(what: str, total: int | None, unit: str = "msg", *, show: bool = True) -> Any:
    """A bar that appears after two seconds; `what` may hold a topic's name."""
    made = tqdm(
        total=total or None,
        unit=unit,
        unit_scale=True,
        delay=SHOW_AFTER_SECONDS,
        leave=False,
        disable=not show,
    )
    # in a notebook tqdm escapes this, but not a desc= of its constructor
    made.set_description(plain(what, 60), refresh=False)
    return made
