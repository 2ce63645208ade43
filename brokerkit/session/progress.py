"""A progress bar that shows no markup of the broker's."""

from __future__ import annotations

import html
from typing import Any

from tqdm.auto import tqdm

from .shown import plain

SHOW_AFTER_SECONDS = 2.0


def bar(what: str, total: int | None, unit: str = "msg", *, show: bool = True) -> Any:
    """A bar that appears after two seconds; `what` may hold a topic's name and is escaped.

    tqdm puts it into a widget as it is, where markup would come alive.
    """
    return tqdm(
        desc=html.escape(plain(what, 60)),
        total=total or None,
        unit=unit,
        unit_scale=True,
        delay=SHOW_AFTER_SECONDS,
        leave=False,
        disable=not show,
    )
