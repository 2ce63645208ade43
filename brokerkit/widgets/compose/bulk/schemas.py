"""The schemas of a registry that many messages may be written with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import BrokerError, NotFound
from brokerkit.frames.codecs.payload_writers import PayloadWriter
from brokerkit.registry import Subjects
from brokerkit.session.publish.schema_choice import payload_writer

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

MOST_SUBJECTS = 500
"""So many subjects are offered; those of the topic are always among them."""


@dataclass(frozen=True)
class ChosenSchema:
    """One version of a subject, which the values are written with."""

    subject: str
    version: int

    @property
    def text(self) -> str:
        """What `publish_frame` takes as ``schema=``."""
        return f"{self.subject}:{self.version}"

    def writer(self, session: DataSession, topic: str) -> PayloadWriter | None:
        """Return what writes the payloads. Raises ConfigError."""
        return payload_writer(session, topic, self.text)


@dataclass(frozen=True)
class OfferedSchemas:
    """What a registry offers.

    Attributes:
        subjects: The subjects, those of the topic first; empty without a registry.
        said: Why there are none, or not all of them.
    """

    subjects: tuple[str, ...] = ()
    said: str = ""


NOTHING_OFFERED = OfferedSchemas()


def offered_schemas(session: DataSession, topic: str) -> OfferedSchemas:
    """Return the subjects that a registry has; nothing where the session has no registry."""
    if session.registry is None:
        return NOTHING_OFFERED
    try:
        names = Subjects(session.registry.client).names()
    except (BrokerError, TimeoutError) as error:
        return OfferedSchemas(said=f"the schemas could not be listed: {error}")
    names.sort(key=lambda name: (name != f"{topic}-value", not name.startswith(topic), name))
    more = len(names) - MOST_SUBJECTS
    return OfferedSchemas(tuple(names[:MOST_SUBJECTS]), said=f"{more:,} subjects more" if more > 0 else "")


def versions_of(session: DataSession, subject: str) -> tuple[int, ...]:
    """Return the versions of a subject, the newest first.

    Raises:
        NotFound: There is no such subject any more.
    """
    if session.registry is None:
        raise NotFound("this session has no schema registry")
    found = Subjects(session.registry.client).versions(subject)
    if not found:
        raise NotFound(f"the subject {subject!r} has no version any more")
    return tuple(reversed(found))
