"""The methods of a session that keep topics in data sets: capture, restore."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.arguments import check_count
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.protocols import PositionLike
from brokerkit.core.vocabulary.windows import LATENESS

from ..arguments import MessageIds, check_topic
from ..base import BrokerSession
from ..interrupted import Interrupted
from ..masks import refuse_unless_unmasked
from ..publish.copy_topic import CopyOptions, copy_topic
from ..publish.journal import opened
from ..publish.placement import Partitions, Times
from ..read.ranges import parse_range
from .capturing import Captured, CaptureOptions, Capturing
from .folder import CaptureFolder
from .restoring import opened_data_set, restore_plan

if TYPE_CHECKING:
    import pandas as pd

FILE_ROWS = 250_000
NEAREST = {
    "never": "its messages cannot be read without taking them: take them with pull(...) or batches(...) and "
    "keep each frame with to_parquet",
    "while it lasts": "its positions last only until a message is taken: scan(topic).to_parquet(folder) "
    "keeps what is there now",
}


class CapturingSession(BrokerSession):
    """A session that captures topics into data sets, and restores them."""

    def capture(
        self,
        topic: str,
        path: str | PathLike[str],
        *,
        start: PositionLike = "earliest",
        partition_by: str | None = None,
        decode: Any = None,
        decode_key: Any = None,
        expand: bool | None = None,
        file_rows: int = FILE_ROWS,
        progress: bool = True,
        unmask: bool = False,
    ) -> Captured:
        """Write what is new in a topic into a data set of Parquet files, without side effects on the broker.

        The data set knows how far it has come: the first call captures the topic up to its end, each later
        one what was published since. A process that is killed at any point loses and repeats no message; the
        next call goes on. ``connect("parquet:///path")`` opens the data set as a broker, and `restore`
        publishes it. Other libraries read the files as they are.

        The choices of the first call hold for all later ones, which may leave them out.

        Args:
            topic: The name of the topic.
            path: The folder of the data set, which has one topic.
            start: Where the first call begins, as in `peek`.
            partition_by: Folders by ``"day"``, the UTC day of the message, or by a field of the value, such
                as ``"value.country"``. None makes no folders.
            decode, decode_key: As in `peek`; None is "auto". The bytes are kept in any case.
            expand: Add a column for each field of JSON values. A column keeps the type that it had first; a
                value that does not fit is NA there and counted.
            file_rows: About how many messages each file holds. Small files are put together.
            progress: Show a progress bar.
            unmask: Capture messages as they are although the session has a mask, which is refused otherwise.

        Returns:
            How many messages were new, and what is missing: ranges that the broker deleted before they were
            captured also raise a `RetentionWarning`, and stay on record in the data set.

        Raises:
            ConfigError: An argument or the folder cannot be used, or the topic was made again.
            NotSupported: The positions of this system do not last, or the session has a mask.
            InUse: Another process captures into the folder.
            StorageError: The disk is full, or writing is not permitted.
            Interrupted: Ctrl-C was pressed. What was committed stays; the same call goes on.
        """
        refuse_unless_unmasked(self.mask, unmask, "capture keeps messages as they are")
        check_topic(topic)
        slices = self.capabilities.slices
        if slices in NEAREST:
            raise NotSupported(f"{self.name} cannot be captured, because {NEAREST[slices]}")
        options = CaptureOptions(
            start, partition_by, decode, decode_key, expand, check_count(file_rows, "file_rows"), progress
        )
        try:
            with CaptureFolder.held(_folder(path, "capture")) as folder:
                return Capturing(self, topic, folder, options).run()
        except KeyboardInterrupt as interrupt:
            self.last_interrupted = Interrupted(
                f"capturing {topic!r} was interrupted. What was committed stays in {path}; the same call "
                "goes on."
            )
            raise self.last_interrupted from interrupt

    def restore(
        self,
        path: str | PathLike[str],
        topic: str,
        *,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        dry_run: bool = False,
        resume: pd.DataFrame | None = None,
        journal: str | PathLike[str] | None = None,
        partitions: Partitions | None = None,
        times: Times | None = None,
        lateness: Any = LATENESS,
        message_ids: MessageIds = "new",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Publish a data set that `capture` wrote to a topic, and return one outcome per message.

        Keys, payloads and attributes arrive as they were, partitions and times where the system takes them;
        see `copy`.

        Args:
            path: The folder of the data set.
            topic: The topic to publish to.
            start, end: Which part, as in `peek`, by the positions and times of the messages.
            dry_run: Send nothing, and return a frame of what would be sent, by partition.
            resume, journal, partitions, times, message_ids: As in `copy`.
            lateness: How to find times, as in `peek`.
            progress: Show a progress bar.

        Raises:
            ConfigError: An argument or the folder cannot be used.
            NotSupported: The topic cannot be published to, as asked.
            Interrupted: Ctrl-C was pressed; `.frame` has the outcomes so far.
        """
        check_topic(topic)
        self._check_open()
        span = parse_range(start, end, lateness)
        with opened_data_set(_folder(path, "restore")) as (source, name):
            if dry_run:
                return restore_plan(source, name, self, topic, span, partitions, times)
            with opened(journal) as kept:
                given = CopyOptions(
                    span, resume=resume, partitions=partitions, times=times, progress=progress,
                    message_ids=message_ids,
                )  # fmt: skip
                try:
                    return copy_topic(source, name, self, topic, given, kept)
                finally:
                    self.last_interrupted = source.last_interrupted or self.last_interrupted


def _folder(path: Any, call: str) -> Path:
    if not isinstance(path, str | PathLike) or not str(path):
        raise ConfigError(f"{call} needs the path of a folder, not {path!r:.60}")
    return Path(path)
