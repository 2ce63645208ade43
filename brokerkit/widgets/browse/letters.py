"""The dead letters of a browser's topic: read when their tab is open, grouped, chosen and edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.freed import freed

from ..latest_only_worker import LatestOnlyWorker
from ..protocol.letters import LettersBy
from .letters_found import MOST, Chosen, Found, Look, fixed, groups_of

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

    from .query import Query


class Letters:
    """Dead letters. Any thread may call it.

    A click names the generation of what it was made on; one that was made on another is ignored.

    Args:
        session: The session.
        worker: Reads them.
        tell: Called with the parts that changed.
    """

    def __init__(self, session: DataSession, worker: LatestOnlyWorker, tell: Callable[..., None]) -> None:
        self._session, self._worker, self._tell = session, worker, tell
        self._lock = RLock()
        self._last = 0
        self.found, self.look = Found(), Look()

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let other threads wait: what is looked at inside belongs together."""
        with freed(self._lock), self._lock:
            yield

    @property
    def generation(self) -> str:
        """What the numbers of rows and groups are good for."""
        return f"{self.found.reading} {self.look.by}"

    def clear(self) -> None:
        """Forget them; those of another topic are to come."""
        self._worker.stop()
        with freed(self._lock), self._lock:
            self._last += 1
            self.found, self.look = Found(reading=self._last), Look()

    def missing(self, query: Query) -> bool:
        """Return whether those of a query are neither there nor being read."""
        with freed(self._lock), self._lock:
            found = self.found
            same = found.topic == query.topic and found.showing == query.showing()
            return not same or (found.frame is None and not found.loading)

    def turn_to(self, query: Query) -> None:
        """Show them as a query shows messages: read them again, or forget those that were taken."""
        with freed(self._lock), self._lock:
            found = self.found
        if found.topic != query.topic:
            self.clear()
        elif found.showing != query.showing():
            self.clear()
            if not found.give_back:
                self.load(query, naming=found.naming)

    def load(self, query: Query, *, naming: str | None = None, give_back: bool = False) -> None:
        """Read those of the topic of a query, shown as it shows messages.

        Args:
            query: The query.
            naming: The rule for the names of their topics. None for the same as before.
            give_back: Take them, and give them back.
        """
        showing = query.showing()
        with freed(self._lock), self._lock:
            before = self.found if self.found.topic == query.topic else Found(reading=self.found.reading)
            self._last = number = self._last + 1
            begun = replace(
                before,
                topic=query.topic,
                naming=before.naming if naming is None else naming.strip(),
                loading=True,
                problem="",
            )
            if before.showing != showing:
                begun = replace(begun, frame=None, groups=(), showing=showing)
            self.found = begun

        def read(cancellation: Cancellation) -> None:
            frame, problem = None, ""
            try:
                frame = self._session.dead_letters(
                    query.topic,
                    limit=MOST,
                    naming=begun.naming or None,
                    side_effects="give back" if give_back else None,
                    **showing,
                )
            except (BrokerError, TimeoutError) as error:
                problem = str(error) or "no answer in time"
            except Exception as error:  # the view must not wait for ever
                problem = f"{type(error).__name__}: {error}"
            with freed(self._lock), self._lock:
                if self._last != number:
                    return
                by = self.look.by
                self.found = Found(
                    query.topic,
                    showing,
                    begun.naming,
                    give_back,
                    number,
                    frame=frame,
                    groups=() if frame is None else groups_of(frame, by),
                    at=datetime.now(UTC),
                    problem=problem,
                )
                self.look = Look(by)
            self._tell("letters", "change")

        self._tell("letters")
        self._worker.run(read)

    # What is in view.

    def group(self, by: LettersBy) -> None:
        """Group them by something else."""
        with freed(self._lock), self._lock:
            frame = self.found.frame
            self.look = replace(self.look, by=by, open=None, first=0)
            if frame is not None:
                self.found = replace(self.found, groups=groups_of(frame, by))
        self._tell("letters")

    def list(self, group: int | None, first: int) -> None:
        """List the letters of a group, or all."""
        with freed(self._lock), self._lock:
            known = group if group is not None and group < len(self.found.groups) else None
            self.look = replace(self.look, open=known, first=first)
        self._tell("letters")

    def show(self, generation: object, row: int | None) -> None:
        """Show one letter in full."""
        with freed(self._lock), self._lock:
            if generation != self.generation:
                return
            self.look = replace(self.look, shown=row if row is not None and row < len(self) else None)
        self._tell("letters")

    def choose(
        self, generation: object, *, group: int | None = None, row: int | None = None, on: bool = True
    ) -> bool:
        """Choose a group, one letter, or all; or choose them no more.

        Returns:
            Whether the click was made on what is shown now.
        """
        with freed(self._lock), self._lock:
            if generation != self.generation:
                return False
            named: set[int] = set(range(len(self)))
            if group is not None:
                named = set(self.found.groups[group]) if group < len(self.found.groups) else set()
            elif row is not None:
                named &= {row}
            chosen = self.look.chosen
            self.look = replace(self.look, chosen=chosen | named if on else chosen - named)
        self._tell("letters")
        return True

    def edit(self, generation: object, row: int, text: str | None) -> bool:
        """Send another text for the value of a letter; None for what it was.

        Returns:
            Whether the click was made on what is shown now.

        Raises:
            ConfigError: Its value is not the text of its payload.
        """
        with freed(self._lock), self._lock:
            if generation != self.generation:
                return False
            frame = self.found.frame
            if frame is None or row >= len(frame):
                raise ConfigError("this dead letter is not there any more")
            why = fixed(frame, row)
            if why and row not in self.look.edited:
                raise ConfigError(f"it cannot be edited here: {why}")
            edited = dict(self.look.edited)
            before = edited.setdefault(row, frame["value"].iloc[row])
            value = before if text is None or text == before else text
            if value is before:
                del edited[row]
            values = frame["value"].copy()
            values.iloc[row] = value
            changed = frame.assign(value=values)
            changed.attrs = frame.attrs
            self.found = replace(self.found, frame=changed)
            chosen = self.look.chosen | {row} if value is not before else self.look.chosen
            self.look = replace(self.look, edited=edited, chosen=chosen)
        self._tell("letters")
        return True

    # The letters.

    def __len__(self) -> int:
        return 0 if self.found.frame is None else len(self.found.frame)

    def chosen(self) -> Chosen:
        """Return the chosen letters.

        Raises:
            ConfigError: None were read.
        """
        with freed(self._lock), self._lock:
            frame, look = self.found.frame, self.look
            if frame is None:
                raise ConfigError("no dead letters were read: open their tab first")
            rows = sorted(look.chosen)
            edited = frozenset(place for place, row in enumerate(rows) if row in look.edited)
            return Chosen(frame.iloc[rows], edited, len(frame), self.found.reading)

    @property
    def listed(self) -> tuple[int, ...]:
        """The rows of the group that is open, or all."""
        group = self.look.open
        return tuple(range(len(self))) if group is None else self.found.groups[group]
