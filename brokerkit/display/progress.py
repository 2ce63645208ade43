"""A progress bar that does not interpret markup in the names of a broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

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


class Bar:
    """A progress bar that appears at the first progress after `SHOW_AFTER_SECONDS`.

    It is made only then: most reads end earlier, and a bar that is never seen would be a large part of
    their work, in a notebook with a message for each of its parts.

    Args:
        make: Makes the bar of tqdm; None shows none.
        tell: Takes how many were done more.
    """

    __slots__ = ("_began", "_count", "_make", "_postfix", "_shown", "_tell")

    def __init__(self, make: Callable[[], Any] | None, tell: Callable[[int], None] | None) -> None:
        self._make, self._tell = make, tell
        self._began = time.time()
        self._count = 0
        self._postfix = ""
        self._shown: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def update(self, n: int = 1) -> None:
        """Add to the progress."""
        self._count += n
        if self._shown is not None:
            self._shown.update(n)
        elif self._make is not None and time.time() - self._began >= SHOW_AFTER_SECONDS:
            self.show()
        if self._tell is not None:
            self._tell(n)

    def show(self) -> None:
        """Show the bar now, with the progress and the time since it began."""
        make, self._make = self._make, None
        if make is None:
            return
        self._shown = shown = make()
        # the rate is that of the whole time
        shown.start_t = shown.last_print_t = self._began
        shown.n = self._count
        if self._postfix:
            shown.set_postfix_str(self._postfix, refresh=False)
        shown.refresh()

    def set_postfix_str(self, text: str, *, refresh: bool = True) -> None:
        """Set the text behind the bar."""
        self._postfix = text
        if self._shown is not None:
            self._shown.set_postfix_str(text, refresh=refresh)

    def close(self) -> None:
        """Remove the bar."""
        self._make = None
        if self._shown is not None:
            self._shown.close()


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
) -> Bar:
    """Return a bar that appears after two seconds; `what` may contain the name of a topic.

    Args:
        what: The text beside the bar.
        total: How many are expected.
        unit: What is counted.
        counted: How exact `total` is.
        show: Whether to show the bar at all.
    """
    return Bar((lambda: tqdm_bar(what, total, unit, counted)) if show else None, _listener.get())


def tqdm_bar(what: str, total: int | None, unit: str, counted: Counted) -> Any:
    """Return a bar of tqdm; see `bar`."""
    from tqdm.auto import tqdm

    # with a delay it does not show itself before its text is there
    shown = tqdm(total=total or None, unit=unit, unit_scale=True, delay=1e-9, leave=False)
    # in a notebook tqdm escapes this text, but not desc= of its constructor
    mark = "" if counted == "exact" else f", {count_text(total or 0, counted)}"
    shown.set_description(plain(what, 60) + mark, refresh=False)
    return shown
