"""The inspector: topics and their ranges, as the manifests of the data sets say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from brokerkit.core.contract.inspector import InspectorDriver
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.topics import Bounds, TopicDescription, TopicInfo
from brokerkit.core.vocabulary.windows import TimeOrder

from .codec import position_column
from .connection import DataSet, ParquetConnection
from .manifest import NUMBER, DataFile, Reached


class ParquetInspector(InspectorDriver):
    """An inspector of captured data sets."""

    def __init__(self, connection: ParquetConnection) -> None:
        self._connection = connection
        self._looked_in: tuple[DataFile, Any] | None = None

    def topics(self, timeout: float) -> list[TopicInfo]:
        return [
            TopicInfo(
                name,
                len([each for each in data_set.partitions if each is not None]) or None,
                data_set.manifest.rows,
                data_set.manifest.bytes,
                details={"captured_from": data_set.manifest.source, "captured": data_set.manifest.ended},
            )
            for name, data_set in self._connection.data_sets().items()
        ]

    def describe(self, topic: str, timeout: float) -> TopicDescription:
        data_set = self._connection.data_set(topic)
        manifest = data_set.manifest
        details: dict[str, Any] = {
            "captured_from": manifest.source,
            "first_capture": manifest.begun,
            "last_capture": manifest.ended,
            "files": len(manifest.files),
            "folder": str(data_set.folder),
        }
        if manifest.gaps:
            details["missing"] = [gap.shown for gap in manifest.gaps]
        if manifest.misfits:
            details["did_not_fit"] = [f"{count:,} of {name}" for name, count in manifest.misfits.items()]
        bounds = tuple(_bounds(data_set))
        return TopicDescription(topic, bounds, (), manifest.bytes, details)

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        data_set = self._connection.data_set(topic)
        whole = topic == data_set.manifest.topic
        return [each if whole else replace(each, counted="at most") for each in _bounds(data_set)]

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        data_set = self._connection.data_set(topic)
        found: dict[int | None, int] = {}
        for partition in data_set.partitions:
            for file in data_set.files(partition):
                if partition in found and file.start >= found[partition]:
                    break
                place = _first_since(data_set, file, microseconds)
                if place is not None:
                    found[partition] = min(place, found.get(partition, place))
        return found

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        return "first"

    def at_id(self, message_id: str) -> tuple[int | None, int]:
        numbered = [each for each in self._connection.data_sets().values() if each.manifest.numbered]
        if not numbered:
            raise NotSupported("the ids of this data set are not positions: give an offset or a time")
        places = [(data_set, file) for data_set in numbered for file in data_set.manifest.files]
        # rows that are asked for one after the other lie in the same file mostly
        places.sort(key=lambda place: self._looked_in is None or place[1] != self._looked_in[0])
        for data_set, file in places:
            if self._looked_in is None or self._looked_in[0] != file:
                self._looked_in = file, pq.read_table(file.place(data_set.folder), columns=["id", NUMBER])
            table = self._looked_in[1]
            row = pc.index(table.column("id"), message_id).as_py()
            if row >= 0:
                return file.partition, table.column(NUMBER)[row].as_py()
        raise ConfigError(f"no message of the data set has the id {message_id!r:.60}")


def _bounds(data_set: DataSet) -> list[Bounds]:
    found = {each.partition: each for each in data_set.manifest.partitions}
    return [_range(found[number], data_set.manifest.numbered) for number in data_set.partitions]


def _range(reached: Reached, numbered: bool) -> Bounds:
    start, end = (0, reached.rows) if numbered else (reached.start, reached.next)
    return Bounds(reached.partition, start, end, reached.rows, counted="exact")


def _first_since(data_set: DataSet, file: DataFile, microseconds: int) -> int | None:
    """Return the position of the first row of a file at or after a moment; None if there is none."""
    if file.last_time is None or file.last_time < microseconds:
        return None
    position = position_column(data_set.manifest.numbered)
    opened = pq.ParquetFile(file.place(data_set.folder))
    for batch in opened.iter_batches(columns=[position, "publish_time"]):
        stored: Any = batch.column("publish_time").cast(pa.int64())
        times = pc.greater_equal(stored, pa.scalar(microseconds))
        row = pc.index(times, True).as_py()
        if row >= 0:
            return int(batch.column(position)[row].as_py())
    return None
