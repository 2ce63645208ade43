"""Removing messages of a stream: those of a topic before a sequence number, and single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nats.js import errors as js_errors

from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, NotFound, NotSupported, Unavailable
from brokerkit.core.vocabulary.purging import PurgePlan

from .connection import JetStreamConnection
from .errors import translate
from .loop import LoopThread
from .source import find_source

SEQUENCE_NOT_FOUND = 10043


class JetStreamPurging(PurgingDriver):
    """A remover of messages of streams."""

    def __init__(self, loop: LoopThread, connection: JetStreamConnection) -> None:
        self._loop = loop
        self._connection = connection

    def check(self, plan: PurgePlan, timeout: float) -> tuple[str, ...]:
        return self._loop.run(self._check(plan, timeout), timeout)

    async def _check(self, plan: PurgePlan, timeout: float) -> tuple[str, ...]:
        source = await find_source(self._connection, plan.topic, timeout)
        config = (await self._connection.stream_info(source.stream, timeout))["config"]
        setting = "deny_delete" if plan.kind == "messages" else "deny_purge"
        if config.get(setting) or config.get("sealed"):
            why = "sealed" if config.get("sealed") else setting
            other = (
                "purge(TOPIC, before=...) may be allowed"
                if plan.kind == "messages" and not config.get("deny_purge") and not config.get("sealed")
                else "its messages go by its limits only (max_age, max_msgs), or with the stream"
            )
            raise NotSupported(f"stream {source.stream!r} does not allow it ({why}): {other}")
        if plan.kind == "messages" or source.filters or len(source.subjects) < 2:
            return ()
        return (f"all subjects of stream {source.stream!r}: {', '.join(source.subjects)}",)

    def cut(self, topic: str, targets: Mapping[int | None, int], timeout: float) -> int | None:
        return self._loop.run(self._cut(topic, next(iter(targets.values())), timeout), timeout)

    async def _cut(self, topic: str, sequence: int, timeout: float) -> int:
        source = await find_source(self._connection, topic, timeout)
        purged = 0
        for each in source.filters or (None,):
            wanted = {"seq": sequence} if each is None else {"filter": each, "seq": sequence}
            answer = await self._connection.request(f"STREAM.PURGE.{source.stream}", wanted, timeout)
            purged += int(answer.get("purged") or 0)
        return purged

    def remove(
        self, topic: str, places: Sequence[tuple[int | None, int]], timeout: float
    ) -> list[BrokerError | None]:
        return self._loop.run(self._remove(topic, [place for _, place in places], timeout), timeout)

    async def _remove(self, topic: str, sequences: Sequence[int], timeout: float) -> list[BrokerError | None]:
        deadline = Deadline(timeout)
        source = await find_source(self._connection, topic, timeout)
        errors: list[BrokerError | None] = []
        for sequence in sequences:
            wanted = {"seq": sequence, "no_erase": True}
            if deadline.passed:
                errors.append(Unavailable(f"the time was up before {sequence} was asked to be removed"))
                continue
            try:
                await self._connection.request(
                    f"STREAM.MSG.DELETE.{source.stream}", wanted, deadline.remaining()
                )
            except js_errors.APIError as error:
                gone = error.err_code == SEQUENCE_NOT_FOUND
                errors.append(NotFound(f"{sequence} is not there any more") if gone else translate(error))
            except BrokerError as error:
                errors.append(error)
            else:
                errors.append(None)
        return errors
