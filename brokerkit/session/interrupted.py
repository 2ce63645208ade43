"""What a Ctrl-C leaves behind: what was read so far, and how to go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from brokerkit.core.vocabulary.interrupts import Hold

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

T = TypeVar("T")


class Readable(Protocol):
    """Rows that can still be read: a `Scan`."""

    def to_pandas(self) -> pd.DataFrame:
        """Read them as a DataFrame."""
        ...

    def to_arrow(self) -> pa.Table:
        """Read them as an Arrow table."""
        ...


class Interrupted(KeyboardInterrupt):
    """A KeyboardInterrupt that keeps what was done before it.

    frame: the rows read so far, or the outcomes of what was published. rest: a `Scan` of what was
    not read yet, where that makes sense.
    """

    def __init__(self, text: str, frame: pd.DataFrame | None = None, rest: Readable | None = None) -> None:
        super().__init__(text)
        self.frame = frame
        self.rest = rest


class Keeper(Protocol):
    """What keeps the last interrupt: a session."""

    last_interrupted: Any


def outcome_kept(keeper: Keeper, work: Callable[[Hold], T], left: Callable[[], Interrupted | None]) -> T:
    """Do what must not lose its outcome. An interrupt, also of its very last steps, raises what `left` gives.

    work: calls `begin` of what it is given where an interrupt may only strike in a wait.
    left: None while nothing was done. What else ends the work leaves the outcome with the keeper.
    """
    hold = Hold()
    try:
        result = work(hold)
        hold.end()
    except KeyboardInterrupt as interrupt:
        hold.begin()
        error = interrupt if isinstance(interrupt, Interrupted) else left()
        keeper.last_interrupted = error or keeper.last_interrupted
        hold.restore()
        if error is None or error is interrupt:
            raise
        raise error from interrupt
    except BaseException as problem:
        _keep_beside(keeper, problem, left)
        hold.end()
        raise
    return result


def _keep_beside(keeper: Keeper, problem: BaseException, left: Callable[[], Interrupted | None]) -> None:
    if hasattr(problem, "results") or hasattr(problem, "frame"):  # it carries them itself
        return
    error = left()
    if error is not None and error.frame is not None and len(error.frame):
        keeper.last_interrupted = error
        problem.add_note("The outcomes so far are in session.last_interrupted.frame.")
