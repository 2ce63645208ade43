"""Moving messages: publish a copy, wait for the confirmation, and only then remove the original."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, Closed, NotFound
from brokerkit.core.vocabulary.interrupts import check_interrupt
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.outbound_rows import Item
from brokerkit.core.vocabulary.results import PublishInterrupted, PublishResult
from brokerkit.core.vocabulary.topics import count_text
from brokerkit.display.progress import bar
from brokerkit.frames.outcome import OutcomeFrame

from ..interrupted import Interrupted
from ..publish.batch import answers_to_nothing
from ..publish.journal import Journal
from .copies import Copies, Copy, sendable, up_to
from .receipts import MoveWarning, Receipt, receipts_frame
from .sources import Part, RememberedSource, Source, why_missing
from .together import Together

if TYPE_CHECKING:
    from brokerkit.core.runtime.publisher import ConnectedPublisher

CHUNK_ROWS = 500
WAIT_SECONDS = 0.1
EARLIER = "sent by an earlier call"


class Selection(Protocol):
    """Which messages of a place are moved, and what is sent for them."""

    def rows(self, place: str, columns: Columns) -> list[int]:
        """Return the rows that are moved."""
        ...

    def messages(self, place: str, columns: Columns, rows: Sequence[int]) -> list[Item] | None:
        """Return what is sent for some rows. None sends them as they are."""
        ...

    def warn_of_filter(self) -> None:
        """Warn with `FilterWarning` if a filter could not examine some messages."""
        ...

    @property
    def left(self) -> list[tuple[str, str]]:
        """The place and the id of each message that was asked for and not found."""
        ...


@dataclass
class Pace:
    """How many messages are moved, and how fast.

    Attributes:
        limit: At most so many, without those that are refused. None for all.
        rate: At most so many per second. None for no limit.
        timeout: Seconds that a part may take to be confirmed.
    """

    limit: int | None = None
    rate: float | None = None
    timeout: float | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def rows(self) -> int:
        """How many messages are moved at once."""
        return CHUNK_ROWS if self.rate is None else max(1, min(CHUNK_ROWS, int(self.rate)))

    def wait(self, moved: int) -> None:
        """Wait until so many messages may have been moved."""
        while self.rate is not None and time.monotonic() < self._began + moved / self.rate:
            check_interrupt()
            time.sleep(WAIT_SECONDS)


class Moving:
    """One call of `redrive` or `move`: what was moved, and the receipt of each message.

    Args:
        verb, name: The name of the call, and of the topic that it was given.
        sources: The places that messages are moved from.
        copies: Makes the copies.
        publisher: Sends them.
        selection: Which messages are moved.
        pace: How many, and how fast.
        journal: Records the outcomes on disk. It may have those of an earlier call.
        together: Sends copies in one transaction with what removes the originals. None sends first.
        origin: By what the receipts are told from those of other brokers.
    """

    def __init__(
        self,
        verb: str,
        name: str,
        sources: Sequence[Source],
        copies: Copies,
        publisher: ConnectedPublisher,
        selection: Selection,
        pace: Pace,
        journal: Journal | None,
        together: Together | None,
        origin: Mapping[str, Any],
    ) -> None:
        self._what = f"{verb} of {name}"
        self._name = name
        self._sources = sources
        self._copies = copies
        self._publisher = publisher
        self._selection = selection
        self._pace = pace
        self._journal = journal
        self._together = together
        self._origin = origin
        self._moved = 0
        self._stopped = ""
        self._locked: set[str] = set()
        self._receipts: dict[str, Receipt] = {}
        self._ends = {} if journal is None else journal.ends
        self._goes_on = journal is not None and bool(journal.known)
        if journal is not None:
            for name, result in journal.known.items():
                place, identity, known_by = str(name).rsplit(" ", 2)
                target = journal.targets.get(name)
                self._receipts[name] = Receipt(
                    place, identity, target, result, name in journal.removed, known_by=known_by
                )
        self._doubts: dict[str, list[Receipt]] = {}
        for each in self._receipts.values():
            if each.result.status == "unknown" or (each.result.ok and not each.removed):
                self._doubts.setdefault(each.original, []).append(each)

    def run(self, *, total: int | None, progress: bool) -> OutcomeFrame:
        """Move everything. This ends early if the broker does not answer."""
        try:
            with bar(self._what, total, show=progress) as shown:
                for source in self._sources:
                    self._place(source, shown)
                    self._locked |= source.locked
                    if self._is_over:
                        break
        finally:
            for source in self._sources:
                source.close()
        self._settle_doubts()
        self._selection.warn_of_filter()
        if self._stopped:
            note(f"{self._what} ended early: {self._stopped}", MoveWarning)
        return self.outcome()

    @property
    def _is_over(self) -> bool:
        return bool(self._stopped) or (self._pace.limit is not None and self._moved >= self._pace.limit)

    def _place(self, source: Source, shown: Any) -> None:
        doubted = (each for receipts in self._doubts.values() for each in receipts)
        source.awaited.update(each.id for each in doubted if each.place == source.place.name)
        for part in source.parts(self._pace.rows):
            check_interrupt()
            shown.update(self._part(source, part))
            if self._is_over:
                return
            self._pace.wait(self._moved)

    def _part(self, source: Source, part: Part) -> int:
        """Move the messages of a part that are asked for, and return how many were tried."""
        rows = self._selection.rows(source.place.name, part.columns)
        given = self._selection.messages(source.place.name, part.columns, rows)
        copies = sendable(source, part, self._copies.of(source.place, part.columns, rows, given))
        if self._pace.limit is not None:
            copies = up_to(self._pace.limit - self._moved, copies)
        ids = part.ids
        for identity in ids:
            self._doubts.pop(f"{source.place.name} {identity}", None)
        for each in copies:
            known = self._receipts.get(each.name)
            if known is None or not known.result.ok:
                result = PublishResult("failed", error=each.problem)
                if known is not None and each.message is not None:
                    result = known.result
                self._receipts[each.name] = Receipt(
                    source.place.name, ids[each.row], each.target, result, known_by=each.known_by,
                    tried=known is not None or each.message is None,
                )  # fmt: skip
        waiting = [each for each in copies if each.message is not None]
        self._moved += len(waiting)
        if self._together is not None and isinstance(source, RememberedSource):
            self._at_once(source, part, waiting)
        else:
            self._one_after_the_other(source, part, copies, waiting)
        return len(copies)

    def _at_once(self, source: RememberedSource, part: Part, waiting: Sequence[Copy]) -> None:
        """Send copies and remember the originals in one transaction."""
        assert self._together is not None
        names = [each.name for each in waiting]
        if self._journal is not None and names:
            self._note_sending(waiting)
        self._begin_sending(waiting)
        results = self._together.moved(source, part, waiting, self._pace.timeout)
        if self._journal is not None and names:
            self._journal.outcome(names, results)
            self._journal.gone([name for name, result in zip(names, results, strict=True) if result.ok])
        for each, result in zip(waiting, results, strict=True):
            receipt = self._receipts[each.name]
            receipt.result, receipt.removed = result, result.ok
        self._stop_if_unanswered(results, time.monotonic())
        self._stop_if_closed(each.error for each in results)

    def _one_after_the_other(
        self, source: Source, part: Part, copies: Sequence[Copy], waiting: Sequence[Copy]
    ) -> None:
        """Send copies, and then remove the originals of those that are stored."""
        try:
            fresh = [each for each in waiting if not self._is_stored(each)]
        except BrokerError as error:
            self._stop_unsearched(error)
            for receipt in (self._receipts[each.name] for each in waiting):
                if receipt.result.status == "failed":
                    receipt.result, receipt.tried = PublishResult("failed", error=error), True
            return
        began = time.monotonic()
        results = self._sent(fresh)
        stored = [each for each in copies if self._receipts[each.name].result.ok]
        for each in stored:
            self._receipts[each.name].removing = True
        errors = source.remove(part, [each.row for each in stored])
        for each in stored:
            receipt = self._receipts[each.name]
            receipt.problem, receipt.removing = errors.get(each.row), False
            receipt.removed = receipt.problem is None
        if self._journal is not None:
            self._journal.gone([each.name for each in stored if self._receipts[each.name].removed])
        self._stop_if_unanswered(results, began)
        self._stop_if_closed(errors.values())

    def _is_stored(self, copy: Copy) -> bool:
        """Return whether a copy of an earlier call is in the target."""
        receipt = self._receipts[copy.name]
        if receipt.result.ok:
            return True
        if not self._is_in(copy.target, copy.known_by):
            return False
        receipt.result, receipt.tried = PublishResult("confirmed", note=EARLIER), True
        if self._journal is not None:
            self._journal.outcome([copy.name], [receipt.result])
        return True

    def _is_in(self, target: str | None, known_by: str | None) -> bool:
        """Return whether a target has a copy that an earlier call sent."""
        return target is not None and known_by in self._copies.known_in(target, self._ends.get(target))

    def _sent(self, copies: Sequence[Copy]) -> list[PublishResult]:
        """Send copies, and return their outcomes."""
        if not copies:
            return []
        self._note_sending(copies)
        self._begin_sending(copies)
        batch = [(str(each.target), each.message) for each in copies if each.message is not None]
        try:
            results = self._publisher.send(batch, timeout=self._pace.timeout)
        except PublishInterrupted as interrupt:
            self._keep(copies, interrupt.results)
            raise
        self._keep(copies, results)
        return results

    def _keep(self, copies: Sequence[Copy], results: Sequence[PublishResult]) -> None:
        """Keep the outcomes of copies that were sent."""
        for each, result in zip(copies, results, strict=True):
            self._receipts[each.name].result = result
        if self._journal is not None:
            self._journal.outcome([each.name for each in copies], results)

    def _begin_sending(self, copies: Sequence[Copy]) -> None:
        for each in copies:
            receipt = self._receipts[each.name]
            receipt.tried = True
            receipt.result = PublishResult(
                "unknown", error=BrokerError("interrupted while it was being published")
            )

    def _note_sending(self, copies: Sequence[Copy]) -> None:
        if self._journal is not None:
            targets = [str(each.target) for each in copies]
            ends = self._copies.ends(dict.fromkeys(targets))
            self._journal.sending([each.name for each in copies], targets=targets, ends=ends)

    def _stop_if_unanswered(self, results: Sequence[PublishResult], began: float) -> None:
        if answers_to_nothing(results, began):
            first = next(result.error for result in results if result.error is not None)
            self._stopped = f"the target does not answer ({first}). The same call goes on from there"

    def _stop_if_closed(self, errors: Iterable[BrokerError | None]) -> None:
        """End if another call has taken over: it would send again what is not removed here."""
        taken_over = next((each for each in errors if isinstance(each, Closed)), None)
        if taken_over is not None:
            self._stopped = f"it sends nothing more ({taken_over}). The same call goes on from there"

    def _stop_unsearched(self, error: BrokerError) -> None:
        self._stopped = (
            f"the target cannot be searched for copies of an earlier call ({error}). "
            "The same call goes on from there"
        )

    def _settle_doubts(self) -> None:
        """Say what is known of those that an earlier call was moving, or that were asked for and are gone."""
        if self._is_over:
            return
        shown = {each.place.name for each in self._sources if each.shows_all}
        hidden = {each.place.name for each in self._sources} - shown
        late = 0
        for original, receipts in self._doubts.items():
            late += receipts[0].place in hidden
            for each in receipts:
                if each.place in shown and original not in self._locked:
                    self._settle(each)
        known = {each.original for each in self._receipts.values()}
        for place, identity in self._selection.left:
            name = f"{place} {identity}"
            if name in known:
                continue
            missing = why_missing(self._sources, place, identity)
            gone = isinstance(missing, NotFound)
            late += place in hidden
            failed = PublishResult("failed", error=missing)
            self._receipts[name] = Receipt(place, identity, None, failed, removed=gone)
        if late:
            asked = "that was asked for" if late == 1 else "that were asked for"
            note(
                f"{self._what}: {count_text(late, 'exact', 'message')} {asked} did not come in time. "
                "The same call asks again",
                MoveWarning,
            )

    def _settle(self, receipt: Receipt) -> None:
        """Say what became of a message whose original is gone: it is stored only if its copy is found."""
        receipt.removed = True
        if not receipt.result.ok:
            try:
                stored = not self._stopped and self._is_in(receipt.target, receipt.known_by)
            except BrokerError as error:
                stored = False
                self._stop_unsearched(error)
            if not stored:
                return
            receipt.result = PublishResult("confirmed", note=EARLIER)
        if self._journal is not None:
            name = f"{receipt.original} {receipt.known_by}"
            self._journal.outcome([name], [receipt.result])
            self._journal.gone([name])

    def outcome(self) -> OutcomeFrame:
        """Return the receipt of every message that was tried, by this call or an earlier one."""
        tried = [each for each in self._receipts.values() if each.tried]
        facts = {"moved": self._what, "of": self._name, "stopped": self._stopped, **self._origin}
        places = [each.place for each in self._sources]
        remembered = {each.name: each.through for each in places if each.removal == "position"}
        undo = [each.undo for each in self._sources]
        return receipts_frame(tried, {**facts, "remembered_by": remembered, "undo": undo})

    def interrupted(self) -> Interrupted:
        """Return the error for an interrupt, with the receipts so far."""
        receipts = self.outcome()
        return Interrupted(
            f"{self._what} was interrupted after {len(receipts):,} messages"
            + (", with those of earlier calls" if self._goes_on else "")
            + ". The receipts are in "
            "session.last_interrupted.frame; the same call goes on with the rest.",
            receipts,
        )
