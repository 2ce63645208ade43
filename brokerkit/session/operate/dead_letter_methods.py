"""The methods of a session that show dead letters, send them again, and move messages."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from math import inf
from os import PathLike
from typing import Any, Literal

import pandas as pd

from brokerkit.core.runtime.publisher import ConnectedPublisher
from brokerkit.core.vocabulary.arguments import check_count, check_seconds
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.core.vocabulary.errors import ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.interrupts import Hold
from brokerkit.core.vocabulary.notes import note
from brokerkit.frames.masking.mask import Mask
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.frames.provenance import provenance_of

from ..arguments import check_topic
from ..base import BrokerSession
from ..filters import Header
from ..interrupted import outcome_kept
from ..masks import refuse_unless_unmasked
from ..options import ReadOptions
from ..publish.journal import opened
from ..reader_schemas import planned
from .confirming import check_confirmed
from .copies import Copies, CopyRules, Headers
from .dead_letters import DeadLetterRows, grouped, letters_frame
from .keyed_source import KeyedSource
from .moving import Moving, Pace
from .narrowing import narrowed
from .planning import plan_frame
from .receipts import MoveWarning, origin_of, receipts_frame
from .selecting import AllOf, RowsOf
from .sources import ReadSource, RememberedSource, Source, all_opened
from .taken_source import TakenSource, check_can_take, check_looking
from .together import Together

MAX_REDRIVES = 3


class DeadLetterSession(BrokerSession):
    """A session that shows dead letters, sends them again and moves messages."""

    def dead_letters(
        self,
        topic: str,
        *,
        by: str | Sequence[str] | None = None,
        limit: int | None = None,
        key: str | bytes | None = None,
        header: Header | None = None,
        where: Any = None,
        naming: str | None = None,
        through: str | None = None,
        side_effects: str | None = None,
        decode: Any = "auto",
        decode_key: Any = "auto",
        expand: bool = False,
        mask: Mask | str | None = None,
        unmask: bool = False,
    ) -> pd.DataFrame:
        """Return the dead letters of a topic as a frame of messages, with why each was given up.

        Besides the columns of `peek` there are `reason`, `description`, `deliveries`, `redriven` (how often
        it was redriven), `origin_topic`, `origin_partition`, `origin_offset`, `origin_subscription` and
        `first_time`, when it was first published. A cell is NA where nothing tells. Nothing is changed, and
        what `redrive` remembers as removed from a log is left out.

        Args:
            topic: The topic that they come from, or the topic that holds them.
            by: Count them by a column or several, such as ``"reason"``, with the first and the last time.
            limit: At most so many rows. None for all.
            key, header, where: Which ones, as in `peek`. An Arrow expression may use the columns above.
            naming: How topics of dead letters are named, such as ``"dlq.{topic}"``. None tries what is usual.
            through: The group that remembers what was redriven, or the subscription through which they are
                taken. None for brokerkit's own.
            side_effects: "give back" takes them and gives them back, where they cannot be looked at without
                (Pub/Sub).
            decode, decode_key, expand, mask, unmask: As in `peek`.

        Raises:
            ConfigError: An argument cannot be used.
            NotFound: There is no such topic, or none that holds its dead letters.
            NotSupported: The system has none, or does not show them without taking them.
        """
        most = None if limit is None else check_count(limit, "limit")
        places = self._dead_letter_places(check_topic(topic), naming, through)
        reading = ReadOptions(
            key, header, where, decode, expand, decode_key=decode_key, mask=mask, unmask=unmask
        )
        reading = planned(self, [topic], reading)
        rows = DeadLetterRows(self, self.connection.dead_letters().rules, reading)
        check_looking(side_effects)
        look = self._readable if side_effects is None else self._given_back
        with ExitStack() as looking:
            sources = all_opened(looking, map(look, places))
            frame = letters_frame(self, topic, sources, rows, most, expand=expand, naming=naming)
        return frame if by is None else grouped(frame, by)

    def redrive(
        self,
        what: str | pd.DataFrame,
        *,
        to: str | None = None,
        to_session: BrokerSession | None = None,
        key: str | bytes | None = None,
        header: Header | None = None,
        where: Any = None,
        limit: int | None = None,
        rate: float | None = None,
        max_redrives: int = MAX_REDRIVES,
        headers: Headers = "strip",
        partitions: Literal["key"] | None = None,
        naming: str | None = None,
        through: str | None = None,
        side_effects: str | None = None,
        journal: str | PathLike[str] | None = None,
        dry_run: bool = False,
        confirm: str | None = None,
        timeout: float | None = None,
        progress: bool = True,
        unmask: bool = False,
    ) -> pd.DataFrame:
        """Send dead letters again: publish each, wait for the confirmation, and then remove the original.

        What fails stays where it is, with the reason in its receipt. If the process is killed, the same call
        goes on: a copy has a header with the name of its original, by which it is known again, so that
        nothing is lost, and nothing is sent twice that can be known. Within a log (Kafka) both happen in one
        transaction: the group `through` remembers what was redriven, and the log keeps its records.

        Args:
            what: The topic that they come from, the topic that holds them, or rows of `dead_letters`, which
                are sent as they are in the frame, also if they were edited.
            to: The topic to send them to. None sends each to the topic that it came from.
            to_session: The session to send them to. None for this one.
            key, header, where, limit: Which ones, as in `dead_letters`.
            rate: At most so many per second. None for no limit.
            max_redrives: One that was redriven so often already is refused. The header ``bk-redriven``
                counts.
            headers: "strip" leaves out the headers that tell why it was given up; "keep" leaves them.
            partitions: None sends each to the partition that it came from, where that is known and there is
                one. "key" lets the key decide.
            naming, through, side_effects: As in `dead_letters`; `side_effects` is for a dry run.
            journal: A file that records outcomes as they come, so that the receipts of a call that goes on
                are complete; see `publish_frame`.
            dry_run: Change nothing, and return what would be sent.
            confirm: The name of the topic in `what` again; for a frame, of the topic that it was read for.
            timeout: Seconds for each 500 messages.
            progress: Show a progress bar.
            unmask: Send messages as they are although the session has a mask, which is refused otherwise.

        Returns:
            An `OutcomeFrame` with one row for each message: its `source` and `source_id`, its `target`, the
            `status`, and whether the original is `removed`. ``attrs["brokerkit"]["undo"]`` says for each
            place how they are brought back; `undo` does it on Kafka.

        Raises:
            ConfigError: An argument cannot be used, or `confirm` is not the name.
            NotFound: There is no such topic.
            NotSupported: The session is read-only or has a mask, or the system cannot do it.
            Interrupted: Ctrl-C was pressed; `.frame` has the receipts so far.
        """
        rules = CopyRules(
            None if to is None else check_topic(to),
            _one_of("headers", headers, ("strip", "keep")),
            _one_of("partitions", partitions, (None, "key")),
            check_count(max_redrives, "max_redrives"),
        )
        pace = Pace(
            None if limit is None else check_count(limit, "limit"),
            _rate(rate),
            check_seconds(timeout, "timeout"),
        )
        refuse_unless_unmasked(self.mask, unmask, "redrive passes messages on as they are")
        filtering = any(each is not None for each in (key, header, where))
        check_looking(side_effects, dry_run, "redrive")
        self.connection.dead_letters().check_has("redrive")
        if isinstance(what, str):
            name = check_topic(what)
            found = self._dead_letter_places(name, naming, through)
            # what is to be retried is not given up yet: it is redriven only if its topic is named
            places = [each for each in found if each.kind != "retries" or each.name == name]
            if not places:
                raise NotFound(
                    f"no topic holds dead letters of {name!r}, but what is to be retried is in "
                    f"{', '.join(repr(each.name) for each in found)}: name that topic to send it again too"
                )
            reading = ReadOptions(key, header, where, unmask=unmask)
            rows = DeadLetterRows(self, self.connection.dead_letters().rules, reading)
            selection: AllOf | RowsOf = AllOf({e.name: e for e in places}, rows if filtering else None)
        else:
            if naming is not None:
                raise ConfigError("naming= is for a topic: a frame says where its rows are")
            selection = RowsOf(narrowed(what, key, header, where))
            name, places = self._places_of(what, selection, through)
        return self._moved(
            "redrive", name, places, selection, rules, pace, to_session or self, journal, dry_run, confirm,
            progress, self._looking(side_effects, selection),
        )  # fmt: skip

    def move(
        self,
        frame: pd.DataFrame,
        to: str,
        *,
        to_session: BrokerSession | None = None,
        rate: float | None = None,
        through: str | None = None,
        side_effects: str | None = None,
        journal: str | PathLike[str] | None = None,
        dry_run: bool = False,
        confirm: str | None = None,
        timeout: float | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Move messages to another topic: publish each, wait for the confirmation, then remove the original.

        Headers stay as they are; the copy has one more, by which it is known again.

        Args:
            frame: The messages, as `peek` or `scan` read them. They are sent as they are in the frame.
            to: The topic to move them to.
            through: The subscription for which they are removed, where a topic has several: the others still
                get them. None for the only one.
            to_session, rate, side_effects, journal, dry_run, timeout, progress: As in `redrive`.
            confirm: The name of the topic that they are in again.

        Returns:
            Receipts, as of `redrive`.

        Raises:
            ConfigError: An argument cannot be used, or `confirm` is not the name.
            NotFound: There is no such topic.
            NotSupported: The session is read-only, or the system cannot remove single messages.
            Interrupted: Ctrl-C was pressed; `.frame` has the receipts so far.
        """
        rules = CopyRules(check_topic(to), "keep", max_redrives=None)
        pace = Pace(None, _rate(rate), check_seconds(timeout, "timeout"))
        check_looking(side_effects, dry_run, "move")
        self.connection.dead_letters().check_has("move")
        selection = RowsOf(frame)
        if len(selection.topics) > 1:
            raise ConfigError(f"move takes rows of one topic, not of {len(selection.topics)}")
        name = "".join(selection.topics)
        connected = self.connection.dead_letters()
        if through is None:
            places = [connected.movable(each) for each in selection.topics]
        else:
            places = [replace(connected.place(each), through=through) for each in selection.topics]
        return self._moved(
            "move", name, places, selection, rules, pace, to_session or self, journal, dry_run, confirm,
            progress, self._looking(side_effects, selection),
        )  # fmt: skip

    def _moved(
        self,
        verb: str,
        name: str,
        places: Sequence[DeadLetterPlace],
        selection: AllOf | RowsOf,
        rules: CopyRules,
        pace: Pace,
        target: BrokerSession,
        journal: str | PathLike[str] | None,
        dry_run: bool,
        confirm: str | None,
        progress: bool,
        look: Callable[[DeadLetterPlace], Source],
    ) -> pd.DataFrame:
        connected = self.connection.dead_letters()
        copies = Copies(
            target, connected.rules, rules, self.capabilities, same_broker=target.name == self.name
        )
        if dry_run:
            with ExitStack() as looking:
                return plan_frame(all_opened(looking, map(look, places)), copies, selection, pace)
        self.connection.refuse_if_read_only("it moves no messages")
        if not places:
            return receipts_frame([], {"moved": f"{verb} of no rows"})
        there = ", ".join(each.name for each in places)
        check_confirmed(name, confirm, f"to {verb} messages of {there}")
        for each in places:
            connected.prepare(each)
            if each.caution is not None:
                note(each.caution, MoveWarning)
        with ExitStack() as stack:
            kept = stack.enter_context(opened(journal))
            if kept is not None:
                kept.begin(kind=verb, topic=name, target=target.name, copied=self.name)
            origin = origin_of(self.connection, [e.name for e in places if e.removal == "position"])
            fenced = together = None
            if all(each.removal == "position" for each in places):
                fenced = stack.enter_context(self._fenced(verb, places))
            if fenced is not None and target is self:
                publisher, together = fenced, Together(fenced)
            else:
                publisher = target.shared_publisher()
            sources = all_opened(stack, (self._removable(each, selection, fenced) for each in places))
            moving = Moving(verb, name, sources, copies, publisher, selection, pace, kept, together, origin)
            total = len(selection) if isinstance(selection, RowsOf) else None

            def work(hold: Hold) -> OutcomeFrame:
                hold.begin()
                return moving.run(total=total, progress=progress)

            return outcome_kept(self, work, moving.interrupted)

    @contextmanager
    def _fenced(self, verb: str, places: Sequence[DeadLetterPlace]) -> Iterator[ConnectedPublisher]:
        """Return a publisher for transactions, once another call with the same places can do no more."""
        broker, there = self.connection.address.broker, ", ".join(each.name for each in places)
        # the same name fences a call that was killed and whose transaction is still open
        own = uuid.uuid5(uuid.NAMESPACE_URL, f"{broker} {there} {places[0].through}")
        with self.connection.publisher(transactional_id=f"brokerkit-{verb}-{own.hex}") as publisher:
            Together(publisher).fence()
            yield publisher

    def _dead_letter_places(
        self, topic: str, naming: str | None, through: str | None
    ) -> list[DeadLetterPlace]:
        found = self.connection.dead_letters().places(topic, naming=naming)
        return found if through is None else [replace(each, through=through) for each in found]

    def _places_of(
        self, frame: Any, selection: RowsOf, through: str | None
    ) -> tuple[str, list[DeadLetterPlace]]:
        """Return the name that a frame of dead letters was read for, and the places of its rows."""
        connected = self.connection.dead_letters()
        attrs = getattr(frame, "attrs", None)
        read_by = (provenance_of(frame) or {}) if isinstance(attrs, dict) else {}
        asked = read_by.get("dead_letters")
        known: dict[str, DeadLetterPlace] = {}
        if isinstance(asked, str):
            own = [name for name in selection.topics if name == asked]
            if not own:
                places = connected.places(asked, naming=read_by.get("naming"))
                known = {each.name: each for each in places}
        found = [known.get(name) or connected.place(name) for name in selection.topics]
        if through is not None:
            found = [replace(each, through=through) for each in found]
        if not isinstance(asked, str) and len(found) > 1:
            raise ConfigError(f"redrive takes rows of one topic, not of {len(found)}: call it for each")
        return asked if isinstance(asked, str) else "".join(selection.topics), found

    def _looking(
        self, side_effects: str | None, selection: AllOf | RowsOf
    ) -> Callable[[DeadLetterPlace], Source]:
        """Return what a dry run reads from."""
        return self._readable if side_effects is None else partial(self._given_back, selection=selection)

    def _readable(self, place: DeadLetterPlace) -> Source:
        """Return a source that only reads."""
        if self.capabilities.slices == "never":
            raise NotSupported(
                f"messages of {place.name!r} are not shown without taking them: dead_letters and the dry "
                'runs of redrive and move take side_effects="give back", which takes them and gives them back'
            )
        return ReadSource(self, place) if place.removal == "delete" else RememberedSource(self, place)

    def _given_back(self, place: DeadLetterPlace, selection: AllOf | RowsOf | None = None) -> Source:
        """Return a source that takes messages, and gives them back when it is closed."""
        if self.capabilities.slices != "never":
            raise ConfigError("looking has no side effects on this system: leave side_effects= out")
        check_can_take(self, place)
        return TakenSource(self, place, wanted=None if selection is None else selection.wanted(place.name))

    def _removable(
        self, place: DeadLetterPlace, selection: AllOf | RowsOf, fenced: ConnectedPublisher | None
    ) -> Source:
        """Return a source whose messages can be removed."""
        if fenced is not None:
            return RememberedSource(self, place, fenced)
        if place.removal != "take":
            return self._readable(place)
        if place.key_option is not None:
            return KeyedSource(self, place, selection.wanted(place.name))
        check_can_take(self, place)
        return TakenSource(self, place, wanted=selection.wanted(place.name))


def _rate(value: Any) -> float | None:
    rate = check_seconds(value, "rate")
    if rate is not None and not 0 < rate < inf:
        raise ConfigError(f"rate must be how many are sent per second at most, more than 0, not {value!r}")
    return rate


def _one_of(name: str, value: Any, known: Sequence[Any]) -> Any:
    if value not in known:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}")
    return value
