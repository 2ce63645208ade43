"""The method of a session that undoes what receipts tell of, where the system keeps what that takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets
from brokerkit.frames.arrow import ArrowType, schema
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.provenance import attach, provenance_of

from .confirming import check_confirmed
from .dead_letter_methods import DeadLetterSession
from .methods import OperatingSession
from .receipts import check_origin

if TYPE_CHECKING:
    import pandas as pd

FORGOTTEN: dict[str, ArrowType] = {
    "source": pa.string(),
    "source_id": pa.string(),
    "target": pa.string(),
    "id": pa.string(),
    "status": pa.string(),
}
WANTED = "undo takes the receipts of reset() or redrive(), as they were returned"


class UndoingSession(OperatingSession, DeadLetterSession):
    """A session that undoes resets and redrives."""

    def undo(
        self, receipts: pd.DataFrame, *, dry_run: bool = False, confirm: str | None = None
    ) -> pd.DataFrame:
        """Undo what receipts tell of: a reset, or a redrive from a log.

        A reset is undone by one to where each partition was `before`. A redrive from a topic of Kafka is
        undone by remembering exactly these messages as not redriven: `dead_letters` lists them again.
        **Their copies stay** in the topics that they were sent to, since a log removes no single message.

        Args:
            receipts: What `reset` or `redrive` returned, or some of its rows.
            dry_run: Only return the plan.
            confirm: The name of the subscription, or of the topic that was redriven, again.

        Returns:
            For a reset, what `reset` returns. For a redrive one row for each message that was removed: its
            `source`, the `id` of its copy in `target`, and the `status`: "planned", "listed" if it is a dead
            letter again, or "gone" if the log does not have it any more.

        Raises:
            ConfigError: `receipts` are none, or not those of one call on this broker and the topic as it is
                now, or `confirm` is not the name.
            InUse: Members are attached that hinder it.
            NotSupported: The session is read-only, or the originals or the position before are not kept; the
                error names the nearest thing.
        """
        facts = provenance_of(receipts) if isinstance(getattr(receipts, "attrs", None), dict) else None
        if facts is None or "status" not in receipts.columns or not {"reset", "moved"} & facts.keys():
            raise ConfigError(WANTED)
        if "reset" in facts:
            check_origin(self.connection, facts)
            to = _before(receipts)
            return self.reset(facts["reset"], facts["subscription"], to, dry_run=dry_run, confirm=confirm)
        through = facts.get("remembered_by")
        if not through:
            raise NotSupported("; ".join(facts.get("undo") or ["nothing was moved"]))
        check_origin(self.connection, facts)
        removed = receipts[receipts["removed"]]
        connected = self.connection.dead_letters()
        places = [replace(connected.place(name), through=group) for name, group in through.items()]
        if dry_run:
            return _forgotten_frame(removed, ["planned"] * len(removed), facts)
        self.connection.refuse_if_read_only("it brings back no dead letters")
        check_confirmed(
            facts["of"], confirm, f"to list {len(removed):,} dead letters of {facts['of']!r} again"
        )
        for place in places:
            connected.prepare(place)
        # a call that begins between reading what is remembered and the commit fences this one
        with self._fenced("redrive", places) as publisher, publisher.transaction():
            listed = {}
            for place in places:
                listed[place.name], states = self._not_removed(place, removed)
                publisher.send_positions(place.name, str(place.through), states)
        statuses = [
            "listed" if identity in listed[name] else "gone"
            for name, identity in zip(removed["source"], removed["source_id"], strict=True)
        ]
        return _forgotten_frame(removed, statuses, facts)

    def _not_removed(
        self, place: DeadLetterPlace, removed: pd.DataFrame
    ) -> tuple[set[str], dict[int | None, SettledOffsets]]:
        """Return the ids of the messages that the log still has, and what is remembered without them."""
        wanted = set(removed[removed["source"] == place.name]["source_id"])
        known = dict(self.connection.dead_letters().remembered(place))
        found: dict[int | None, set[int]] = {}
        listed: set[str] = set()
        for slice_ in self.inspector.plan(place.name):
            for columns in self.inspector.read(slice_):
                rows = zip(
                    columns.values("id"), columns.values("partition"), columns.positions(), strict=True
                )
                for identity, number, offset in rows:
                    if str(identity) in wanted:
                        listed.add(str(identity))
                        found.setdefault(number, set()).add(offset)
        states = {
            number: known[number].without(offsets) for number, offsets in found.items() if number in known
        }
        return listed, states


def _before(receipts: pd.DataFrame) -> Any:
    """Return where a subscription was before a reset, as `reset` takes it."""
    moved = receipts[receipts["status"] != "failed"]
    if moved.empty:
        raise ConfigError("nothing was moved, so that there is nothing to undo")
    if moved["partition"].duplicated().any():
        raise ConfigError("these are the receipts of several resets: undo the last one first, each by itself")
    if moved["before"].isna().any():
        raise NotSupported(
            "the system did not tell where the subscription was before: take a snapshot before a reset, and "
            'give to="snapshot:NAME", or reset it to a time'
        )
    places = [each if isinstance(each, str) else int(each) for each in moved["before"]]
    if moved["partition"].isna().all():
        return places[0]
    return {int(number): place for number, place in zip(moved["partition"], places, strict=True)}


def _forgotten_frame(removed: pd.DataFrame, statuses: list[str], facts: dict[str, Any]) -> pd.DataFrame:
    columns = {name: removed[name].tolist() for name in FORGOTTEN if name != "status"}
    copies = sorted(set(removed["target"].dropna()))
    note = (
        f"the copies stay in {', '.join(map(repr, copies))}: redrive(to=...) sends them elsewhere next time"
    )
    frame = to_pandas(pa.Table.from_pydict({**columns, "status": statuses}, schema(FORGOTTEN)))
    return attach(frame, {"undone": facts["moved"], "notes": [note] if copies else []})
