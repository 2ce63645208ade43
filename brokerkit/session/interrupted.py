"""What a Ctrl-C leaves behind: what was read so far, and how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from .scan import Scan


class Interrupted(KeyboardInterrupt):
    """A KeyboardInterrupt that keeps what was done before it.

    frame: the rows read so far, or the outcomes of what was published. rest: a `Scan` of what was
    not read yet, where that makes sense.
    """

    def __init__(self, text: str, frame: pd.DataFrame | None = None, rest: Scan | None = None) -> None:
        super().__init__(text)
        self.frame = frame
        self.rest = rest
