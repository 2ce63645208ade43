"""Many messages of a composer as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.outcome import OutcomeFrame

from ..checks import Checks
from .checking import Checked
from .choices import Choice
from .receipts import counts_of, left_of
from .upload import Upload

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


class Target(Protocol):
    """The composer that the messages are sent by."""

    @property
    def to(self) -> DataSession: ...

    @property
    def topic(self) -> str: ...

    checks: Checks


@dataclass(frozen=True)
class Bulk:
    """Many messages as they are now.

    Attributes:
        rows: The rows; None before there are any, or while no column becomes the value.
        choices: What each column becomes.
        upload: The file that is arriving.
        reading: Whether it is read or checked now.
        checked: What is bad; None before every row was checked.
        rate: How many are sent a second at most.
        journal: The file of outcomes; empty for none.
        dry_run: What the last dry run said.
        running: Whether they are being sent.
        stopping: Whether that was asked to end.
        done: How many were tried by the run that is going on.
        outcome: The receipts; None before the first.
        said: What the last action did.
        problem: Why there are no rows, or why sending ended early.
        preview: The row that is shown as it would be sent.
    """

    rows: MappedRows | None = None
    choices: tuple[Choice, ...] = ()
    upload: Upload | None = None
    reading: bool = False
    checked: Checked | None = None
    rate: float | None = None
    journal: str = ""
    dry_run: str = ""
    running: bool = False
    stopping: bool = False
    done: int = 0
    outcome: OutcomeFrame | None = None
    said: str = ""
    problem: str = ""
    preview: int = 0

    @property
    def ready(self) -> int:
        """How many rows can be sent."""
        return 0 if self.checked is None else len(self.checked.rows) - len(self.checked.wrong)

    @property
    def left(self) -> int:
        """How many of them were not confirmed yet."""
        return self.ready if self.outcome is None else left_of(self.outcome, self.ready)

    @property
    def sent(self) -> bool:
        """Whether all that can be sent was confirmed."""
        return self.outcome is not None and not self.left

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many rows have each status; those that are bad are not among them."""
        if self.outcome is None or self.checked is None:
            return []
        return counts_of(self.outcome, self.checked.wrong)
