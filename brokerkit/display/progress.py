"""A progress bar that does not interpret markup in the names of a broker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm.auto import tqdm

from brokerkit.core.vocabulary.topics import Counted, Slice, count_text, worth_of

from .sanitize import plain

SHOW_AFTER_SECONDS = 2.0
_listener: ContextVar[Callable[[int], None] | None] = ContextVar("listener", default=None)


@contextmanager
def counted_by(tell: Callable[[int], None]) -> Iterator[None]:
    """Call a function with the progress of each bar that this thread makes meanwhile, shown or not.

    Args:
        tell: Takes how many were done more. What it raises ends the work.
    """
    before = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(before)


class _Counted:
    """A bar that tells its progress.

    Args:
        shown: The bar.
        tell: Takes how many were done more.
    """

    def __init__(self, shown: Any, tell: Callable[[int], None]) -> None:
        self._shown, self._tell = shown, tell

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *error: object) -> None:
        self._shown.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shown, name)

    def update(self, n: int = 1) -> None:
        self._shown.update(n)
        self._tell(n)


def expected(slices: Iterable[Slice]) -> tuple[int, Counted]:
    """Return how many messages slices have, and how exact that number is."""
    filled = [slice_ for slice_ in slices if slice_.estimate]
    return sum(slice_.estimate for slice_ in filled), worth_of(slice_.counted for slice_ in filled)


def bar(
    what: str,
    total: int | None,
    unit: str = "msg",
    *,
    counted: Counted = "exact",
    show: bool = True,
) -> Any:
    """Return a bar that appears after two seconds; `what` may contain the name of a topic.

    Args:
        what: The text beside the bar.
        total: How many are expected.
        unit: What is counted.
        counted: How exact `total` is.
        show: Whether to show the bar at all.
    """
    made = tqdm(
        total=total or None,
        unit=unit,
        unit_scale=True,
        delay=SHOW_AFTER_SECONDS,
        leave=False,
        disable=not show,
    )
    # in a notebook tqdm escapes this text, but not desc= of its constructor
    mark = "" if counted == "exact" else f", {count_text(total or 0, counted)}"
    made.set_description(plain(what, 60) + mark, refresh=False)
    tell = _listener.get()
    return made if tell is None else _Counted(made, tell)
