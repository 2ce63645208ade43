"""The dead letters of JetStream: what advisories name, and topics by a usual name.

The server keeps no dead letters. It publishes an advisory when a consumer gives a message up, or terminates
it; a stream that listens to these subjects keeps them. They name the message, which is in its stream still.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from nats.js import errors as js_errors

from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import OURS, DeadLetterPlace
from brokerkit.core.vocabulary.errors import BrokerError, NotFound

from .connection import JetStreamConnection
from .durable import filters_of
from .errors import translate
from .headers import inbound
from .loop import LoopThread
from .purging import SEQUENCE_NOT_FOUND
from .reader import READER_PREFIX
from .source import find_source
from .stored import Stored, next_stored
from .subjects import covered

ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER."
KINDS = {"MAX_DELIVERIES": "given up after the last delivery", "MSG_TERMINATED": "terminated"}
REMOVES = ("workqueue", "interest")
"""The retention policies of streams that keep a message only for those who have to work on it."""
AT_ONCE = 100


class JetStreamDeadLetters(DeadLettersDriver):
    """Messages that advisories name, and topics of dead letters. Both are deleted one by one."""

    hint = (
        "; the server's own are kept by a stream on its advisories: create_topic('advisories', subjects="
        "['$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>', '$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>'])"
    )

    def __init__(self, loop: LoopThread, connection: JetStreamConnection) -> None:
        self._loop = loop
        self._connection = connection
        self._originals: dict[tuple[str, str], tuple[str, int]] = {}

    def places(self, topic: str, timeout: float) -> list[DeadLetterPlace]:
        return self._loop.run(self._places(topic, timeout), timeout)

    async def _places(self, topic: str, timeout: float) -> list[DeadLetterPlace]:
        if topic.startswith(ADVISORIES):
            return [await self._place(topic, timeout)]
        source = await find_source(self._connection, topic, timeout)
        found: list[DeadLetterPlace] = []
        caution: str | None = None
        for event, kind in KINDS.items():
            subject = f"{ADVISORIES}{event}.{source.stream}.*"
            wanted = {"subject": subject}
            names = [
                each async for each in self._connection.pages("STREAM.NAMES", "streams", timeout, wanted)
            ]
            if names and not found:
                caution = await self._caution(source.stream, topic, timeout)
            if names:
                found.append(DeadLetterPlace(subject, kind, "delete", topic, caution=caution))
        return found

    async def _caution(self, stream: str, topic: str, timeout: float) -> str | None:
        """Return which other consumers get what is published again."""
        names = [
            each["name"]
            async for each in self._connection.pages(f"CONSUMER.LIST.{stream}", "consumers", timeout)
            if not each["name"].startswith(READER_PREFIX)
            and (not filters_of(each["config"]) or covered(topic, filters_of(each["config"])))
        ]
        if len(names) < 2:
            return None
        return (
            f"{topic!r} has {len(names)} consumers ({', '.join(sorted(names)[:10])}), and each gets the "
            "copies: to= names another subject"
        )

    def place(self, name: str, timeout: float) -> DeadLetterPlace:
        return self._loop.run(self._place(name, timeout), timeout)

    async def _place(self, name: str, timeout: float) -> DeadLetterPlace:
        await find_source(self._connection, name, timeout)
        event = name.removeprefix(ADVISORIES).partition(".")[0] if name.startswith(ADVISORIES) else ""
        return DeadLetterPlace(name, KINDS.get(event, "dead letters"), "delete")

    # Advisories.

    def restored(self, place: DeadLetterPlace, columns: Columns, timeout: float) -> Columns:
        if not place.name.startswith(ADVISORIES):
            return columns
        return self._loop.run(self._restored(place, columns.as_lists(), timeout), timeout)

    async def _restored(self, place: DeadLetterPlace, columns: Columns, timeout: float) -> Columns:
        notices = [_notice(each) for each in columns.values("value")]
        originals = await self._fetched(notices, timeout)
        rows: list[int] = []
        keys, values, attributes = [], [], []
        for row, (notice, original, identity) in enumerate(
            zip(notices, originals, columns.values("id"), strict=True)
        ):
            if original is not None and place.origin and not covered(original.subject, [place.origin]):
                # it is of another topic of the same stream
                continue
            rows.append(row)
            self._originals[place.name, str(identity)] = (notice["stream"], notice["stream_seq"])
            key, pairs = (None, None) if original is None else inbound(original.headers)
            keys.append(key)
            values.append(None if original is None else original.data)
            attributes.append([*(pairs or ()), *_told(notice, original)])
        kept = columns.take(rows)
        return Columns(
            len(rows),
            topic=place.name,
            partition=kept.partition,
            offset=kept.offset,
            id=kept.id,
            key=keys,
            value=values,
            attributes=attributes,
            publish_time=kept.publish_time,
            ingestion_time=kept.ingestion_time,
            position=kept.position,
        )

    async def _fetched(self, notices: Sequence[dict[str, Any]], timeout: float) -> list[Stored | None]:
        """Return the messages that advisories name. None for one that is not there any more."""
        found: list[Stored | None] = []
        for start in range(0, len(notices), AT_ONCE):
            some = notices[start : start + AT_ONCE]
            found += await asyncio.gather(*(self._original(each, timeout) for each in some))
        return found

    async def _original(self, notice: dict[str, Any], timeout: float) -> Stored | None:
        stream, sequence = notice["stream"], notice["stream_seq"]
        try:
            stored = await next_stored(self._connection, stream, sequence, (), timeout)
        except js_errors.NotFoundError:
            return None
        return stored if stored is not None and stored.sequence == sequence else None

    # Removing.

    def remove(self, place: DeadLetterPlace, ids: Sequence[str], timeout: float) -> list[BrokerError | None]:
        return self._loop.run(self._remove(place, ids, timeout), timeout)

    async def _remove(
        self, place: DeadLetterPlace, ids: Sequence[str], timeout: float
    ) -> list[BrokerError | None]:
        source = await find_source(self._connection, place.name, timeout)
        kept_for_work: dict[str, bool] = {}
        for stream in {
            self._originals[place.name, each][0] for each in ids if (place.name, each) in self._originals
        }:
            config = (await self._connection.stream_info(stream, timeout))["config"]
            kept_for_work[stream] = config.get("retention") in REMOVES

        async def one(identity: str) -> BrokerError | None:
            original = self._originals.get((place.name, identity))
            if original is not None and kept_for_work[original[0]]:
                error = await self._deleted(*original, timeout)
                if error is not None:
                    return error
            return await self._deleted(source.stream, int(identity), timeout)

        found: list[BrokerError | None] = []
        for start in range(0, len(ids), AT_ONCE):
            found += await asyncio.gather(*map(one, ids[start : start + AT_ONCE]))
        return found

    async def _deleted(self, stream: str, sequence: int, timeout: float) -> BrokerError | None:
        wanted = {"seq": sequence, "no_erase": True}
        try:
            await self._connection.request(f"STREAM.MSG.DELETE.{stream}", wanted, timeout)
        except js_errors.APIError as error:
            return None if error.err_code == SEQUENCE_NOT_FOUND else translate(error)
        except NotFound:
            return None
        except BrokerError as error:
            return error
        return None


def _notice(value: bytes | None) -> dict[str, Any]:
    """Return what an advisory says; the number 0 if it is not one."""
    try:
        told = json.loads(value or b"{}")
        return {
            "stream": str(told["stream"]),
            "stream_seq": int(told["stream_seq"]),
            "consumer": str(told.get("consumer") or ""),
            "deliveries": int(told.get("deliveries") or 0),
            "reason": str(told.get("reason") or ""),
            "type": str(told.get("type") or ""),
        }
    except (ValueError, KeyError, TypeError):
        return {"stream": "", "stream_seq": 0, "consumer": "", "deliveries": 0, "reason": "", "type": ""}


def _told(notice: dict[str, Any], original: Stored | None) -> list[tuple[str, str]]:
    """Return what an advisory says as attributes."""
    event = notice["type"].rpartition(".")[2] or "advisory"
    told = {
        "reason": notice["reason"] or event,
        "deliveries": str(notice["deliveries"]),
        "offset": str(notice["stream_seq"]),
        "subscription": notice["consumer"],
    }
    if original is None:
        told["missing"] = (
            f"message {notice['stream_seq']} of stream {notice['stream']!r} is not there any more"
        )
    else:
        told |= {"topic": original.subject, "time": str(original.time // 1000)}
    return [(OURS + name, text) for name, text in told.items() if text]
