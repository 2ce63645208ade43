"""Outcomes on disk as they come, so that a call continues after its process was killed.

A journal is a file of JSON lines that only grows. Its first line says which call it belongs to::

    {"brokerkit journal": 1, "kind": "publish_frame", "topic": "t", "target": "...", "rows": 9000, ...}

Before messages are sent, a line that names them is on the disk. `rows` are their numbers in the frame (for
a copy: their ids in the source), and `digest` is over their content::

    {"sending": {"at": "2026-01-31T12:00:00+00:00", "rows": [0, 5000], "digest": "..."}}

Their outcome follows: `status` has one letter for each (c: confirmed, f: failed, u: unknown, d: duplicate),
`id` the broker's ids, and `error` the error texts by place::

    {"outcome": {"rows": [0, 5000], "status": "ccf...", "id": ["0-17", ...], "error": {"2": "..."}}}

A copy has no digest, since its source does not change, and lists the slices it reads: ``{"plan": [...]}``.
Messages that are moved are named by the place and the id of their original and the name of their copy. Their
line has the ends of their targets before they were sent in `ends`, each a list of partition and position, and
there is a line when their originals are gone: ``{"removed": ["orders-dlq 0-17 b5bb9d80...", ...]}``.
Messages that were being sent and have no outcome are unknown. Later lines replace earlier ones. An
incomplete last line is ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import FileIO
from os import PathLike
from pathlib import Path
from typing import Any

import orjson

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.results import PublishResult, PublishStatus

from ..locking import only_writer
from ..storing import storing, sync
from .resending import SENT_BY

VERSION = 1
MARK = "brokerkit journal"
GO_ON = "It records what was done; the same call with the same journal= continues."
KILLED = "its process ended while it was being sent"
_LETTERS: dict[str, PublishStatus] = {"c": "confirmed", "f": "failed", "u": "unknown", "d": "duplicate"}
_LETTER_OF = {status: letter for letter, status in _LETTERS.items()}

Known = dict[Any, PublishResult]


class Journal:
    """An open journal. Made by `opened`.

    Attributes:
        head: The first line.
        plan: The slices of a copy.
        known: The outcome of each row, or of each id in the source.
        removed: The messages whose originals are gone.
        targets: The topic that each message was sent to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: Known = {}
        self.removed: set[Any] = set()
        self.targets: dict[Any, str] = {}
        self.plan: list[list[Any]] | None = None
        self._ends: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._digests: dict[tuple[Any, ...], str | None] = {}
        self._first_sent: dict[tuple[Any, ...], tuple[str, Sequence[Any]]] = {}
        self.head = self._read()
        self._file: FileIO | None = None

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].splitlines()
        try:
            head, *rest = map(orjson.loads, lines) if lines else [{}]
            if lines and head[MARK] != VERSION:
                raise ValueError(f"its version is {head[MARK]!r}")
            for line in rest:
                self._take(line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{self.path} is not a journal of brokerkit ({error}): give another file, or delete it"
            ) from error
        if not lines and content[:1] not in (b"", b"{"):
            raise ConfigError(f"{self.path} is not a journal of brokerkit: give another file, or delete it")
        if whole != len(content):
            with self.path.open("rb+") as file:
                file.truncate(whole)
        return dict(head)

    def _take(self, line: dict[str, Any]) -> None:
        sending, outcome = line.get("sending"), line.get("outcome")
        if sending is not None:
            doubtful = PublishResult("unknown", error=BrokerError(KILLED))
            for name in _names(sending["rows"]):
                known = self.known.get(name)
                if known is None or not known.ok:  # confirmed messages are not sent again
                    self.known[name] = doubtful
            self._digests[_place(sending["rows"])] = sending.get("digest")
            self._ends[_place(sending["rows"])] = sending.get("ends", {})
            self.targets.update(zip(sending["rows"], sending.get("targets", ()), strict=False))
            self._first_sent.setdefault(_place(sending["rows"]), (sending["at"], sending["rows"]))
        self.plan = line.get("plan", self.plan)
        self.removed.update(line.get("removed", ()))
        if outcome is not None:
            errors = outcome["error"]
            each = zip(_names(outcome["rows"]), outcome["status"], outcome["id"], strict=True)
            for row, (name, letter, identity) in enumerate(each):
                text = errors.get(str(row))
                error = None if text is None else BrokerError(text)
                self.known[name] = PublishResult(_LETTERS[letter], identity, error)

    @property
    def sent(self) -> dict[str, Any]:
        """When the first message of unknown outcome was sent, in the form of an outcome frame."""
        times = [
            at
            for at, rows in self._first_sent.values()
            if any(self.known[name].status == "unknown" for name in _names(rows) if name in self.known)
        ]
        return {SENT_BY: min(times)} if times else {}

    @property
    def ends(self) -> dict[str, dict[int | None, int]]:
        """Where each target ended before the first message of unknown outcome was sent, by partition."""
        found: dict[str, dict[int | None, int]] = {}
        for place, (_, rows) in self._first_sent.items():
            if not any(self.known[name].status == "unknown" for name in _names(rows) if name in self.known):
                continue
            for topic, ends in self._ends[place].items():
                first = found.setdefault(topic, {})
                for number, end in ends:
                    first[number] = min(int(end), first.get(number, int(end)))
        return found

    def begin(self, **head: Any) -> None:
        """Write the first line, or check it against this call.

        Facts that only the first call decides are not checked.

        Raises:
            ConfigError: The journal belongs to something else.
        """
        if self.head:
            for name in ("kind", "topic", "target", "copied", "rows"):
                if self.head.get(name) != head.get(name):
                    raise ConfigError(
                        f"the journal {self.path} belongs to another call ({name} is {self.head.get(name)!r} "
                        f"there and {head.get(name)!r} here): give another file"
                    )
            return
        self.head = {MARK: VERSION, **head}
        self._write(self.head, durable=True)
        sync(self.path.parent)

    def check(self, rows: Sequence[Any], messages: Iterable[object]) -> str:
        """Return the digest of some rows.

        Raises:
            ConfigError: The journal has these rows with other content.
        """
        digest = digest_of(messages)
        if self._digests.get(_place(rows), digest) != digest:
            raise ConfigError(
                f"the journal {self.path} belongs to another frame: its rows from {rows[0]!r} on had other "
                "content. Give the earlier frame, or another file"
            )
        return digest

    def parts(self) -> list[tuple[int, int]]:
        """Return the numbers of the rows that were sent together, where their content is known."""
        known = [place for place, digest in self._digests.items() if digest is not None]
        return [(place[0], place[1]) for place in known if place and isinstance(place[0], int)]

    def keep_plan(self, plan: list[list[Any]]) -> None:
        """Write the slices that a copy reads, for a later call to read too."""
        self.plan = plan
        self._write({"plan": plan}, durable=True)

    def sending(self, rows: Sequence[Any], digest: str | None = None, **more: Any) -> None:
        """Write which rows are about to be sent, and wait until that is on the disk.

        Args:
            rows: Their names.
            digest: The digest of their content.
            more: For messages that are moved, `ends` and `targets`.
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        mark = {} if digest is None else {"digest": digest}
        self._write({"sending": {"at": at, "rows": rows, **mark, **more}}, durable=True)

    def outcome(self, rows: Sequence[Any], results: Sequence[PublishResult]) -> None:
        """Write the outcome of these rows."""
        errors = {str(row): str(one.error) for row, one in enumerate(results) if one.error is not None}
        status = "".join(_LETTER_OF[one.status] for one in results)
        ids = [one.id for one in results]
        self._write({"outcome": {"rows": rows, "status": status, "id": ids, "error": errors}})

    def gone(self, names: Sequence[Any]) -> None:
        """Write that the originals of these messages are gone."""
        if names:
            self._write({"removed": names})

    def _write(self, line: Mapping[str, Any], *, durable: bool = False) -> None:
        with storing(self.path, GO_ON):
            if self._file is None:
                self._file = self.path.open("ab", buffering=0)
            data = memoryview(orjson.dumps(line) + b"\n")
            while data:
                data = data[self._file.write(data) :]
            if durable:
                os.fsync(self._file.fileno())

    def close(self) -> None:
        """Wait until everything is on the disk, and close the file."""
        if self._file is None:
            return
        with storing(self.path, GO_ON):
            try:
                os.fsync(self._file.fileno())
            finally:
                self._file.close()


@contextmanager
def opened(path: str | PathLike[str] | None) -> Iterator[Journal | None]:
    """Open the journal at `path` for one writer at a time; yield None for None.

    Raises:
        InUse: Another call is writing to it.
        ConfigError: The file is not a journal.
        StorageError: The file cannot be read or written.
    """
    if path is None:
        yield None
        return
    if not isinstance(path, str | PathLike) or not str(path):
        raise ConfigError(f"journal= needs the path of a file, not {path!r}")
    file = Path(path)
    if file.is_dir():
        raise ConfigError(f"{file} is a folder; journal= needs the path of a file")
    with storing(file, GO_ON), only_writer(file, file.with_name(f"{file.name}.lock"), "give another journal"):
        journal = Journal(file)
        try:
            yield journal
        finally:
            journal.close()


def digest_of(messages: Iterable[object]) -> str:
    """Return a digest of the content of messages, or of the reasons why rows are not messages."""
    made = sha256()
    for each in messages:
        if isinstance(each, OutboundMessage):
            parts: tuple[Any, ...] = (
                each.data, each.key, tuple(each.attributes), each.partition, each.publish_time,
            )  # fmt: skip
        else:
            parts = (str(each),)
        for part in parts:
            data = part if isinstance(part, bytes) else repr(part).encode("utf-8", "surrogatepass")
            made.update(b"%d:%d:" % (isinstance(part, bytes), len(data)))
            made.update(data)
    return made.hexdigest()


def _names(rows: Sequence[Any]) -> Iterable[Any]:
    """Return the names of the rows of a line: a range of numbers, or ids."""
    if len(rows) == 2 and isinstance(rows[0], int):
        return range(rows[0], rows[1])
    return rows


def _place(rows: Sequence[Any]) -> tuple[Any, ...]:
    return (rows[0], rows[-1], len(rows)) if rows else ()
