"""The running cell of the notebook, and the things to stop when it is run again."""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from typing import Any, Protocol


class Stoppable(Protocol):
    """Something in the background that can be stopped."""

    def stop(self, why: str = ...) -> None:
        """Stop, without waiting."""


class Cells:
    """A follower of the cells of one IPython shell.

    Attributes:
        busy: Whether a cell is running now; clicks do not arrive meanwhile.
    """

    def __init__(self, shell: Any) -> None:
        self.busy = True
        self._shell = shell
        self._begun: dict[Hashable, weakref.WeakSet[Any]] = {}
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    @property
    def names(self) -> dict[str, Any]:
        """The variables of the notebook."""
        found: dict[str, Any] = self._shell.user_ns
        return found

    def current(self) -> Hashable:
        """Return the running cell: its id, or its text if the front end gives no ids."""
        kernel = getattr(self._shell, "kernel", None)
        parent = kernel.get_parent() if kernel is not None else {}
        identity = (parent.get("metadata") or {}).get("cellId")
        history = getattr(self._shell.history_manager, "input_hist_raw", None) or [""]
        return identity or ("text", history[-1].strip())

    def stop_when_rerun(self, thing: Stoppable) -> None:
        """Stop `thing` when the cell that is running now is run again."""
        self._begun.setdefault(self.current(), weakref.WeakSet()).add(thing)

    def _before(self, info: Any) -> None:
        self.busy = True
        identity = getattr(info, "cell_id", None) or ("text", (info.raw_cell or "").strip())
        for thing in self._begun.pop(identity, ()):
            thing.stop("its cell was run again")

    def _after(self, result: Any) -> None:
        self.busy = False


_cells: Cells | None = None


def cells() -> Cells | None:
    """Return the cells of this process's notebook; None if there is none."""
    global _cells
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None:
        return None
    if _cells is None or _cells._shell is not shell:
        _cells = Cells(shell)
    return _cells
