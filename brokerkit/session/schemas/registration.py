"""What became, or would become, of a schema that is to be registered."""

from __future__ import annotations

from brokerkit.display.markup import Displayed, block, bullets, heading, paragraph
from brokerkit.display.sanitize import plain
from brokerkit.registry import Compatibility, SchemaRef
from brokerkit.registry.subjects import LEVELS


class Registration(Displayed):
    """What became of a schema: the result of `Session.register_schema`.

    Attributes:
        subject: The subject.
        compatible: Whether the registry finds that it fits the earlier versions; None if it does not say.
        level: The compatibility that the subject demands, such as ``BACKWARD``; None if it is not known.
        reasons: Why it is not compatible, or why the registry does not say, in its words.
        version: The version that has this schema; None if none has it yet.
        id: The id of the schema; None if no version has it yet.
        dry_run: Whether nothing was to be registered.
        note: What to know about the name that was given; empty if there is nothing.
    """

    def __init__(
        self,
        subject: str,
        said: Compatibility,
        version: int | None,
        ref: SchemaRef | None,
        *,
        dry_run: bool,
        note: str = "",
    ) -> None:
        self.subject = subject
        self.compatible = said.compatible
        self.level = said.level
        self.reasons = said.reasons
        self.version = version
        self.id = None if ref is None else ref.id
        self.dry_run = dry_run
        self.note = note

    @property
    def _outcome(self) -> str:
        if self.id is not None:
            place = f"id {self.id}" if self.version is None else f"version {self.version} (id {self.id})"
            already = "is registered already as" if self.dry_run else "is registered as"
            return f"{self.subject}: this schema {already} {place}."
        if self.compatible is None:
            return (
                f"{self.subject}: the registry does not say whether this schema fits. Nothing was registered."
            )
        fits = "fits, and would be registered" if self.compatible else "does not fit, and would be refused"
        return f"{self.subject}: this schema {fits}. Nothing was registered."

    @property
    def _demand(self) -> str:
        if self.level is None:
            return "The registry does not say what compatibility it demands."
        meaning = LEVELS.get(self.level)
        return f"The subject demands {self.level}" + (f": {meaning}." if meaning else ".")

    def __repr__(self) -> str:
        lines = (self._outcome, self.note, self._demand, *self.reasons)
        return "\n".join(plain(line, 1000) for line in lines if line)

    def _repr_html_(self) -> str:
        notes = [paragraph(self.note)] if self.note else []
        return block(heading(self._outcome), *notes, paragraph(self._demand), bullets(self.reasons))
