"""Many messages of a composer as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.mapped.source import Source
from brokerkit.frames.outcome import OutcomeFrame

from ..checks import Checks
from .checking import Checked
from .choices import Choice
from .receipts import Receipts
from .schemas import NOTHING_OFFERED, ChosenSchema, OfferedSchemas
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
        unread: CSV that could not be read, and the arguments that were tried; None if there is none.
        source: What was read; None before there is a file.
        rows: The rows as `choices` make them; None while these are no messages.
        choices: What each column becomes.
        found: What each column became before anything was chosen.
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
        receipts: The receipts of the rows that can be sent; None before the first.
        schema: What the values are written with; None for JSON.
        offered: The subjects to choose from.
        versions: The versions of the chosen one, the newest first.
    """

    unread: tuple[Any, Mapping[str, Any]] | None = None
    source: Source | None = None
    rows: MappedRows | None = None
    choices: tuple[Choice, ...] = ()
    found: tuple[Choice, ...] = ()
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
    receipts: Receipts | None = None
    schema: ChosenSchema | None = None
    offered: OfferedSchemas = NOTHING_OFFERED
    versions: tuple[int, ...] = ()

    def with_receipts(self) -> Bulk:
        """Return the same with the receipts of what was sent and checked."""
        if self.outcome is None or self.checked is None:
            return self if self.receipts is None else replace(self, receipts=None)
        if self.receipts is not None and self.receipts.are_of(self.outcome, self.checked.wrong):
            return self
        return replace(self, receipts=Receipts(self.outcome, self.checked.wrong))

    @property
    def options(self) -> Mapping[str, Any]:
        """The arguments that it was read with."""
        if self.source is not None:
            return self.source.options
        return {} if self.unread is None else self.unread[1]

    @property
    def ready(self) -> int:
        """How many rows can be sent."""
        return 0 if self.checked is None else len(self.checked.rows) - len(self.checked.wrong)

    @property
    def left(self) -> int:
        """How many of them were not confirmed yet."""
        return self.ready if self.receipts is None else max(0, self.ready - self.receipts.done)

    @property
    def sent(self) -> bool:
        """Whether all that can be sent was confirmed."""
        return self.outcome is not None and self.checked is not None and not self.left

    @property
    def can_send(self) -> bool:
        """Whether all is read and checked, and no other file is arriving."""
        return self.checked is not None and not self.reading and self.upload is None and self.ready > 0
