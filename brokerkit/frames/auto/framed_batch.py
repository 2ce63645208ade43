"""What the framings of one batch of payloads gave, and what follows for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from brokerkit.registry import RegisteredSchema

from ..arrays import taken
from ..arrow import Array, ArrowType
from ..codecs.bodies import Gathered, Rows
from ..codecs.framing import Framing
from ..codecs.row_failure import RowFailure
from .reading import Problem


class Framed(NamedTuple):
    """What was read of a batch by the schemas of a registry. The arrays are null for rows that were not.

    Attributes:
        done: Which rows were read, or can surely not be read.
        texts, formats, schemas: As in `Decoded`.
        verbatim: Which texts are the payload itself.
        problems: Why rows that are done have no text.
        notes: Why rows that are not done name a schema that is not known.
    """

    done: Any
    texts: Array
    formats: Array
    schemas: Array
    verbatim: Any
    problems: dict[int, Problem]
    notes: dict[int, Problem]


class FramedBatch:
    """The readings of one batch, collected framing by framing.

    A row is read if exactly one text fits, and every schema that it may name is known or surely not there.
    """

    def __init__(self, length: int, type: ArrowType, topic: str | Sequence[str] | None = None) -> None:
        self._length = length
        self._topic = topic
        self._texts = Gathered(length, type)
        self._word = np.full(length, -1, np.int64)
        self._words: list[tuple[str, str]] = []
        self._verbatim = np.zeros(length, np.bool_)
        self._problems: dict[int, tuple[int, Problem]] = {}
        self._down: dict[int, Problem] = {}
        self._read: list[tuple[RegisteredSchema, int, Rows]] = []
        self._fit: set[tuple[Any, ...]] = set()
        self.unknown: list[tuple[Framing, Rows, str]] = []
        """The framings whose schema is surely not there, with the reason."""

    def has_read(self, schema: RegisteredSchema, framing: Framing, rows: Rows) -> bool:
        """Return whether the same rows were read with the same schema under another id of it; note it."""
        for other, start, others in self._read:
            same = (other.type, other.text, other.references) == (schema.type, schema.text, schema.references)
            if same and start == framing.start and np.array_equal(rows, others):
                return True
        self._read.append((schema, framing.start, rows))
        return False

    def put(
        self, framing: Framing, rows: Rows, format: str, texts: Array, failures: dict[int, RowFailure]
    ) -> None:
        """Add what was read of some rows."""
        word = self._new_word(framing, format)
        given = np.ones(len(rows), np.bool_)
        given[list(failures)] = False
        first = self._texts.put(rows, texts, given)
        self._word[first] = word
        if not framing.start and (format == "text" or "json" in (format, framing.encoding)):
            self._verbatim[first] = True
        if len(failures) < len(rows):
            topics = self._topics(rows if not failures else np.delete(rows, [*failures]))
            self._fit.update((topic, *_kind(framing)) for topic in topics)
        layer = self._words[word][0]
        for place, one in failures.items():
            problem = Problem(one.reason, layer, one.offset, one.path or None)
            self._problems.setdefault(int(rows[place]), (word, problem))

    def refused(self, framing: Framing, rows: Rows, format: str, reason: str) -> None:
        """Note that the schema of some rows cannot be used."""
        word = self._new_word(framing, format)
        for row in rows.tolist():
            self._problems.setdefault(row, (word, Problem(reason, self._words[word][0])))

    def unanswered(self, framing: Framing, rows: Rows, reason: str, surely: bool) -> None:
        """Note that it is not known whether there is a schema.

        Args:
            surely: False if another schema that fits decides nevertheless.
        """
        word = self._new_word(framing, "")
        for row in rows.tolist():
            problem = Problem(f"{framing.ref}: {reason}", framing.name)
            if surely:
                self._down.setdefault(row, problem)
            else:
                self._problems.setdefault(row, (word, problem))

    def framed(self, seen: set[tuple[Any, ...]]) -> Framed:
        """Return what follows.

        Args:
            seen: The kinds of framings of which earlier batches had some, by topic; those of this batch are
                added.
        """
        seen |= self._fit
        texts, problems = self._texts.values(), {}
        for row in self._texts.contradicted:
            reason = "two schemas that it may name both fit, so that it is not decoded"
            problems[row] = Problem(reason, self._words[self._word[row]][0])
        for row, (word, problem) in self._problems.items():
            if not self._texts.has(row):
                self._word[row] = word
                problems[row] = problem
        for row, problem in self._down.items():
            problems[row] = problem
            self._word[row] = self._no_word(problem.layer)
        notes: dict[int, Problem] = {}
        for framing, rows, reason in self.unknown:
            evident = {topic for topic in self._topics(rows) if (topic, *_kind(framing)) in seen}
            if not evident and not framing.declared:
                continue
            for row in rows[self._word[rows] < 0].tolist():
                if framing.declared or self._topic_of(row) in evident:
                    notes.setdefault(row, Problem(reason, framing.name))
        if problems:
            wrong = np.zeros(self._length, np.bool_)
            wrong[list(problems)] = True
            index = np.where(wrong, -1, np.arange(self._length))
            texts = taken(texts, index)
            self._verbatim &= ~wrong
        formats = pa.array([format for format, _ in self._words], pa.string())
        schemas = pa.array([schema or None for _, schema in self._words], pa.string())
        return Framed(
            self._word >= 0,
            texts,
            taken(formats, self._word),
            taken(schemas, self._word),
            self._verbatim,
            problems,
            notes,
        )

    def _topic_of(self, row: int) -> str | None:
        return self._topic if self._topic is None or isinstance(self._topic, str) else self._topic[row]

    def _topics(self, rows: Rows) -> set[str | None]:
        if self._topic is None or isinstance(self._topic, str):
            return {self._topic}
        return {self._topic[row] for row in rows.tolist()}

    def _new_word(self, framing: Framing, format: str) -> int:
        self._words.append(("+".join(filter(None, (framing.name, format))), str(framing.ref)))
        return len(self._words) - 1

    def _no_word(self, format: str) -> int:
        if (format, "") not in self._words:
            self._words.append((format, ""))
        return self._words.index((format, ""))


def _kind(framing: Framing) -> tuple[Any, ...]:
    return framing.name, framing.ref.kind, framing.width, framing.declared
